"""The commands `finetune`, `distill` and `evaluate`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from ..data import LabelMeaning
from ..errors import DataError
from ..jobs import DistillConfig, TrainConfig
from ..results import DISTILL, FINETUNE, Evaluation, FinetuneResult, Finished, Started
from ..tasks import get_task
from ..views.documents import evaluation_document, result_document, run_document
from ..views.result import baseline_hint, baseline_name, paper_rows, paper_scores, rows_seen, run_rows
from .ask import answerer
from .options import UsageError, read_config
from .output import EXIT_FAILED, Reporter, interrupts, print_result, report_rows

# What can be said of own rows -> what is assumed if nothing is.
MEANING: Mapping[str, object] = {"labels": {}, "score_range": None, "columns": {}}


def finetune_command(args: argparse.Namespace) -> int:
    task, config = get_task(args.task), read_config(args, TrainConfig)
    from ..jobs import finetune, with_rows_of_own
    from ..models import default_checkpoint, locate

    locate(config.checkpoint or default_checkpoint())  # a wrong name is a wrong argument, not a failed job
    task, config = with_rows_of_own(task, config)
    open_data(task, config.data, (config.train_split,), task.eval_splits, config.extra_train, config.meaning)
    return run_job(args, FINETUNE, task, config, partial(finetune, task), _finetune_lines)


def run_job(args: argparse.Namespace, job: str, task, config, start, lines) -> int:
    """Run a job in a new run folder, print its result and return the exit code.

    `start(config, should_stop=…)` returns the events; `lines(event, seen_by_base)` returns what is printed of the last
    one."""
    from .. import runs

    if int(os.environ.get("RANK", 0)) != 0:  # torchrun: only the main process records and reports
        for _ in start(config):
            pass
        return 0
    record = runs.create_run(job, task, config)
    report, seen_by_base = Reporter(), ""
    with interrupts() as interrupted:
        for event in runs.record_events(record, partial(start, record.config), interrupted):
            report(event)
            seen_by_base = event.seen_by_base if isinstance(event, Started) else seen_by_base
    if event.status == "failed":
        print(event.message, file=sys.stderr)
        return EXIT_FAILED
    if event.result is None:  # stopped before the first step
        print_result(args, run_document(runs.state(Path(record.config.output_dir))), [event.message])
        return 0
    print_result(args, result_document(event.result, seen_by_base), lines(event, seen_by_base))
    return 0


def open_data(
    task,
    data: str,
    splits: Sequence[str],
    eval_splits: Sequence[str] = (),
    extra: Sequence[str] = (),
    meaning: LabelMeaning | None = None,
):
    """The source that `data` names; `meaning` is what is said of its label column. Raises `UsageError` for an unknown
    name, split or extra path, before a run folder exists. No row is read here: the job reports errors inside a
    file."""
    from ..data import AS_SAID, find_extra, open_source

    try:
        source = open_source(task, data, (*splits, *eval_splits), meaning or AS_SAID)
        source.require_splits(*splits, *(source.eval_splits if eval_splits else ()))
        for path in extra:
            find_extra(task, path)
    except DataError as error:
        raise UsageError(str(error)) from error
    return source


def _finetune_lines(event: Finished, seen_by_base: str) -> Iterator[str]:
    result = event.result
    folder = str(Path(result.output_dir).absolute())  # a bare name could be a catalog name
    yield f"{event.message} {result.seconds:.0f} s, {result.examples_per_second:.0f} examples/s."
    if not _beside_the_paper(result.evaluation):
        yield f"Saw {rows_seen(result)}."
    yield from _evaluation_lines(result.evaluation, seen_by_base, result)
    yield f"Saved in {folder}"
    task = get_task(result.evaluation.task)
    texts = " ".join(['"…"'] * len(task.text_fields))
    yield f"Try it: python -m minilm_demo predict {task.slug} --checkpoint {shlex.quote(folder)} {texts}"


def _beside_the_paper(evaluation: Evaluation) -> bool:
    """Whether the paper's scores are printed below these."""
    task = get_task(evaluation.task)
    return any(paper_scores(task, evaluation, split, task.paper_metric) for split in evaluation.metrics)


def _evaluation_lines(
    evaluation: Evaluation, seen_by_base: str, training: FinetuneResult | None = None
) -> Iterator[str]:
    task = get_task(evaluation.task)
    yield f"{evaluation.checkpoint} on {evaluation.data_source.description}"
    yield from evaluation.data_source.notes
    for split, values in evaluation.metrics.items():
        for metric, value in values.items():
            low, high = evaluation.intervals[split][metric]
            constant = f"{baseline_name(task, evaluation, split, metric)} {evaluation.baseline[split][metric]:.3f}"
            yield f"  {split:<24}{metric:<24}{value:.3f}  {low:.3f} to {high:.3f}  {constant}"
        if hint := baseline_hint(task, evaluation, split):
            yield f"  {hint}"
    if _beside_the_paper(evaluation):
        for model, score in task.paper.items():
            yield f"  {f'the paper, {model}':<24}{task.paper_metric:<24}{score:.3f}  {paper_rows(task)}"
        yield f"{run_rows(task, evaluation, training)}."
    if seen_by_base:
        yield f"The bundled checkpoint's own training had seen {seen_by_base}."


def evaluate_command(args: argparse.Namespace) -> int:
    from ..jobs import evaluate
    from ..models import with_outputs

    task = get_task(args.task)
    splits = tuple(args.split.split("+")) if args.split else ()
    checkpoint = answerer(args.checkpoint, task.name)
    task = checkpoint.task_for([task])
    meaning = LabelMeaning(*(getattr(args, name, None) or default for name, default in MEANING.items()))
    source = open_data(task, args.data, splits, () if splits else task.eval_splits, meaning=meaning)
    location = with_outputs(checkpoint.name, args.output_labels)
    evaluation = evaluate(
        task, location, splits=splits, data=source, limit=args.limit, seed=args.seed, on_rows=report_rows
    )
    seen_by_base = checkpoint.seen(task)
    document = evaluation_document(evaluation, seen_by_base)
    print_result(args, document, _evaluation_lines(evaluation, seen_by_base))
    return 0


def distill_command(args: argparse.Namespace) -> int:
    task, config = get_task(args.task), read_config(args, DistillConfig)
    from ..data import own_place
    from ..jobs import distill
    from ..models import default_checkpoint, locate

    locate(config.teacher or default_checkpoint())
    if not own_place(task, config.data):
        open_data(task, config.data, (config.split,), task.eval_splits)
    return run_job(args, DISTILL, task, config, distill, _distill_lines)


def _distill_lines(event: Finished, seen_by_base: str) -> Iterator[str]:
    result = event.result
    folder = str(Path(result.output_dir).absolute())
    yield f"{event.message} {result.seconds:.0f} s, {result.steps_per_second:.2f} steps/s."
    yield f"{result.layers} layers x {result.hidden_size}, {result.heads} heads, {result.parameters:,} weights"
    for name, loss in result.losses.items():
        yield f"  {name.replace('_', ' '):<20}{result.losses_before[name]:.3f} -> {loss:.3f} nats per head and token"
    if seen_by_base:
        yield f"The teacher's own training had seen {seen_by_base}."
    yield f"Saved in {folder}"
    yield f"Fine-tune it: python -m minilm_demo finetune {result.task} --checkpoint {shlex.quote(folder)}"
