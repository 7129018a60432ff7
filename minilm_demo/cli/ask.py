"""The command `predict`: one text, a pair, or every row of a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import DemoError
from ..tasks import Task, skill_tasks
from ..views.documents import answered_file_document, document_notes, importance_document, prediction_document
from .options import UsageError
from .output import print_result, report_rows

if TYPE_CHECKING:
    from ..serving import CheckpointReference


def answerer(checkpoint: str | None, skill_or_task: str) -> CheckpointReference:
    """The checkpoint of the argument `--checkpoint`, else the default one for the skill or task. Raises `DemoError`
    without either."""
    from ..serving import default_answerer, resolve

    name = checkpoint or default_answerer(skill_or_task)
    if name is None:
        task = skill_tasks(skill_or_task)[0].name
        raise DemoError(
            f"No fine-tuned checkpoint for {task} here yet. Make one with `python -m minilm_demo finetune {task} "
            "--time-budget 60s`, or name one with --checkpoint."
        )
    return resolve(name, visitor=False)


def predict_command(args: argparse.Namespace) -> int:
    candidates = skill_tasks(args.task)
    checkpoint = answerer(args.checkpoint, args.task)
    if args.file:
        return _predict_file(args, checkpoint.tasks_among(candidates), checkpoint.name)
    task = checkpoint.task_for(candidates, args.texts)
    if len(args.texts) != len(task.text_fields):
        fields = ", ".join(task.text_fields)
        raise UsageError(f"{task.name} takes {len(task.text_fields)} texts ({fields}); {len(args.texts)} came.")
    from ..jobs import predict, word_importance
    from ..models import cached_checkpoint, with_outputs

    row = dict(zip(task.text_fields, args.texts, strict=True))
    location = with_outputs(checkpoint.name, args.output_labels)
    document = prediction_document(predict(task, location, row, threshold=args.threshold))
    lines = list(prediction_lines(document))
    if args.explain:
        document["importance"] = importance_document(word_importance(task, cached_checkpoint(location, task), row))
        lines += importance_lines(document["importance"])
    print_result(args, document, lines)
    return 0


def importance_lines(document: dict) -> Iterator[str]:
    """The printed lines of a document of `importance_document`: a word, its two importances."""
    yield f"{'word':<24}{'left out':>10}{'gradient':>10}"
    for word in document["words"]:
        left_out = "" if word["left_out"] is None else f"{word['left_out']:+.3f}"
        yield f"{word['word']:<24}{left_out:>10}{word['gradient']:>+10.3f}"


def prediction_lines(document: dict) -> Iterator[str]:
    """The printed lines of a document of `prediction_document`."""
    if "probabilities" in document:
        for label, probability in sorted(document["probabilities"].items(), key=lambda item: -item[1]):
            yield f"{label:<20}{probability:7.3f}  {'█' * round(40 * probability)}"
    elif "answer" in document:
        yield document["answer"] or "(no answer in this text)"
        if document["no_answer_score"] is not None:
            yield f"no-answer score {document['no_answer_score']:.2f}"
    else:
        yield f"{document['score']:.2f}"
    yield from document_notes(document)
    yield f"{document['checkpoint']}, {document['milliseconds']:.0f} ms"


def _predict_file(args: argparse.Namespace, candidates: Sequence[Task], checkpoint: str) -> int:
    from ..jobs import predict_file
    from ..models import with_outputs

    if args.texts or not args.output:
        raise UsageError("--file takes no texts and needs --output, the CSV to write")
    if args.explain:
        raise UsageError("--explain is for one text, not for --file")
    answered = predict_file(
        candidates,
        with_outputs(checkpoint, args.output_labels),
        args.file,
        args.output,
        overwrite=args.overwrite,
        threshold=args.threshold,
        on_rows=report_rows,
    )
    lines = [f"{answered.rows:,} rows written to {args.output}", *answered.notes()]
    print_result(args, answered_file_document(answered, str(args.output)), lines)
    return 0
