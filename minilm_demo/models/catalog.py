"""The checkpoint catalog: the checkpoints that people can choose by a short name, shipped skills included."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..shipped import shipped
from ..tasks import SKILLS
from . import hub

BUNDLED_REPO = "sentence-transformers/all-MiniLM-L6-v2"  # ships with the package
SKILLS_ROOT = shipped("assets/skills")  # adapters on top of the bundled checkpoint


@dataclass(frozen=True)
class CatalogEntry:
    """A checkpoint with a short name."""

    name: str
    repo: str  # Hub name; "" for the bundled one
    title: str
    megabytes: int  # size of the download
    about: str
    tasks: tuple[str, ...] = ()  # that a fine-tuned checkpoint answers
    is_skill: bool = False  # shipped with the app, as an adapter of the bundled checkpoint
    learned_positions: int | None = None  # the longest training input in tokens; None: as long as the position table
    positions_source: str = ""  # a sentence


_ENTRIES = (
    CatalogEntry(
        "bundled",
        "",
        "all-MiniLM-L6-v2 (bundled)",
        91,
        "6 layers x 384, 12 heads. Every second layer of the paper's L12, then trained on a billion sentence pairs by "
        "sentence-transformers: a descendant of MiniLM, not the paper's own 6 x 384 model.",
        learned_positions=128,
        positions_source="The model card of all-MiniLM-L6-v2 says: “The sequence length was limited to 128 tokens.” "
        "Positions beyond have the embeddings of the paper's L12, which were never trained with these six layers.",
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
    """The folder of the adapter that answers `task` for a skill; None if none is shipped.

    A task without a folder of its own uses the skill's shared adapter."""
    folders = (SKILLS_ROOT / skill / task, SKILLS_ROOT / skill)
    return next((folder for folder in folders if (folder / "adapter_config.json").is_file()), None)


def _skill_entries() -> Iterator[CatalogEntry]:
    for skill in SKILLS.values():
        if tasks := tuple(task for task in skill.tasks if skill_folder(skill.name, task)):
            about = "Trained for this app on top of the bundled checkpoint; a few megabytes, shipped with it."
            yield CatalogEntry(skill.name, "", f"{skill.title} skill (shipped)", 0, about, tasks, is_skill=True)


CATALOG: Mapping[str, CatalogEntry] = {entry.name: entry for entry in (*_ENTRIES, *_skill_entries())}


def default_checkpoint() -> str:
    """`MINILM_CHECKPOINT`, else the bundled checkpoint, which needs no network."""
    return os.environ.get("MINILM_CHECKPOINT") or "bundled"


def is_on_disk(entry: CatalogEntry) -> bool:
    """Whether a catalog checkpoint loads without the network."""
    return not entry.repo or hub.is_cached(entry.repo)


def short_title(checkpoint: str) -> str:
    """The title of a checkpoint within a sentence, without paths and ids of this machine."""
    return CATALOG[checkpoint].title.split(" (")[0] if checkpoint in CATALOG else "another model"
