"""The command predict: one text, a pair, or every row of a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import DemoError
from ..tasks import Task, skill_tasks, task_for_texts
from ..views.documents import prediction_document
from .options import UsageError
from .output import print_result, report_rows


def checkpoint_for(given: str | None, skill_or_task: str) -> str:
    """What was asked for, or what answers on this machine when nobody asks for another."""
    from ..models import locate
    from ..serving import default_answerer

    if given:
        locate(given)
        return given
    found = default_answerer(skill_or_task)
    if found is None:
        name = skill_tasks(skill_or_task)[0].name
        raise DemoError(
            f"No fine-tuned checkpoint for {name} here yet. Make one: python -m minilm_demo finetune {name} "
            "--time-budget 60s, or name one with --checkpoint."
        )
    return found


def predict_command(args: argparse.Namespace) -> int:
    candidates = skill_tasks(args.task)
    checkpoint = checkpoint_for(args.checkpoint, args.task)
    candidates = tasks_of(checkpoint, candidates)
    if args.file:
        return _predict_file(args, candidates, checkpoint)
    task = task_for_texts(candidates, args.texts)
    if len(args.texts) != len(task.text_fields):
        wanted = ", ".join(task.text_fields)
        raise UsageError(f"{task.name} takes {len(task.text_fields)} texts ({wanted}); {len(args.texts)} came.")
    from ..jobs import predict

    fields_ = dict(zip(task.text_fields, args.texts, strict=True))
    prediction = predict(task, checkpoint, fields_, threshold=args.threshold)
    document = prediction_document(prediction)
    print_result(args, document, prediction_lines(document))
    return 0


def tasks_of(checkpoint: str, candidates: Sequence[Task]) -> Sequence[Task]:
    """Which of a skill's tasks the checkpoint answers: those it was trained on, else the first."""
    from .. import runs
    from ..models import CATALOG, locate

    folder = Path(locate(checkpoint).place).parent
    if (folder / "run.json").is_file():
        trained = (runs.read_record(folder).task,)
    else:
        trained = CATALOG[checkpoint].tasks if checkpoint in CATALOG else ()
    return [task for task in candidates if task.name in trained] or candidates[:1]


def prediction_lines(document: dict) -> Iterator[str]:
    if "probabilities" in document:
        for label, probability in sorted(document["probabilities"].items(), key=lambda item: -item[1]):
            yield f"{label:<20}{probability:7.3f}  {'█' * round(40 * probability)}"
    elif "answer" in document:
        yield document["answer"] or "(no answer in this text)"
        if document["no_answer_score"] is not None:
            yield f"no-answer score {document['no_answer_score']:.2f}"
    else:
        yield f"{document['score']:.2f}"
    yield f"{document['checkpoint']}, {document['milliseconds']:.0f} ms"


def _predict_file(args: argparse.Namespace, candidates: Sequence[Task], checkpoint: str) -> int:
    from ..jobs import predict_file

    if args.texts or not args.output:
        raise UsageError("--file takes no texts and needs --output, the CSV to write")
    rows = predict_file(candidates, checkpoint, args.file, args.output, threshold=args.threshold, on_rows=report_rows)
    print_result(args, {"rows": rows, "output": str(args.output)}, [f"{rows:,} rows written to {args.output}"])
    return 0
