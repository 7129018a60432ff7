"""Model cards, of a run and of a shipped skill: what was trained on what, how, and how well, as Markdown for people and
the Hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from .data import short_name
from .errors import DemoError
from .finetuning import TrainConfig
from .models import BUNDLED_REPO, RUN_ID, default_checkpoint, locate, runs_root, seen_by_base
from .results import AblationResult, DistillResult, Evaluation, FinetuneResult, to_dict
from .tasks import Task, get_task

if TYPE_CHECKING:
    from .runs import RunRecord

NOT_TOLD = ("output_dir", "probe")  # a folder of this machine; somebody's text, which changes nothing in the model
ADAPTERS = {  # method of the run -> what its adapter of these ranks is
    "lora": "A LoRA adapter (rank {}, float16)",
    "full": "A fine-tune of all weights, kept as a LoRA adapter (float16): the truncated singular value decomposition "
    "of what changed, rank {} in the linear layers and {} in the embeddings,",
}
DATA, OUTPUT = "DIR", "RUN"  # in the commands of a card: where the data lie, and the folder of the run


def run_card(record: RunRecord, result: FinetuneResult | DistillResult | AblationResult) -> str:
    """README.md of the run folder."""
    cards = {DistillResult: student_card, AblationResult: ablation_card}
    return cards.get(type(result), model_card)(record, result)


def model_card(record: RunRecord, result: FinetuneResult) -> str:
    """README.md of a fine-tune."""
    task, evaluation, config = get_task(record.task), result.evaluation, record.config
    start = _for_others(config.checkpoint or "bundled")
    seen = _seen(config.checkpoint, task)
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            *([f"datasets: [{task.dataset[0]}]"] if evaluation.data_source.kind in ("hub", "mirror") else []),
            "tags: [minilm, fine-tuned-in-a-demo]",
            "---",
            "",
            f"# {start} fine-tuned on {task.name}",
            "",
            f"{task.title} Trained with MiniLM Demo on {result.examples:,} rows in {result.seconds:.0f} s; "
            f"the weights of step {result.step} of {result.steps} were kept.",
            "",
            f"Scored on: {evaluation.data_source.description}.",
            "",
            *_scores(evaluation),
            "",
            *([f"The bundled checkpoint's own training had already seen {seen}.", ""] if seen else []),
            *_how(record, result),
            "",
            "A model made for teaching, from few rows: not for decisions about people.",
            "",
        ]
    )


def _seen(checkpoint: str, task: Task) -> str:
    """What the bundled checkpoint had seen of the task, if a fine-tune began with it or with what was made of it."""
    try:
        return seen_by_base(locate(checkpoint or default_checkpoint()), task)
    except DemoError:  # the run it began with is gone
        return ""


def student_card(record: RunRecord, result: DistillResult) -> str:
    """README.md of a distillation."""
    teacher = _for_others(record.config.teacher or "bundled")
    losses = [
        f"| {name.replace('_', ' ')} | {result.losses_before[name]:.3f} | {loss:.3f} |"
        for name, loss in result.losses.items()
    ]
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            "tags: [minilm, distilled-in-a-demo]",
            "---",
            "",
            f"# A student of {teacher}: {result.layers} layers x {result.hidden_size}, {result.heads} heads",
            "",
            f"An encoder of {result.parameters / 1e6:.1f} million weights (its teacher has "
            f"{result.teacher_parameters / 1e6:.1f}), distilled with MiniLM Demo by the recipe {result.recipe} in "
            f"{result.steps:,} steps, {result.seconds:.0f} s; {result.examples_seen:,} texts read, of "
            f"{result.examples:,} different ones. It has no output layer yet: it is made to be fine-tuned.",
            "",
            f"Texts: {result.data_source.description}. No label was used.",
            "",
            f"How far it is from its teacher on {result.validation_examples} other texts, KL(teacher ‖ student) in "
            f"nats per head and token. Learned: {' + '.join(name.replace('_', ' ') for name in result.learned)}.",
            "",
            "| relation | before | after |",
            "|---|---|---|",
            *losses,
            "",
            *_asked_for(record, result),
            "",
            "A model made for teaching, from few texts: not for decisions about people.",
            "",
        ]
    )


def ablation_card(record: RunRecord, result: AblationResult) -> str:
    """README.md of an experiment; it leaves no model."""
    arms = [
        f"| {arm.title} | {', '.join(f'{score:.3f}' for score in arm.scores)} | {arm.mean:.3f} "
        f"| {arm.interval[0]:.3f} to {arm.interval[1]:.3f} (over {arm.interval_of}) |"
        for arm in result.arms
    ]
    minutes = sum(result.seconds.values()) / 60
    return "\n".join(
        [
            f"# Does distillation help? {result.layers} layers x {result.hidden_size} on {result.task}",
            "",
            f"{len(result.students)} of {result.planned} students of {_for_others(result.teacher)}, each "
            f"fine-tuned on {result.train_examples:,} examples; where distilled, in {result.steps:,} steps of "
            f"{result.batch_size} texts. {minutes:.0f} minutes in all.",
            "",
            f"Learned from: {result.data_source.description}. Scored: {result.metric} on {result.examples:,} rows of "
            f"{result.split}; the majority class scores {result.baseline:.3f}.",
            "",
            "| how it began | scores, one a seed | mean | 95 % interval |",
            "|---|---|---|---|",
            *arms,
            "",
            *_asked_for(record, result),
            "",
        ]
    )


def _scores(evaluation: Evaluation) -> list[str]:
    """A table of all scores."""
    rows = [
        f"| {split} | {metric} | {value:.3f} | {low:.3f} to {high:.3f} | {evaluation.baseline[split][metric]:.3f} |"
        for split, values in evaluation.metrics.items()
        for metric, value in values.items()
        for low, high in [evaluation.intervals[split][metric]]
    ]
    return ["| split | metric | score | 95 % interval | majority baseline |", "|---|---|---|---|---|", *rows]


def _how(record: RunRecord, result: FinetuneResult) -> list[str]:
    """Rows, settings as asked and as resolved, versions."""
    rows = ", ".join(f"{name} ({count:,} rows)" for name, count in result.splits.items())
    return [f"Trained on: {rows}.", "", *_asked_for(record, result)]


def _asked_for(record: RunRecord, result: FinetuneResult | DistillResult | AblationResult) -> list[str]:
    """Settings as asked and as resolved, versions."""
    asked = {
        name: _for_others(value)
        for name, value in vars(record.config).items()
        if value not in (None, (), "") and name not in NOT_TOLD
    }
    resolved = to_dict(result.settings) if result.settings else {}
    asked |= {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in resolved.items()
        if value is not None
    }
    return [
        "Asked for: " + ", ".join(f"{name}={value}" for name, value in asked.items()) + ".",
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in record.versions.items()) + ".",
    ]


def skill_card(
    skill: str,
    task: Task,
    place: str,
    ranks: Sequence[int],
    record: RunRecord,
    result: FinetuneResult,
    evaluation: Evaluation,
    *,
    threshold: float | None,
    probes: Sequence[bool] | None,
    weak_at: str,
    extra_data: Sequence[str] = (),
    note: str = "",
    before: Sequence[TrainConfig] = (),
) -> str:
    """README.md of a skill's adapter. `place`: its folder from the root of the repository; `ranks` and
    `evaluation`: of what is packed there; `probes`: which of the hand-written test probes came out right; `extra_data`:
    what the extra rows are, and their terms; `note`: what else is to be said of the rows; `before`: the fine-tunes
    before this one, in their order; each began with the one before."""
    data = [f"{' '.join(filter(None, task.dataset))}, {task.terms}", *extra_data]
    head = "QuestionAnswering" if task.kind == "span" else "SequenceClassification"
    adapter = ADAPTERS[record.config.method].format(*ranks)
    labels = f", num_labels={len(task.labels)}" if task.labels else ""
    order = f" Labels, in this order: {', '.join(task.labels)}." if task.labels else ""
    lines = [
        "---",
        "library_name: peft",
        f"base_model: {BUNDLED_REPO}",
        f"datasets: [{task.dataset[0]}]",
        "license: other",
        "tags: [minilm, lora, minilm-demo]",
        "---",
        "",
        f"# {skill}: all-MiniLM-L6-v2 fine-tuned on {task.name}",
        "",
        f"{task.title}{'' if task.title.endswith('?') else '.'} {adapter} of {BUNDLED_REPO}, "
        f"6 layers x 384, shipped with MiniLM Demo.{order}",
        "",
        "## How good it is",
        "",
        f"Scored on: {evaluation.data_source.description}.",
        "",
        *_scores(evaluation),
        "",
        *_probe_lines(probes),
        f"Not good at: {weak_at}",
        "",
        "## How it was made",
        "",
        "```sh",
        *_finetune_commands(task, [*before, record.config]),
        f"python -m minilm_demo skills pack {skill} {OUTPUT} --data {DATA}",
        "```",
        "",
        f"All in one: `python -m minilm_demo skills train {skill} --data {DATA}`. The weights of step {result.step} "
        f"of {result.steps} were kept, the best on held-back train rows ({task.metrics[0]}); the "
        f"{'last ' * bool(before)}training took {result.seconds / 60:.0f} minutes.",
        "",
        *_how(record, result),
        "",
    ]
    if note:
        lines += [note, ""]
    if before and record.config.checkpoint == skill:
        lines += [
            "Each fine-tune began with the one before as it was packed, an adapter of low rank in float16; by these "
            "commands it begins with all weights of the run before.",
            "",
        ]
    if threshold is not None:
        lines += [
            f"No-answer threshold: {threshold:g}, chosen on the held-back train rows; the validation rows had no part "
            "in it.",
            "",
        ]
    if task.seen_by_bundled:
        lines += [f"The base model's own training had already seen {task.seen_by_bundled}.", ""]
    lines += [
        "## Without this program",
        "",
        "```python",
        "import peft",
        "import transformers",
        "",
        f'name = "{BUNDLED_REPO}"',
        f"base = transformers.AutoModelFor{head}.from_pretrained(name{labels})",
        f'model = peft.PeftModel.from_pretrained(base, "{place}")',
        "```",
        "",
        "## Terms",
        "",
        f"The data: {'; '.join(data)}. None of its rows is in this repository. The base model: Apache 2.0. MIT covers "
        "the program, not this adapter, which may be used as the terms of its data allow.",
        "",
        "Made for teaching: not for decisions about people.",
        "",
    ]
    return "\n".join(lines)


def _finetune_commands(task: Task, configs: Sequence[TrainConfig]) -> list[str]:
    """Of fine-tunes that begin one with the other."""
    folders = [*(f"{OUTPUT}-{number}" for number in range(1, len(configs))), OUTPUT]
    starts = ["", *folders]
    return [
        finetune_command(task, config, start=start, output=folder)
        for config, start, folder in zip(configs, starts, folders, strict=False)
    ]


def finetune_command(task: Task, config: TrainConfig, *, start: str = "", output: str = OUTPUT) -> str:
    """The command of the shell that asks for this fine-tune, without a path of this machine; `start`: the folder it
    begins with, unless that is the bundled checkpoint."""
    words = [f"python -m minilm_demo finetune {task.name} --data {DATA}", *([f"--checkpoint {start}"] if start else [])]
    for one in fields(config):
        value = getattr(config, one.name)
        if one.name in ("checkpoint", "data", *NOT_TOLD) or (value == one.default and one.name != "seed"):
            continue
        values = [_below_data(path, config.data) for path in value] if isinstance(value, tuple) else [value]
        told = [f"{given:g}" if isinstance(given, float) else given for given in values]
        words += [f"--{one.name.replace('_', '-')} {given}" for given in told]
    return " ".join([*words, f"--output {output}"])


def _below_data(path: str, data: str) -> str:
    """A path as it is called from the data's folder, or its last part where it lies elsewhere."""
    below = Path(path).relative_to(data) if Path(path).is_relative_to(data) else Path(path).name
    return (DATA / Path(below)).as_posix()


def _probe_lines(probes: Sequence[bool] | None) -> list[str]:
    if not probes:
        return []
    said = (
        f"Of {len(probes)} hand-written probes that no data set has seen (tests/probes), {sum(probes)} came out right"
    )
    return [f"{said} ({100 * sum(probes) / len(probes):.0f} %); nothing was tuned on them.", ""]


def _for_others(value):
    """A card travels with the model: of a path on somebody's machine it tells the last parts only, and of a run no id,
    for whoever knows it may open that run."""
    if isinstance(value, tuple):
        return ", ".join(map(_for_others, value))
    if isinstance(value, str) and RUN_ID.fullmatch(value) and (runs_root() / value).is_dir():
        return "an earlier run"
    is_path = isinstance(value, str) and (Path(value).is_absolute() or value.startswith((".", "~")))
    return short_name(Path(value)) if is_path else value
