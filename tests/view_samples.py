"""Made-up but realistic runs and predictions, drawn by the tests of the views."""

from __future__ import annotations

import math
import random

from minilm_demo.results import (
    Candidate,
    DataSource,
    Evaluated,
    Evaluation,
    FinetuneResult,
    Finished,
    Mistake,
    Planned,
    Prediction,
    Saved,
    Started,
    Stepped,
)
from minilm_demo.tasks import TASKS

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><img src=x onerror=alert(1)>",
    "${document.title = 'owned'}",
    "{{constructor}}",
    "🐝🐝 emoji",
    "שלום עולם",
)


def started(task: str, *, examples: int = 1800, held_back: int = 200, kind: str = "mirror") -> Started:
    source = f"{task} from a local mirror: {examples:,} of {TASKS[task].official_rows['train']:,} rows of train"
    if kind == "sample":
        source = f"{task} sample written for this demo: {examples:,} rows of train"
    return Started(
        job="finetune",
        task=task,
        checkpoint="bundled",
        data_source=DataSource(kind, source, {"train": examples}),
        examples=examples,
        held_back=held_back,
        parameters=22_714_371,
        trainable=22_714_371,
        device="cpu",
        precision="bf16",
        processes=1,
        seed=0,
        metric=TASKS[task].metrics[0],
    )


def planned(steps: int = 189) -> Planned:
    return Planned(steps, 3.0, 0.17 * steps, 0.17, round(0.1 * steps), 19)


def training(steps: int = 189, until: int | None = None, *, metric: str = "accuracy", held_back: bool = True) -> list:
    """Stepped, Evaluated and Saved events of the first `until` steps."""
    chance, best, events = random.Random(7), 0.0, []
    for step in range(1, (until or steps) + 1):
        loss = 0.28 + 0.85 * math.exp(-step / (0.22 * steps)) + chance.gauss(0, 0.07)
        right = min(1.0, max(0.2, 0.9 - 0.55 * math.exp(-step / (0.2 * steps)) + chance.gauss(0, 0.06)))
        events.append(
            Stepped(step, 3 * step / steps, max(0.02, loss), 5e-5, right, 148.3, 0.17 * step, 0.17 * (steps - step))
        )
        if held_back and step % 19 == 0:
            score = 0.815 - 0.42 * math.exp(-step / (0.2 * steps)) + chance.gauss(0, 0.012)
            events.append(Evaluated(step, {metric: score}, 200, score > best))
            if score > best:
                best = score
                events.append(Saved(step, "checkpoint"))
    return events


def mnli_evaluation(kind: str = "mirror", **changes) -> Evaluation:
    splits = {"validation_matched": 0.7978, "validation_mismatched": 0.8051}
    rows = {"validation_matched": 9815, "validation_mismatched": 9832}
    values = {
        "task": "mnli",
        "checkpoint": "mnli-4fJx0QmT1vZk8sLw2d",
        "data_source": DataSource(
            kind,
            "mnli from a local mirror: 9,815 of 9,815 rows of validation_matched, "
            "9,832 of 9,832 rows of validation_mismatched",
            rows,
        ),
        "metrics": {split: {"accuracy": value} for split, value in splits.items()},
        "intervals": {split: {"accuracy": (value - 0.008, value + 0.0079)} for split, value in splits.items()},
        "baseline": {"validation_matched": {"accuracy": 0.3545}, "validation_mismatched": {"accuracy": 0.3522}},
        "examples": rows,
        "labels": TASKS["mnli"].labels,
        "confusion": {
            "validation_matched": [[2891, 402, 186], [391, 2383, 349], [211, 446, 2556]],
            "validation_mismatched": [[2930, 371, 162], [402, 2371, 356], [190, 435, 2615]],
        },
        "mistakes": tuple(mnli_mistakes()),
        "seconds": 41.2,
    }
    return Evaluation(**values | changes)


def mnli_mistakes() -> list[Mistake]:
    pairs = [
        ("The new oven is quick enough.", "Everybody loves the new oven.", "neutral", "entailment"),
        (
            "The archive keeps a list of every winner of the prize and a catalogue of all letters to the editors since "
            "the first issue was printed in the winter of 1969, which anybody who asks at the desk of the reading "
            "room on the second floor may search and copy without a fee of any kind.",
            "The letters in the archive cannot be searched.",
            "contradiction",
            "entailment",
        ),
        ("well i am of two minds about the choir", "On the whole I like the choir.", "neutral", "entailment"),
        ("my favourite bakery was always the nearest one", "My favourite bakery is a long way from here and I go there "
         "by train.", "contradiction", "neutral"),
        ("do you go sailing much", "I know exactly how often you sail.", "neutral", "contradiction"),
        ("that would help if only they did it here", "They have been doing it here for years.", "contradiction",
         "entailment"),
    ]  # fmt: skip
    return [
        Mistake(
            ("validation_matched", "validation_mismatched")[index % 2],
            index,
            {"premise": premise, "hypothesis": hypothesis},
            expected,
            predicted,
            0.99 - 0.01 * index,
        )
        for index, (premise, hypothesis, expected, predicted) in enumerate(pairs * 2)
    ]


def result_of(evaluation: Evaluation, **changes) -> FinetuneResult:
    values = {
        "evaluation": evaluation,
        "output_dir": "runs/mnli",
        "step": 171,
        "steps": 189,
        "examples": 1800,
        "examples_seen": 6048,
        "seconds": 43.7,
        "examples_per_second": 148.3,
        "splits": {"train": 1800},
    }
    return FinetuneResult(**values | changes)


def mnli_run(kind: str = "mirror") -> list:
    """A whole run with two validation splits."""
    evaluation = mnli_evaluation(kind)
    finished = Finished("completed", "Kept step 171 of 189.", result_of(evaluation))
    return [started("mnli", kind=kind), planned(), *training(), finished]


def sst2_sample_run(status: str = "completed") -> list:
    """A run on the bundled sample: nothing held back, thirty rows scored, no clear result."""
    rows = {"validation": 30}
    evaluation = Evaluation(
        task="sst2",
        checkpoint="sst2-9aBcD",
        data_source=DataSource("sample", "sample of sentences written for this demo: 30 rows of validation", rows),
        metrics={"validation": {"accuracy": 0.6333}},
        intervals={"validation": {"accuracy": (0.455, 0.781)}},
        baseline={"validation": {"accuracy": 0.5}},
        examples=rows,
        labels=("negative", "positive"),
        confusion={"validation": [[9, 6], [5, 10]]},
        mistakes=(Mistake("validation", 3, {"sentence": HOSTILE[0]}, "negative", "positive", 0.91),),
        seconds=0.4,
    )
    result = result_of(evaluation, examples=60, steps=12, step=12, seconds=2.1, splits={"train": 60})
    return [
        started("sst2", examples=60, held_back=0, kind="sample"),
        planned(12),
        *training(12, held_back=False),
        Finished(status, "Kept step 12 of 12.", result),
    ]


def squad_evaluation() -> Evaluation:
    metrics = {"f1": 0.6412, "exact_match": 0.601, "has_answer_f1": 0.55, "has_answer_exact_match": 0.47,
               "no_answer_f1": 0.73, "no_answer_exact_match": 0.73}  # fmt: skip
    rows = {"validation": 400}
    return Evaluation(
        task="squad_v2",
        checkpoint="squad_v2-1",
        data_source=DataSource("hub", "squad_v2 from rajpurkar/squad_v2 on the Hub: 400 of 11,873 rows", rows),
        metrics={"validation": metrics},
        intervals={"validation": {name: (value - 0.04, value + 0.04) for name, value in metrics.items()}},
        baseline={"validation": dict.fromkeys(metrics, 0.5)},
        examples=rows,
        mistakes=(
            Mistake(
                "validation", 1, {"question": "Who?", "context": "word " * 400}, "(no answer)", "Ada Lovelace", 1.0
            ),
        ),
    )


def sentiment_prediction(**changes) -> Prediction:
    values = {
        "task": "sst2",
        "checkpoint": "sentiment",
        "milliseconds": 23.4,
        "label": "positive",
        "probabilities": {"negative": 0.0271, "positive": 0.9729},
    }
    return Prediction(**values | changes)


def nli_prediction() -> Prediction:
    shares = {"entailment": 0.0213, "neutral": 0.1104, "contradiction": 0.8683}
    return Prediction("mnli", "nli", 31.0, label="contradiction", probabilities=shares, truncated=True)


def similarity_prediction(score: float = 3.4) -> Prediction:
    return Prediction("stsb", "stsb-run", 18.0, score=score)


CONTEXT = (
    "🐝 The hives stand behind the school. In spring the bees collect pollen from the willows, and later in the year "
    "they fly as far as the lime trees by the river. Two students of the academy keep the book in which every hive "
    "has a page."
)
QUESTION = "What do the bees collect in spring?"


def span_prediction(answer: str = "pollen from the willows") -> Prediction:
    start = CONTEXT.index(answer) if answer else None
    candidates = (Candidate("pollen", 65, 71, 7.1), Candidate("from the willows", 72, 88, 3.3))
    return Prediction(
        task="squad_v2",
        checkpoint="qa",
        milliseconds=48.0,
        answer=answer,
        start=start,
        end=start + len(answer) if answer else None,
        score=8.2,
        no_answer_score=-8.2 if answer else 2.5,
        threshold=0.0,
        candidates=candidates,
        num_windows=2,
    )
