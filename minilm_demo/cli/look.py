"""The commands `attention` and `targets`, which write a picture or arrays to a file."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from ..data import new_file, require_new_file
from ..errors import DemoError
from ..results import Badge, DistillationTargets
from ..runs import badge_of
from ..tasks import skill_tasks
from ..views.documents import attention_document, document_notes, named_losses, targets_document
from .ask import prediction_lines
from .options import UsageError
from .output import print_result


def targets_command(args: argparse.Namespace) -> int:
    from .. import runs
    from ..jobs import distillation_targets, save_targets
    from ..models import default_checkpoint, locate

    if len(args.texts) > 2:
        raise UsageError(f"targets takes one text or a pair; {len(args.texts)} came.")
    _check_output(args)
    teacher, student = args.teacher or default_checkpoint(), args.student or runs.latest_student()
    if student is None:
        raise DemoError(
            "No student was distilled here yet. Make one with `python -m minilm_demo distill`, or name one with "
            "--student."
        )
    for checkpoint in (teacher, student):
        locate(checkpoint)
    options = {"num_relation_heads": args.relation_heads, "teacher_layer": args.teacher_layer}
    targets = distillation_targets(teacher, student, *args.texts, recipe=args.recipe, **options)
    badge = badge_of(teacher, student, args.recipe)
    _write_output(targets, args, save_targets, badge=badge)
    document = targets_document(targets, badge) | {"output": str(args.output)}
    print_result(args, document, _targets_lines(targets, badge, document, args.output))
    return 0


def _targets_lines(targets: DistillationTargets, badge: Badge, document: dict, output: Path) -> Iterator[str]:
    teacher, student = (
        f"{name}, layer {layer + 1}"
        for name, layer in (
            (targets.teacher_name, targets.teacher_layer),
            (targets.student_name, targets.student_layer),
        )
    )
    yield f"{teacher}, beside {student}: {badge.title}. {badge.about}"
    for title, loss in named_losses(targets.losses).items():
        yield f"  {title.replace('_', ' '):<20}{loss:.4f} nats per head and token"
    yield from document_notes(document)
    yield f"Written to {output}"


def attention_command(args: argparse.Namespace) -> int:
    if len(args.texts) > 2:
        raise UsageError(f"attention takes one text, or two for a pair; {len(args.texts)} came.")
    _check_output(args)
    from ..jobs import save_trace, trace_attention
    from ..models import default_checkpoint
    from ..serving import resolve

    candidates = skill_tasks(args.task) if args.task else ()
    checkpoint = resolve(args.checkpoint or default_checkpoint(), visitor=False)
    task = checkpoint.task_for(candidates, args.texts) if candidates else None
    trace = trace_attention(checkpoint.name, *args.texts, task=task, with_qkv=True)
    titled = dataclasses.replace(trace, checkpoint=checkpoint.title)  # on a page, as on the app's own
    _write_output(titled if args.output.suffix == ".html" else trace, args, save_trace)
    document = attention_document(trace) | {"output": str(args.output)}
    print_result(args, document, _attention_lines(document))
    return 0


def _check_output(args: argparse.Namespace) -> None:
    """Raise for an output that cannot be written, before a model is loaded."""
    if args.output.suffix not in (".html", ".npz"):
        raise UsageError(f"--output is {args.output}; it must end in .html or .npz.")
    require_new_file(args.output, overwrite=args.overwrite)


def _write_output(
    result, args: argparse.Namespace, save_arrays: Callable[[object, Path], None], **view_options
) -> None:
    """Write an offline page (.html, by `views.show` with `view_options`) or the arrays (.npz). Raises `DemoError` if
    the file cannot be written."""
    from .. import views

    with new_file(args.output, overwrite=args.overwrite) as partial:
        if args.output.suffix == ".html":
            views.show(result, **view_options).save(partial)
        else:
            save_arrays(result, partial)


def _attention_lines(document: dict) -> Iterator[str]:
    yield document["finding"]
    for crossing in document.get("crossing_heads", ()):
        head = f"layer {crossing['layer'] + 1}, head {crossing['head'] + 1}"
        yield f"  {head:<20}{crossing['mass']:.3f} of a word's attention lies on the other text"
    if "prediction" in document:
        yield from prediction_lines(document["prediction"])
    else:
        yield from document_notes(document)
    size = f"{document['layers']} layers x {document['heads']} heads x {len(document['tokens'])} tokens"
    yield f"{document['checkpoint']}: {size}, {document['milliseconds']:.0f} ms; written to {document['output']}"
