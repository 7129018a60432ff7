"""Loads checkpoints in float32 and with eager attention, which returns attention weights and has the fastest backward
pass on a CPU. Remote code is never run.
"""

from __future__ import annotations

import functools
import json
import shlex
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DemoError, Unavailable
from ..tasks import TASKS, Task
from . import hub
from .catalog import CATALOG, skill_folder
from .device import pick_device
from .hub_errors import explained
from .kinds import choose_output_layer, kind_of
from .location import Location, bundled_folder, bundled_or_none, locate, verify_bundled
from .output_layer import assumed_outputs, is_above_encoder, name_outputs
from .quiet import peft_quiet, transformers_quiet

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# All have one attention layout: encoder.layer[i].attention.self.{query,key,value}.
ARCHITECTURES = ("bert", "roberta", "xlm-roberta")
FETCH_REPORTS = 0.5  # seconds between two reports of a download


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: a model in eval mode and float32, its outputs in the order of the task's labels."""

    name: str
    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    location: Location
    commit: str | None = None  # of a Hub checkpoint, as resolved
    new_output_layer: bool = False  # the output layer is untrained
    # Name of each output -> the label it was taken for, where the names, such as LABEL_0, do not say what they mean.
    assumed_outputs: Mapping[str, str] = field(default_factory=dict)
    # A fast tokenizer stores truncation as shared state, so only one thread at a time may use it.
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)


def fetch(checkpoint: str) -> Iterator[tuple[int, int]]:
    """Download a checkpoint from the Hub; yields (bytes so far, total bytes) every `FETCH_REPORTS` seconds, and nothing
    for a folder.

    If the caller stops iterating, the download continues in the background. Raises `Unavailable`."""
    location = locate(checkpoint)
    if not location.on_hub:
        return
    progress, fetched = [(0, 0)], Future()

    def download() -> None:
        try:
            fetched.set_result(hub.fetch_model(location.place, location.revision, lambda *done: progress.append(done)))
        except BaseException as error:
            fetched.set_exception(error)

    # No executor: Python joins its threads at exit, and a hanging download would keep the process alive.
    threading.Thread(target=download, name="download", daemon=True).start()
    while not fetched.done():
        wait([fetched], timeout=FETCH_REPORTS)
        yield progress[-1]
    fetched.result()


@transformers_quiet
def load_checkpoint(
    checkpoint: str | Location, task: Task | None = None, *, new_output_layer: bool = False, **config
) -> Checkpoint:
    """Load a checkpoint as an encoder (`task=None`) or with the task's output layer.

    A checkpoint without a trained output layer for the task is an error unless `new_output_layer` allows an untrained
    one. `config` overrides fields of the model's configuration, for example dropout. Raises `Unavailable` or
    `DemoError`."""
    import transformers

    location = locate(checkpoint)
    if location.is_skill:
        return _load_skill(location, task, new_output_layer=new_output_layer, **config)
    if location.place == str(bundled_or_none()):
        verify_bundled()
    folder, commit = Path(location.place), None
    if location.on_hub:
        folder, commit = hub.fetch_model(location.place, location.revision)
    what = f"the checkpoint {location.name}"
    with explained(what):
        hub.model_files(what, (file.name for file in folder.iterdir()))  # without a vocabulary it would load, wrongly
        model_config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        _check_architecture(location, model_config)
        name_outputs(model_config, dict(location.outputs))
        assumed = assumed_outputs(model_config, task) if task and task.labels else {}
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        output_layer = choose_output_layer(model_config, task)
        model, report = output_layer.model_class.from_pretrained(
            folder,
            config=output_layer.configure(model_config, config),
            attn_implementation="eager",
            dtype="float32",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            local_files_only=True,
        )
    untrained = _untrained(report)
    if any(not is_above_encoder(name) for name in untrained):
        raise Unavailable(f"The checkpoint {location.name} is incomplete: {len(untrained)} weights are missing.")
    fresh = bool(untrained) or output_layer.fresh
    if task and fresh and not new_output_layer:
        raise DemoError(
            f"{location.name} has no trained output layer for {task.name}.",
            **_tune_it_first(task, location),
        )
    if task:
        kind_of(task).put_labels(model, task, fresh=fresh, renewed=output_layer.fresh)
    model.eval().to(pick_device())
    return Checkpoint(location.name, tokenizer, model, location, commit, fresh, {} if fresh else assumed)


@functools.lru_cache(8)
def load_tokenizer(checkpoint: str):
    """The tokenizer of a checkpoint on this machine, without its weights. Raises `Unavailable` for one on the Hub."""
    import transformers

    location = locate(checkpoint)
    if location.on_hub:
        raise Unavailable(f"{location.name} is on the Hub: its tokenizer comes with it.")
    folder = bundled_folder() if location.is_skill else location.place
    with explained(f"the checkpoint {location.name}"):
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _tune_it_first(task: Task, location: Location) -> dict[str, str]:
    """What to do with a checkpoint without an output layer for the task, as arguments of `DemoError`."""
    command = f"python -m minilm_demo finetune {task.slug} --checkpoint {shlex.quote(location.name)}"
    return {"shell": f"Fine-tune it first: `{command}`", "page": "Fine-tune it first, in the Fine-tune tab."}


def load_adapter(name: str, folder: Path, task: Task, **config) -> Checkpoint:
    """The bundled checkpoint with the adapter in `folder` (the format of `peft`) merged in, named `name`.

    The no-answer threshold of an adapter for questions is in the skill.json beside it. Raises `Unavailable`."""
    import peft

    base = load_checkpoint("bundled", task, new_output_layer=True, **config)
    with peft_quiet, explained(f"the skill {name}"):
        model = peft.PeftModel.from_pretrained(base.model, folder).merge_and_unload()
        record = json.loads((folder / "skill.json").read_text(encoding="utf-8"))
    if record.get("no_answer_threshold") is not None:
        model.config.no_answer_threshold = record["no_answer_threshold"]
    model.eval().requires_grad_(True)
    return Checkpoint(name, base.tokenizer, model, Location(name, str(folder), is_skill=True))


def _load_skill(location: Location, task: Task | None, *, new_output_layer: bool, **config) -> Checkpoint:
    """A shipped skill. For a task that the skill does not answer: its encoder with a fresh output layer."""
    skill_tasks = CATALOG[location.name].tasks
    skill_task = task if task and task.name in skill_tasks else TASKS[skill_tasks[0]]
    if task and skill_task is not task and not new_output_layer:
        raise DemoError(
            f"The skill {location.name} answers {', '.join(skill_tasks)}, not {task.name}.",
            **_tune_it_first(task, location),
        )
    skill = load_adapter(location.name, skill_folder(location.name, skill_task.name), skill_task, **config)
    if skill_task is task:
        return skill
    model = load_checkpoint("bundled", task, new_output_layer=True, **config).model
    encoder = model if task is None else model.base_model
    encoder.load_state_dict(skill.model.base_model.state_dict(), strict=False)  # only one of them may have a pooler
    return Checkpoint(location.name, skill.tokenizer, model, skill.location, new_output_layer=task is not None)


def _check_architecture(location: Location, config) -> None:
    if config.model_type not in ARCHITECTURES:
        raise DemoError(
            f"{location.name} is a '{config.model_type}' model; this app reads {', '.join(ARCHITECTURES)} encoders."
        )


def _untrained(report: Mapping) -> set[str]:
    names = set(report["missing_keys"]) | {entry[0] for entry in report["mismatched_keys"]}
    return {name for name in names if not name.endswith("position_ids")}
