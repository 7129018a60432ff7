"""Loads checkpoints: with eager attention (so that attention weights exist, and because its CPU backward is the
fastest) and in float32. No remote code is ever run.
"""

from __future__ import annotations

import json
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
from .location import Location, bundled_or_none, locate, verify_bundled
from .output_layer import is_above_encoder
from .quiet import peft_quiet, transformers_quiet

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ARCHITECTURES = (
    "bert",
    "roberta",
    "xlm-roberta",
)  # one attention layout: encoder.layer[i].attention.self.{query,key,value}
FETCH_REPORTS = 0.5  # seconds between two words on a download


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint: model in eval mode and float32, its outputs in the order of the task's labels."""

    name: str
    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel
    location: Location
    commit: str | None = None  # of a Hub checkpoint, as resolved
    new_head: bool = False  # the output layer is untrained
    # A fast tokenizer keeps truncation as a state of its own: two threads that share it must take turns.
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)


def fetch(checkpoint: str) -> Iterator[tuple[int, int]]:
    """Fetch a checkpoint from the Hub, giving (bytes so far, bytes in all) now and then, also while nothing moves;
    nothing if it is a folder. Whoever does not wait for the end leaves the download to itself."""
    location = locate(checkpoint)
    if not location.on_hub:
        return
    progress, job = [(0, 0)], Future()

    def download() -> None:
        try:
            job.set_result(hub.fetch_model(location.place, location.revision, lambda *both: progress.append(both)))
        except BaseException as error:
            job.set_exception(error)

    # No executor: Python waits for its threads at the end, and a download that hangs would hold the process.
    threading.Thread(target=download, name="download", daemon=True).start()
    while not job.done():
        wait([job], timeout=FETCH_REPORTS)
        yield progress[-1]
    job.result()


@transformers_quiet
def load_checkpoint(
    checkpoint: str | Location, task: Task | None = None, *, new_head: bool = False, **config
) -> Checkpoint:
    """Load a checkpoint as an encoder (`task=None`) or with the task's head.

    A checkpoint without a trained head for the task is an error unless `new_head` allows a fresh one. `config`
    overrides fields of the model's configuration, dropout for example. Raises `Unavailable` or `DemoError` in one
    sentence."""
    import transformers

    location = locate(checkpoint)
    if location.is_skill:
        return _load_skill(location, task, new_head=new_head, **config)
    if location.place == str(bundled_or_none()):
        verify_bundled()
    folder, commit = Path(location.place), None
    if location.on_hub:
        folder, commit = hub.fetch_model(location.place, location.revision)
    what = f"the checkpoint {location.name}"
    with explained(what):
        hub.model_files(what, (file.name for file in folder.iterdir()))  # a model without its words loads and is wrong
        found = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        _check_architecture(location, found)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        head = choose_output_layer(found, task)
        model, report = head.model_class.from_pretrained(
            folder,
            config=head.config(found, config),
            attn_implementation="eager",
            dtype="float32",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            local_files_only=True,
        )
    untrained = _untrained(report)
    if any(not is_above_encoder(name) for name in untrained):
        raise Unavailable(f"The checkpoint {location.name} is incomplete: {len(untrained)} weights are missing.")
    fresh = bool(untrained) or head.fresh
    if task and fresh and not new_head:
        raise DemoError(
            f"{location.name} has no trained output layer for {task.name}. Fine-tune it first: "
            f"python -m minilm_demo finetune {task.name} --checkpoint {location.name}"
        )
    if task:
        kind_of(task).put_labels(model, task, fresh=fresh, renewed=head.fresh)
    model.eval().to(pick_device())
    return Checkpoint(location.name, tokenizer, model, location, commit, fresh)


def load_adapter(name: str, folder: Path, task: Task, **config) -> Checkpoint:
    """The bundled checkpoint with the adapter in `folder` (the format of `peft`) merged in, called `name`. An adapter
    for questions keeps its no-answer threshold in the skill.json beside it."""
    import peft

    loaded = load_checkpoint("bundled", task, new_head=True, **config)
    with peft_quiet, explained(f"the skill {name}"):
        model = peft.PeftModel.from_pretrained(loaded.model, folder).merge_and_unload()
        record = json.loads((folder / "skill.json").read_text(encoding="utf-8"))
    if record.get("no_answer_threshold") is not None:
        model.config.no_answer_threshold = record["no_answer_threshold"]
    model.eval().requires_grad_(True)
    return Checkpoint(name, loaded.tokenizer, model, Location(name, str(folder), is_skill=True))


def _load_skill(location: Location, task: Task | None, *, new_head: bool, **config) -> Checkpoint:
    """A shipped skill. For a task that is not the skill's: its encoder, and a fresh output layer."""
    answers = CATALOG[location.name].tasks
    own = task if task and task.name in answers else TASKS[answers[0]]
    if task and own is not task and not new_head:
        raise DemoError(
            f"The skill {location.name} answers {', '.join(answers)}, not {task.name}. Fine-tune it first: "
            f"python -m minilm_demo finetune {task.name} --checkpoint {location.name}"
        )
    skill = load_adapter(location.name, skill_folder(location.name, own.name), own, **config)
    if own is task:
        return skill
    other = load_checkpoint("bundled", task, new_head=True, **config)
    encoder = other.model if task is None else other.model.base_model
    encoder.load_state_dict(skill.model.base_model.state_dict(), strict=False)  # a pooler may be on one side only
    return Checkpoint(location.name, skill.tokenizer, other.model, skill.location, new_head=task is not None)


def _check_architecture(location: Location, config) -> None:
    if config.model_type not in ARCHITECTURES:
        raise DemoError(
            f"{location.name} is a '{config.model_type}' model; this app reads {', '.join(ARCHITECTURES)} encoders."
        )


def _untrained(report: Mapping) -> set[str]:
    names = set(report["missing_keys"]) | {entry[0] for entry in report["mismatched_keys"]}
    return {name for name in names if not name.endswith("position_ids")}
