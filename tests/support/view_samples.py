"""Invented but realistic runs and predictions, for the tests of the views."""

from __future__ import annotations

import dataclasses
import math
import random
from dataclasses import replace

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
    ScoredRow,
    ScoredRows,
    Started,
    Stepped,
    WordImportance,
    WordWeight,
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
        precision_reason="it was asked for",
        processes=1,
        seed=0,
        metric=TASKS[task].metrics[0],
        seen_by_base=TASKS[task].seen_by_bundled,
    )


def planned(steps: int = 189) -> Planned:
    return Planned(steps, 3.0, 0.17 * steps, 0.17, round(0.1 * steps), 19)


def training(steps: int = 189, until: int | None = None, *, metric: str = "accuracy", held_back: bool = True) -> list:
    """Stepped, Evaluated and Saved events of the first `until` steps."""
    generator, best, events = random.Random(7), 0.0, []
    for step in range(1, (until or steps) + 1):
        loss = 0.28 + 0.85 * math.exp(-step / (0.22 * steps)) + generator.gauss(0, 0.07)
        accuracy = min(1.0, max(0.2, 0.9 - 0.55 * math.exp(-step / (0.2 * steps)) + generator.gauss(0, 0.06)))
        events.append(
            Stepped(step, 3 * step / steps, max(0.02, loss), 5e-5, accuracy, 148.3, 0.17 * step, 0.17 * (steps - step))
        )
        if held_back and step % 19 == 0:
            score = 0.815 - 0.42 * math.exp(-step / (0.2 * steps)) + generator.gauss(0, 0.012)
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
        "baseline_answers": {split: {"accuracy": TASKS["mnli"].labels[0]} for split in rows},
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
    """The events of a complete run with two validation splits."""
    evaluation = mnli_evaluation(kind)
    finished = Finished("completed", "Kept step 171 of 189.", result_of(evaluation))
    return [started("mnli", kind=kind), planned(), *training(), finished]


CURVE = ((0, 0.5), (6, 0.6), (12, 0.6333))  # step and score of the validation rows


def sst2_sample_run(status: str = "completed") -> list:
    """A run on the bundled sample: no rows held back, thirty rows scored, a score within the noise of the baseline."""
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
        baseline_answers={"validation": {"accuracy": "negative"}},
    )
    result = result_of(evaluation, examples=60, steps=12, step=12, seconds=2.1, splits={"train": 60})
    begin = replace(
        started("sst2", examples=60, held_back=0, kind="sample"),
        curve_rows=30,
        curve_split="validation",
        baseline=0.5,
    )
    curve = [Evaluated(step, {"accuracy": score}, 30, False, "validation") for step, score in CURVE]
    steps = training(12, held_back=False)
    return [
        begin,
        planned(12),
        curve[0],
        *steps[:6],
        curve[1],
        *steps[6:],
        curve[2],
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
        baseline_answers={"validation": dict.fromkeys(metrics, "(no answer)")},
        examples=rows,
        mistakes=(
            Mistake(
                "validation", 1, {"question": "Who?", "context": "word " * 400}, "(no answer)", "Ada Lovelace", 1.0
            ),
        ),
    )


def mnli_rows(text: str = "", per_cell: int = 3) -> ScoredRows:
    """110 scored rows; `text` stands in every row. The cell of `neutral` taken for `contradiction` is empty, and
    there are 70 rows of `entailment` found as such."""
    labels = TASKS["mnli"].labels
    table = [[70, per_cell, per_cell], [per_cell, 15, 0], [per_cell, per_cell, 10]]
    rows = tuple(
        ScoredRow(
            {"premise": f"Premise {i}{j}{k}. {text}", "hypothesis": f"Hypothesis {i}{j}{k}. {text}"},
            labels[i],
            labels[j],
            0.5 + 0.005 * k,
            (i, j),
        )
        for i, counts in enumerate(table)
        for j, count in enumerate(counts)
        for k in range(count)
    )
    split = "validation_matched"
    used = {split: len(rows)}
    evaluation = mnli_evaluation(
        checkpoint=text or "mnli-4fJx0QmT1vZk8sLw2d",
        data_source=DataSource("sample", "bundled sample", used),
        metrics={split: {"accuracy": 0.8636}},
        intervals={split: {"accuracy": (0.787, 0.915)}},
        baseline={split: {"accuracy": 0.6909}},
        examples=used,
        confusion={split: table},
        mistakes=(),
    )
    return ScoredRows(evaluation, split, rows, table)


def _scored_rows(task: str, metrics: dict, rows: tuple[ScoredRow, ...], table: list) -> ScoredRows:
    used = {"validation": len(rows)}
    evaluation = Evaluation(
        task=task,
        checkpoint=f"{task}-1",
        data_source=DataSource("sample", "bundled sample", used),
        metrics={"validation": metrics},
        intervals={"validation": {name: (value - 0.05, value + 0.05) for name, value in metrics.items()}},
        baseline={"validation": dict.fromkeys(metrics, 0.0)},
        examples=used,
        seconds=2.0,
    )
    return ScoredRows(evaluation, "validation", rows, table)


def stsb_rows(rows: int = 60) -> ScoredRows:
    scored = (
        ScoredRow({"sentence1": f"First {k}.", "sentence2": f"Second {k}."}, "2.0", f"{2 - k / 20:.1f}", k / 20)
        for k in range(rows)
    )
    return _scored_rows("stsb", {"pearson": 0.81, "spearman": 0.8}, tuple(scored), [])


def squad_rows() -> ScoredRows:
    def row(expected: str, predicted: str, f1: float, cell: tuple[int, int]) -> ScoredRow:
        return ScoredRow({"question": f"Where is {expected}?", "context": CONTEXT * 3}, expected, predicted, f1, cell)

    rows = (
        row("pollen", "pollen from the willows", 0.4, (0, 0)),
        row("the river", "the river", 1.0, (0, 0)),
        row("the book", "(no answer)", 0.0, (0, 1)),
        row("(no answer)", "two students", 0.0, (1, 0)),
    )
    return _scored_rows("squad_v2", {"f1": 0.35, "exact_match": 0.25}, rows, [[2, 1], [1, 0]])


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
    cut = {"tokens_read": 128, "tokens_total": 140, "truncated": True}
    return Prediction("mnli", "nli", 31.0, label="contradiction", probabilities=shares, **cut)


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
    candidates = tuple(
        Candidate(text, CONTEXT.index(text), CONTEXT.index(text) + len(text), score)
        for text, score in (("pollen", 7.1), ("from the willows", 3.3))
    )
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


# -- which words mattered ------------------------------------------------------------------------------------------


def weights(field: str, text: str, numbers) -> list[WordWeight]:
    """One `WordWeight` for each word between spaces; `numbers` has its (left out, gradient)."""
    words, end = [], 0
    for word, (left_out, gradient) in zip(text.split(), numbers, strict=True):
        start = text.index(word, end)
        end = start + len(word)
        words.append(WordWeight(field, word, start, end, left_out, gradient))
    return words


def sentiment_importance(**changes) -> WordImportance:
    text = "😀 Charming but never dull"
    numbers = [(0.012, 0.031), (0.3125, 0.0402), (-0.0481, 0.11), (0.002, -0.2051), (-0.1199, -0.09)]
    values = {
        "task": "sst2",
        "checkpoint": "sentiment",
        "milliseconds": 142.0,
        "fields": {"sentence": text},
        "target": "positive",
        "value": 0.9729,
        "words": tuple(weights("sentence", text, numbers)),
        "rank_correlation": 0.6,
    }
    return WordImportance(**values | changes)


def nli_importance() -> WordImportance:
    fields = {"premise": "The museum is closed on Mondays .", "hypothesis": "You can visit it every day ."}
    generator = random.Random(5)
    words = [
        weight
        for field, text in fields.items()
        for weight in weights(
            field, text, [(generator.gauss(0.02, 0.12), generator.gauss(0, 0.1)) for _ in text.split()]
        )
    ]
    return WordImportance("mnli", "nli", 412.0, fields, "contradiction", 0.8683, tuple(words), -0.41, truncated=True)


def similarity_importance() -> WordImportance:
    fields = {"sentence1": "A dog runs", "sentence2": "A dog"}
    numbers = [(0.1, 0.2), (1.4, 0.9), (-0.62, -0.3)]
    words = [*weights("sentence1", "A dog runs", numbers), *weights("sentence2", "A dog", numbers[:2])]
    return WordImportance("stsb", "stsb-run", 18.0, fields, "", 3.4, tuple(words), 0.95)


def span_importance(**changes) -> WordImportance:
    """An importance in which the words of the answer, and those far from it, have no left-out weight."""
    generator = random.Random(3)
    start = CONTEXT.index("pollen from the willows")
    end = start + len("pollen from the willows")
    question_numbers = [(generator.gauss(1, 1.5), generator.gauss(0, 0.4)) for _ in QUESTION.split()]
    context_numbers = [(generator.gauss(0.2, 1), generator.gauss(0, 0.3)) for _ in CONTEXT.split()]
    context_words = [
        dataclasses.replace(word, left_out=None) if start <= word.start < end or word.start > 190 else word
        for word in weights("context", CONTEXT, context_numbers)
    ]
    values = {
        "task": "squad_v2",
        "checkpoint": "qa",
        "milliseconds": 2310.0,
        "fields": {"question": QUESTION, "context": CONTEXT},
        "target": "",
        "value": 11.3,
        "words": (*weights("question", QUESTION, question_numbers), *context_words),
        "rank_correlation": 0.44,
        "start": start,
        "end": end,
        "num_windows": 2,
    }
    return WordImportance(**values | changes)
