"""What the tests of the experiment share: scores that were made up, and a tiny teacher whose layers can be copied."""

import random
from pathlib import Path

from minilm_demo.jobs.arms import ARMS, summarise
from minilm_demo.models.loading import load_checkpoint
from minilm_demo.models.students import make_student
from minilm_demo.results import AblationResult, AblationSettings, DataSource, Scored, Started

LEVELS = {"random": 0.722, "distilled_attention": 0.718, "distilled": 0.724, "copied": 0.79, "copied_distilled": 0.799}
PARTS = ("distilling", "fine-tuning", "scoring")


def started(kind: str = "mirror", seeds: int = 5, **changes) -> Started:
    source = "sst2 from a local mirror: 1,800 of 67,349 rows of train"
    if kind == "sample":
        source = "bundled sample, written for this demo, not GLUE: 144 rows of train"
    values = {
        "job": "ablation",
        "task": "sst2",
        "checkpoint": "bundled",
        "data_source": DataSource(kind, source, {"train": 2000}),
        "examples": 2000,
        "held_back": 200,
        "parameters": 17_389_824,
        "trainable": 17_389_824,
        "device": "cpu",
        "precision": "bf16",
        "processes": 1,
        "seed": 0,
        "metric": "accuracy",
        "settings": AblationSettings(
            arms=tuple(ARMS), seeds=seeds, layers=3, hidden=384, heads=12, epochs=3, steps=300, batch_size=32
        ),
    }
    return Started(**values | changes)


def scored(arm: str, seed: int, score: float, half: float = 0.03) -> Scored:
    taught = "distilled" in arm
    losses = {"attention": 0.1512 + seed / 1000, "value_relation": 0.093} if taught else {}
    seconds = dict(zip(PARTS, (62.0 if taught else 0.0, 28.0, 2.5), strict=True))
    texts = 9600 if taught else 0
    return Scored(arm, seed, score, (score - half, score + half), 0.509, "validation", 872, losses, texts, seconds)


def students(seeds: int = 5, spread: float = 0.008) -> list[Scored]:
    """Every arm, seed by seed, as `ablation` scores them."""
    chance = random.Random(1)
    return [
        scored(arm, seed, round(level + chance.gauss(0, spread), 4))
        for seed in range(seeds)
        for arm, level in LEVELS.items()
    ]


def experiment(seeds: int = 5, kind: str = "mirror", spread: float = 0.008) -> AblationResult:
    return summarise(started(kind, seeds), students(seeds, spread))


def write_teacher(folder: Path, tiny: Path) -> Path:
    """An encoder with the words of the checkpoint `tiny`, two layers, and the inner width that every student has."""
    loaded = load_checkpoint(str(tiny))
    make_student(loaded, layers=2, hidden=32).model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder
