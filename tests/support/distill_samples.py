"""A made-up but realistic distillation, drawn by the tests of its views."""

from __future__ import annotations

import dataclasses
import math
import random

import target_samples

from minilm_demo.attention_weights import quantised
from minilm_demo.recipes import LOSS_NAMES, RECIPES
from minilm_demo.results import (
    DataSource,
    DistillResult,
    DistillSettings,
    Evaluated,
    Finished,
    Planned,
    Probed,
    Saved,
    Started,
    Stepped,
)

SOURCE = DataSource("sample", "SST-2 sample written for this demo: 160 rows of train", {"train": 160})
STARTS = {"attention": 0.79, "value_relation": 0.51, "query_relation": 0.64, "key_relation": 0.66}


def started(recipe: str = "minilm_v1", learned: tuple[str, ...] = (), **changes) -> Started:
    values = {
        "job": "distill",
        "task": "sst2",
        "checkpoint": "bundled",
        "data_source": SOURCE,
        "examples": 158,
        "held_back": 100,
        "parameters": 7_276_032,
        "trainable": 7_100_000,
        "device": "cpu",
        "precision": "fp32",
        "processes": 1,
        "seed": 0,
        "metric": "",
        "settings": DistillSettings(
            layers=3,
            hidden=192,
            heads=12,
            teacher_layers=6,
            teacher_hidden=384,
            teacher_heads=12,
            teacher_layer=5,
            relation_heads=4,
            loss=tuple(learned or terms(recipe)),
        ),
    }
    return Started(**values | changes)


def terms(recipe: str) -> list[str]:
    return [LOSS_NAMES[relation] for relation in RECIPES[recipe].relations]


def lesson(
    recipe: str = "minilm_v1",
    learned: tuple[str, ...] = (),
    steps: int = 60,
    until: int | None = None,
    probe: bool = True,
) -> list:
    """The events up to step `until`; all of them, with the end, if it is None."""
    chance, ends = random.Random(5), until is None
    learned = learned or tuple(terms(recipe))
    losses = {term: STARTS[term] for term in terms(recipe)}
    events = [
        started(recipe, learned),
        Evaluated(0, losses, 100, best=False),
        Planned(steps, steps / 5, 0.1 * steps, 0.1, steps // 10, steps // 4),
    ]
    pictures = {event.step: event for event in probed(recipe, steps)} if probe else {}
    events += [pictures[0]] if probe else []
    for step in range(1, (until or steps) + 1):
        share = math.exp(-3 * step / steps)
        losses = {
            term: STARTS[term] * (0.15 + 0.85 * share if term in learned else 1 - 0.1 * step / steps)
            for term in terms(recipe)
        }
        seen = {term: max(0.01, losses[term] + chance.gauss(0, 0.02)) for term in learned}
        left = 0.1 * (steps - step)
        events.append(Stepped(step, step / 5, sum(seen.values()), 2e-3, None, 310.0, 0.1 * step, left, seen))
        events += [pictures[step]] if step in pictures else []
        if step % (steps // 4) == 0:
            events += [Evaluated(step, losses, 100, best=True), Saved(step, "checkpoint")]
    return [*events, Finished("completed", "", result(recipe, learned, losses, steps))] if ends else events


def probed(recipe: str, steps: int) -> list[Probed]:
    """Pictures at every tenth of the steps; the first one has the teacher and the words."""
    targets = target_samples.targets(recipe, pair=False)
    places = range(0, steps + 1, max(1, steps // 10))
    first, *rest = target_samples.probed(targets, tuple(places))
    words = tuple(word.text for word in targets.words)
    teacher = {name: quantised(weights) for name, weights in targets.teacher.items()}
    return [
        dataclasses.replace(first, tokens=targets.tokens, words=words, word_ids=targets.word_ids, teacher=teacher),
        *rest,
    ]


def result(recipe: str, learned: tuple[str, ...], losses: dict[str, float], steps: int, **changes) -> DistillResult:
    values = {
        "task": "sst2",
        "data_source": SOURCE,
        "teacher": "bundled",
        "recipe": recipe,
        "losses": losses,
        "losses_before": {term: STARTS[term] for term in losses},
        "learned": learned,
        "validation_examples": 100,
        "layers": 3,
        "hidden_size": 192,
        "heads": 12,
        "parameters": 7_276_032,
        "teacher_parameters": 22_713_216,
        "output_dir": "runs/student",
        "steps": steps,
        "examples": 158,
        "examples_seen": 32 * steps,
        "seconds": 0.11 * steps,
        "steps_per_second": 9.6,
        "settings": started(recipe, learned).settings,
    }
    return DistillResult(**values | changes)
