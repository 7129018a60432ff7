"""The shipped skills: fine-tuned by this program, stored as small adapters of the bundled checkpoint.

    python -m minilm_demo skills train sentiment --data DIR

A skill's folder holds `adapter_config.json` and `adapter_model.safetensors` in the format of `peft` (float16), which
load without this program; `skill.json` for this program (no-answer threshold, scores); and `README.md`, the model card.
A fine-tune of all weights becomes such an adapter at low rank (`low_rank`). A skill of several tasks has a folder for
each. The recipes of the trainings are in `assets/skills/recipes.json`. A *probe* here is a hand-written test row.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..errors import DataError, DemoError, UnknownName
from ..jobs import (
    TrainConfig,
    best_threshold,
    evaluate,
    finetune,
    load_rows,
    predict_all,
    predict_rows,
    references,
)
from ..jobs.kinds import kind_of
from ..models import SKILLS_ROOT, Checkpoint, load_adapter, load_checkpoint, public_name, save_difference, skill_folder
from ..results import FINETUNE, Prediction, TrainingEvent, from_dict, to_dict
from ..tasks import SKILLS, Task, get_task
from .cards import PackedSkill, skill_card
from .folder import create_run, state
from .recording import record_events
from .records import RunState

MAX_BYTES = 4_000_000  # of all files of a skill
PACKED_METHODS = ("lora", "full")
RECIPE_FIELDS = (
    "extra_train",
    "begins_with",
    "note",
)  # of a recipe, no plain fields of `TrainConfig`


def recipes() -> Mapping[str, Mapping]:
    """Skill -> {"tasks": task -> fields of `TrainConfig`, "weak_at": words on its weaknesses}.

    "extra_train" maps folders below the data to their descriptions and terms. "note" are further words of the card on
    the rows. "begins_with" are the fields of the fine-tune before this one, if there is one. "ranks" are arguments of
    `save_difference`, lower ones where two adapters share the space of a skill."""
    return json.loads((SKILLS_ROOT / "recipes.json").read_text(encoding="utf-8"))


def recipe(skill: str) -> Mapping:
    """The recipe of a skill. Raises `UnknownName`."""
    table = recipes()
    if skill not in table:
        raise UnknownName("skill", skill, table)
    return table[skill]


def train_skill(
    skill: str,
    data: str,
    work: Path,
    *,
    seed: int | None = None,
    output: Path = SKILLS_ROOT,
    probes: Path | None = None,
) -> Iterator[TrainingEvent]:
    """Train every task of a skill below `work`, and pack each into its folder below `output`. `seed` replaces the
    recipe's.

    Yields the events of all fine-tunes. Raises `DemoError` if one fails. Errors in the rows of any of them, or in the
    file `probes`, are raised before the first begins."""
    tasks, overrides = recipe(skill)["tasks"], {"data": data} if seed is None else {"data": data, "seed": seed}
    read_probes(probes)
    for name, fields in tasks.items():
        for stage in stages(fields):
            load_rows(get_task(name), recipe_config(stage, **overrides))
    for name, fields in tasks.items():
        options = dict(overrides)
        *earlier_stages, last_stage = stages(fields)
        for number, stage in enumerate(earlier_stages, 1):
            folder = str(work / f"{name}-{number}")
            yield from _train(skill, name, stage, **options, output_dir=folder)
            options["checkpoint"] = folder
        yield from _train(skill, name, last_stage, **options, output_dir=str(work / name))
        pack(skill, work / name, data, output=output, probes=probes)


def stages(fields: Mapping) -> list[Mapping]:
    """The fields of a task's fine-tunes in a recipe, in order: each begins with the one before."""
    return [*(stages(fields["begins_with"]) if "begins_with" in fields else []), fields]


def _train(skill: str, task: str, fields: Mapping, **overrides) -> Iterator[TrainingEvent]:
    """One fine-tune of a recipe."""
    record = create_run(FINETUNE, get_task(task), recipe_config(fields, **overrides))
    for event in record_events(record, partial(finetune, task, record.config)):
        yield event
    if event.status != "completed":
        raise DemoError(f"The training of {skill} ended early: {event.message}")


def recipe_config(fields: Mapping, **overrides) -> TrainConfig:
    """The configuration of a recipe's fields; `overrides` has at least `data`."""
    options = {name: value for name, value in fields.items() if name not in RECIPE_FIELDS}
    extra = tuple(str(Path(overrides["data"]) / path) for path in fields.get("extra_train", ()))
    return TrainConfig(**{"method": "lora"} | options | overrides, extra_train=extra)


def pack(skill: str, run: Path, data: str, *, output: Path = SKILLS_ROOT, probes: Path | None = None) -> Path:
    """Pack a finished run into the skill's folder, and return the folder. Raises `DemoError` for an unsuitable run.

    It holds the adapter in float16 (of a full fine-tune: its low-rank difference from the bundled checkpoint), the
    no-answer threshold chosen on the run's held-back rows, the packed adapter's scores on the validation splits of
    `data`, and the model card. The previous files are replaced only when all new ones exist.

    `probes` is a file of hand-written rows with the right answers (`tests/probes`), whose pass rate the card states."""
    run_state = state(run)
    task, skill_recipe = get_task(run_state.record.task), recipe(skill)
    if task.name not in skill_recipe["tasks"]:
        raise DemoError(f"The run is of {task.name}; the skill {skill} is made of {', '.join(skill_recipe['tasks'])}.")
    if run_state.record.config.method not in PACKED_METHODS:
        raise DemoError(
            f"{run.name} is a run with --method {run_state.record.config.method}; skills are made from runs with "
            f"--method {' or '.join(PACKED_METHODS)}."
        )
    if run_state.record.config.method == "lora" and run_state.record.config.checkpoint not in ("", "bundled"):
        raise DemoError(
            f"{run.name} is a LoRA fine-tune that began with {run_state.record.config.checkpoint}: its adapter holds "
            "what changed since then, not since the bundled checkpoint. Fine-tune with --method full."
        )
    probe_rows = read_probes(probes)
    if run_state.record.config.method == "full":
        _save_difference(run, task, skill_recipe.get("ranks", {}))
    place = output / skill / (task.name if len(skill_recipe["tasks"]) > 1 else "")
    with tempfile.TemporaryDirectory() as draft:
        _write_skill(Path(draft), skill, task, run_state, data, probe_rows, place.relative_to(output))
        place.mkdir(parents=True, exist_ok=True)
        for file in Path(draft).iterdir():
            shutil.copyfile(file, place / file.name)
    return place


def _write_skill(
    folder: Path,
    skill: str,
    task: Task,
    run_state: RunState,
    data: str,
    probes: Sequence[Mapping],
    place: Path,
) -> None:
    """Write the files of a skill's task to `folder`. The card names `place` below assets/skills as their folder."""
    skill_recipe = recipe(skill)
    _copy_adapter(run_state.folder / "adapter", folder)
    _write_record(folder, {"task": task.name})
    config = replace(run_state.record.config, data=data)
    threshold = None
    if task.has_unanswerable:
        held_back = load_rows(task, config).held_back
        if not held_back:
            raise DataError(f"{task.name}: no held-back rows to choose a threshold on; 500 train rows are needed.")
        adapted = predict_all(task, load_adapter(skill, folder, task), held_back)
        threshold = best_threshold(adapted, references(task, held_back))
        _write_record(folder, {"task": task.name, "no_answer_threshold": threshold})
    packed = load_adapter(skill, folder, task)
    evaluation = evaluate(task, packed, data=data)
    passed = run_probes(packed, task, probes) or None
    _write_record(
        folder,
        {
            "task": task.name,
            "no_answer_threshold": threshold,
            "metrics": evaluation.metrics,
            "intervals": evaluation.intervals,
            "data_source": evaluation.data_source.description,
            "first_answer": to_dict(answer_first_preset(skill, task, packed)),
            "probes": None if passed is None else {"right": sum(passed), "of": len(passed)},
        },
    )
    fields = skill_recipe["tasks"][task.name]
    extra_data = dict.fromkeys(about for stage in stages(fields) for about in stage.get("extra_train", {}).values())
    packed_skill = PackedSkill(
        skill,
        task,
        f"assets/skills/{place.as_posix()}",
        _ranks(folder),
        evaluation,
        threshold=threshold,
        probes=passed,
        weak_at=skill_recipe["weak_at"],
        extra_data=tuple(extra_data),
        note=fields.get("note", ""),
        before=[recipe_config(stage, data=data, seed=config.seed) for stage in stages(fields)[:-1]],
    )
    card = skill_card(packed_skill, run_state.record, run_state.result)
    (folder / "README.md").write_text(card, encoding="utf-8")


def _save_difference(run: Path, task: Task, ranks: Mapping[str, int]) -> None:
    """Write a full fine-tune of the bundled checkpoint as an adapter beside its checkpoint."""
    base = load_checkpoint("bundled", task, new_output_layer=True)
    tuned = load_checkpoint(str(run.resolve()), task)
    save_difference(base.model, tuned.model, run / "adapter", base_name=public_name(base.location), **ranks)


def _copy_adapter(adapter: Path, folder: Path) -> None:
    """Copy an adapter, with its weights in float16."""
    import safetensors.torch

    weights = safetensors.torch.load_file(adapter / "adapter_model.safetensors")
    half_weights = {name: tensor.half() for name, tensor in weights.items()}
    safetensors.torch.save_file(half_weights, folder / "adapter_model.safetensors")
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _ranks(folder: Path) -> tuple[int, ...]:
    """The ranks of the adapter in a folder: of the linear layers, then any others."""
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    return config["r"], *config["rank_pattern"].values()


def _write_record(folder: Path, record: Mapping) -> None:
    (folder / "skill.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def answer_first_preset(skill: str, task: Task, checkpoint: Checkpoint) -> Prediction:
    """The checkpoint's answer to the skill's first preset."""
    first = dict(zip(task.text_fields, SKILLS[skill].presets[0].texts, strict=True))
    return predict_rows(task, checkpoint, [first])[0]


def renew_first_answer(skill: str, task: Task) -> Path:
    """Write the shipped skill's current answer to its first preset into its record, and return the record's file."""
    folder = skill_folder(skill, task.name)
    record = json.loads((folder / "skill.json").read_text(encoding="utf-8"))
    prediction = answer_first_preset(skill, task, load_checkpoint(skill, task))
    _write_record(folder, {**record, "first_answer": to_dict(prediction)})
    return folder / "skill.json"


def first_answer(skill: str, task: Task) -> Prediction | None:
    """The answer to the skill's first preset, stored when the skill was packed: it needs no model."""
    folder = skill_folder(skill, task.name)
    record = json.loads((folder / "skill.json").read_text(encoding="utf-8")) if folder else {}
    return from_dict(Prediction, record["first_answer"]) if record.get("first_answer") else None


# -- hand-written test rows ----------------------------------------------------------------------------------------


def read_probes(file: Path | None) -> list[dict]:
    """The hand-written test rows of a file; none without one. A row has the text fields of its `task` and `expected`: a
    label name, or for spans the accepted answers, [] for "no answer". Raises `DataError`."""
    if file is None:
        return []
    try:
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise DataError(f"The probes {file} cannot be read: {error}. It takes one JSON object a line.") from error


def run_probes(checkpoint: Checkpoint, task: Task, probes: Sequence[Mapping]) -> list[bool]:
    """Whether the checkpoint answers each of the task's test rows correctly."""
    rows = [row for row in probes if row["task"] == task.name]
    predictions, kind = predict_rows(task, checkpoint, rows), kind_of(task)
    return [kind.is_right(prediction, row["expected"]) for prediction, row in zip(predictions, rows, strict=True)]
