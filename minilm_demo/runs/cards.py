"""Model cards of runs and of shipped skills, as Markdown for people and the Hub: data, settings and scores.

The text is in `card_templates/`; `huggingface_hub` writes the front matter, scores included.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import short_name
from ..errors import DemoError
from ..jobs import TrainConfig
from ..models import BUNDLED_REPO, Location, default_checkpoint, locate, public_name, runs_root, seen_by_base
from ..models.kinds import kind_of
from ..results import RUN_ID, AblationResult, DataSource, DistillResult, Evaluation, FinetuneResult, to_dict
from ..tasks import Task, get_task
from ..views import rows_seen, texts_seen

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

    from .records import RunRecord

TEMPLATES = Path(__file__).resolve().parent / "card_templates"
PRIVATE_FIELDS = ("output_dir", "overwrite", "probe")  # of this machine; a watched text does not change the model
ADAPTERS = {  # method of the run -> description of its adapter of these ranks
    "lora": "A LoRA adapter (rank {}, float16)",
    "full": "A fine-tune of all weights, kept as a LoRA adapter (float16): the truncated singular value decomposition "
    "of what changed, rank {} in the linear layers and {} in the embeddings,",
}
AN_EARLIER_RUN = "an earlier run"  # in place of its id
DATA, OUTPUT = "DIR", "RUN"  # placeholders in the commands of a card: the folders of the data and of the run

# Words of the front matter.
OFFICIAL = ("hub", "mirror")  # kinds of source with rows of the official data set
# Names of the other kinds; no ids of data sets.
OTHER_DATA = {"sample": "bundled-sample", "file": "own-file", "folder": "own-folder"}
METRIC_IDS = {"matthews": "matthews_correlation", "pearson": "pearsonr", "spearman": "spearmanr"}


@dataclass(frozen=True)
class PackedSkill:
    """The contents of a skill's card besides the run that its adapter was made from."""

    skill: str
    task: Task
    place: str  # folder of the adapter, relative to the root of the repository
    ranks: Sequence[int]  # of the adapter
    evaluation: Evaluation  # of the packed adapter
    threshold: float | None  # no-answer threshold
    probes: Sequence[bool] | None  # whether each hand-written test row was answered correctly
    weak_at: str
    extra_data: Sequence[str] = ()  # descriptions of extra rows, with their terms
    note: str = ""  # further words on the rows
    before: Sequence[TrainConfig] = ()  # earlier fine-tunes, in order; each began with the one before


def model_card(record: RunRecord, result: FinetuneResult) -> str:
    """README.md of a fine-tune."""
    task, source = get_task(record.task), result.evaluation.data_source
    base = _location(record.config.checkpoint)
    made = f"{_public(record.config.checkpoint or 'bundled')} fine-tuned on {task.title if task.own else task.name}"
    title = record.name or made
    front = {
        "library_name": "transformers",
        "base_model": _hub_name(base),
        "datasets": [task.dataset[0]] if source.kind in OFFICIAL else None,
        "tags": ["minilm", "fine-tuned-in-a-demo"],
        "model_name": title,
        "metrics": [METRIC_IDS.get(metric, metric) for metric in task.metrics],
        "eval_results": _eval_results(task, result.evaluation),
    }
    return _render(
        "fine_tune",
        front,
        title=title,
        task=task,
        result=result,
        scores=_scores(result.evaluation),
        seen=seen_by_base(base, task) if base else "",
        seen_rows=rows_seen(result),
        rows=_rows(result),
        **_settings(record, result),
    )


def adapter_card(record: RunRecord, result: FinetuneResult) -> str:
    """README.md of the adapter of a LoRA fine-tune, which says how it is loaded."""
    task, base = get_task(record.task), _location(record.config.checkpoint)
    start = _public(record.config.checkpoint or "bundled")
    title = record.name or f"{start} fine-tuned on {task.title if task.own else task.name}"
    is_run = start == AN_EARLIER_RUN
    front = {
        "library_name": "peft",
        "base_model": _hub_name(base),
        "tags": ["minilm", "lora", "fine-tuned-in-a-demo"],
        "model_name": title,
        "metrics": [METRIC_IDS.get(metric, metric) for metric in task.metrics],
        "eval_results": _eval_results(task, result.evaluation),
    }
    return _render(
        "adapter",
        front,
        title=title,
        task=task,
        result=result,
        base=f"{AN_EARLIER_RUN} (RUN: the folder of its model)" if is_run else start,
        start="RUN" if is_run else start,
        needs_program=base is None or base.is_skill,
        model_class=kind_of(task).model_class,
        outputs=len(task.labels) or (1 if kind_of(task).model_class == "SequenceClassification" else None),
        scores=_scores(result.evaluation),
        seen_rows=rows_seen(result),
        **_settings(record, result),
    )


def student_card(record: RunRecord, result: DistillResult) -> str:
    """README.md of a distillation."""
    teacher = _public(record.config.teacher or "bundled")
    made = f"A student of {teacher}: {result.layers} layers x {result.hidden_size}, {result.heads} heads"
    title = record.name or made
    front = {
        "library_name": "transformers",
        "base_model": _hub_name(_location(record.config.teacher)),
        "tags": ["minilm", "distilled-in-a-demo"],
    }
    return _render(
        "student", front, title=title, result=result, seen_texts=texts_seen(result), **_settings(record, result)
    )


def ablation_card(record: RunRecord, result: AblationResult) -> str:
    """README.md of an experiment, which has no model."""
    minutes = sum(result.seconds.values()) / 60
    front = {"tags": ["minilm", "experiment-in-a-demo"]}
    teacher = _public(result.teacher)
    return _render("experiment", front, result=result, teacher=teacher, minutes=minutes, **_settings(record, result))


def skill_card(packed: PackedSkill, record: RunRecord, result: FinetuneResult) -> str:
    """README.md of a skill's adapter that was made from this run."""
    task = packed.task
    title = f"{packed.skill}: all-MiniLM-L6-v2 fine-tuned on {task.title if task.own else task.name}"
    front = {
        "library_name": "peft",
        "base_model": BUNDLED_REPO,
        "datasets": [task.dataset[0]],
        "license": "other",
        "tags": ["minilm", "lora", "minilm-demo"],
        "model_name": title,
        "eval_results": _eval_results(task, packed.evaluation),
    }
    return _render(
        "skill",
        front,
        title=title,
        packed=packed,
        task=task,
        result=result,
        adapter=ADAPTERS[record.config.method].format(*packed.ranks),
        model_class=kind_of(task).model_class,
        scores=_scores(packed.evaluation),
        commands=_finetune_lines(task, [*packed.before, record.config]),
        data=DATA,
        output=OUTPUT,
        rows=_rows(result),
        began_as_packed=bool(packed.before) and record.config.checkpoint == packed.skill,
        terms="; ".join([f"{' '.join(filter(None, task.dataset))}, {task.terms}", *packed.extra_data]),
        **_settings(record, result),
    )


def _render(template: str, front: Mapping, **values) -> str:
    """A card as Markdown. `front` are fields of `ModelCardData`, `values` the variables of the template. Values are
    inserted as text, never rendered as templates."""
    from huggingface_hub import ModelCard, ModelCardData

    card = ModelCard.from_template(ModelCardData(**front), template_path=TEMPLATES / f"{template}.md", **values)
    return f"{card}\n"


# -- the front matter ----------------------------------------------------------------------------------------------


def _location(checkpoint: str) -> Location | None:
    """The location of the checkpoint that a training began with; None if it no longer exists."""
    try:
        return locate(checkpoint or default_checkpoint())
    except DemoError:
        return None


def _hub_name(location: Location | None) -> str | None:
    """The Hub name of a checkpoint; None for a run or a folder of this machine."""
    if location is None:
        return None
    name = BUNDLED_REPO if location.is_skill else public_name(location)
    return name if "/" in name else None


def _eval_results(task: Task, evaluation: Evaluation) -> list[EvalResult]:
    """The scores in the Hub's format, one per metric and split."""
    from huggingface_hub import EvalResult

    source = evaluation.data_source
    return [
        EvalResult(
            task_type=kind_of(task).hub_task,
            dataset_name=source.description,
            dataset_split=split,
            metric_type=METRIC_IDS.get(metric, metric),
            metric_name=metric,
            metric_value=round(value, 4),
            **_dataset_id(task, source),
        )
        for split, values in evaluation.metrics.items()
        for metric, value in values.items()
    ]


def _dataset_id(task: Task, source: DataSource) -> dict[str, str | None]:
    """The data set fields of a score. Only rows of the official data set have its name."""
    if source.kind in OFFICIAL:
        name, configuration = task.dataset
        return {"dataset_type": name, "dataset_config": configuration}
    return {"dataset_type": OTHER_DATA[source.kind]}


# -- parts of the text ---------------------------------------------------------------------------------------------


def _scores(evaluation: Evaluation) -> str:
    """All scores as a Markdown table."""
    rows = [
        f"| {split} | {metric} | {value:.3f} | {low:.3f} to {high:.3f} | {_constant(evaluation, split, metric)} |"
        for split, values in evaluation.metrics.items()
        for metric, value in values.items()
        for low, high in [evaluation.intervals[split][metric]]
    ]
    heading = "| split | metric | score | 95 % interval | best constant answer |"
    return "\n".join([heading, "|---|---|---|---|---|", *rows])


def _constant(evaluation: Evaluation, split: str, metric: str) -> str:
    """The score of the best constant answer, and the answer if there is a best one."""
    answer = evaluation.baseline_answers.get(split, {}).get(metric, "")
    score = f"{evaluation.baseline[split][metric]:.3f}"
    return f"{score}: {answer}" if answer else score


def _rows(result: FinetuneResult) -> str:
    return ", ".join(f"{name} ({count:,} rows)" for name, count in result.splits.items())


def _settings(record: RunRecord, result: FinetuneResult | DistillResult | AblationResult) -> dict[str, str]:
    """The settings of a run, configured and resolved, and its package versions, as text."""
    settings = {
        name: _public(value)
        for name, value in vars(record.config).items()
        if value not in (None, (), "") and name not in PRIVATE_FIELDS
    }
    resolved = to_dict(result.settings) if result.settings else {}
    settings |= {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in resolved.items()
        if value is not None
    }
    return {
        "settings": ", ".join(f"{name}={value}" for name, value in settings.items()),
        "versions": ", ".join(f"{name} {version}" for name, version in record.versions.items()),
    }


def _finetune_lines(task: Task, configs: Sequence[TrainConfig]) -> list[str]:
    """The shell commands of fine-tunes each of which begins with the one before."""
    folders = [*(f"{OUTPUT}-{number}" for number in range(1, len(configs))), OUTPUT]
    starts = ["", *folders]
    return [
        finetune_shell_line(task, config, start=start, output=folder)
        for config, start, folder in zip(configs, starts, folders, strict=False)
    ]


def finetune_shell_line(task: Task, config: TrainConfig, *, start: str = "", output: str = OUTPUT) -> str:
    """The shell command of this fine-tune, without paths of this machine. `start` is the folder it begins with; "" is
    the bundled checkpoint."""
    words = [f"python -m minilm_demo finetune {task.name} --data {DATA}", *([f"--checkpoint {start}"] if start else [])]
    for option in fields(config):
        value = getattr(config, option.name)
        is_default = value == option.default and option.name != "seed"
        if is_default or option.name in ("checkpoint", "data", *PRIVATE_FIELDS):
            continue
        texts = _arguments(option.name, value, config.data)
        words += [f"--{option.name.replace('_', '-')} {text}" for text in texts]
    return " ".join([*words, f"--output {output}"])


def _arguments(name: str, value, data: str) -> list[str]:
    """The arguments of the flag of an option, which is repeated for each."""
    if isinstance(value, Mapping):
        return [shlex.quote(",".join(f"{key}={meaning}" for key, meaning in value.items()))]
    if name == "score_range":
        return [",".join(f"{number:g}" for number in value)]
    if isinstance(value, tuple):
        return [_below_data(path, data) for path in value]
    return [f"{value:g}" if isinstance(value, float) else value]


def _below_data(path: str, data: str) -> str:
    """A path relative to the data's folder, or its last part if it is elsewhere."""
    below = Path(path).relative_to(data) if Path(path).is_relative_to(data) else Path(path).name
    return (DATA / Path(below)).as_posix()


def _public(value):
    """A value of a configuration without private parts, because a card is published with its model: the last part of a
    path, and no id of a run, which would grant access to it."""
    if isinstance(value, tuple):
        return ", ".join(str(_public(part)) for part in value)
    if isinstance(value, str) and RUN_ID.fullmatch(value) and (runs_root() / value).is_dir():
        return AN_EARLIER_RUN
    is_path = isinstance(value, str) and (Path(value).is_absolute() or value.startswith((".", "~")))
    return short_name(Path(value)) if is_path else value
