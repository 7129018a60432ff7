"""The command line: python -m minilm_demo doctor | tasks | finetune | evaluate | predict | attention | distill |
targets | runs | skills.

Each command prints for people; with `--json` the last line of stdout is one JSON document. Progress goes to stderr. A
wrong argument exits 2 and a failed job exits 1, each with one sentence.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path

from .distilling import DistillConfig
from .errors import DataError, DemoError, UnknownName
from .finetuning import TrainConfig
from .lineage import Badge, badge_of
from .results import (
    AblationResult,
    AttentionTrace,
    DistillationTargets,
    DistillResult,
    Evaluated,
    Evaluation,
    Fetching,
    Finished,
    Planned,
    Prediction,
    Started,
    Stepped,
    to_dict,
)
from .tasks import SKILLS, TASKS, Task, get_task, skill_tasks, task_for_texts

EXIT_FAILED, EXIT_USAGE = 1, 2
BASELINES = {"classification": "majority class", "regression": "always the mean", "span": "never an answer"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    try:
        args = _parser().parse_args(argv)
        return args.command(args)
    except UsageError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except UnknownName as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except DemoError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except BrokenPipeError:  # `… | head` closed the pipe; nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("Broken off.", file=sys.stderr)
        return EXIT_FAILED
    except Exception as error:  # never a traceback
        said = " ".join(str(error).split())[:200]
        print(f"Something unforeseen went wrong: {type(error).__name__}: {said}", file=sys.stderr)
        return EXIT_FAILED


class UsageError(Exception):
    """The words of the command line do not fit."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> typing.NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. `{self.prog} --help` shows what is allowed.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m minilm_demo", description="Fine-tune MiniLM, ask it, look inside.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name: str, function, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(command=function)
        sub.add_argument("--json", action="store_true", help="print one JSON document as the last line of stdout")
        return sub

    command("doctor", doctor, "What is available here: packages, checkpoints, data, CPU features, the Hub.")
    command("tasks", tasks, "The tasks, their text fields, labels, metrics and defaults.")
    tune = command("finetune", finetune_command, "Fine-tune a checkpoint on a task.")
    tune.add_argument("task", metavar="TASK", help=", ".join(TASKS))
    _add_config(tune, TrainConfig)
    score = command("evaluate", evaluate_command, "Score a checkpoint on a task's validation splits.")
    score.add_argument("task", metavar="TASK", help=", ".join(TASKS))
    score.add_argument("--checkpoint", required=True, help="catalog name, run id, folder or Hub name")
    score.add_argument("--split", help="splits to score, joined by + (default: the task's validation splits)")
    score.add_argument("--limit", type=_positive, help="rows of each split at most, drawn at random")
    score.add_argument("--data", default="auto", help="auto, mirror, hub, sample, a folder or a file")
    score.add_argument("--seed", type=int, default=0, help="seed of the rows drawn by --limit")
    ask = command("predict", predict_command, "Ask a checkpoint about one text, a pair, or every row of a file.")
    ask.add_argument("task", metavar="SKILL_OR_TASK", help=", ".join((*SKILLS, *TASKS)))
    ask.add_argument("texts", nargs="*", metavar="TEXT", help="the text fields in the task's order")
    default = "the shipped skill; for a task its latest run under MINILM_HOME/runs that was made from the shell"
    ask.add_argument("--checkpoint", help=f"catalog name, run id, folder or Hub name (default: {default})")
    ask.add_argument("--threshold", type=float, help="no-answer threshold of SQuAD 2.0")
    ask.add_argument("--file", type=Path, help="a CSV, TSV, JSONL or parquet file with the task's text columns")
    ask.add_argument("--output", type=Path, help="with --file: the CSV to write")
    teach = command("distill", distill_command, "Distil a student from a teacher, on texts without labels.")
    teach.add_argument("task", metavar="TASK", nargs="?", default="sst2", help="whose texts (default: sst2)")
    _add_config(teach, DistillConfig, but=("task",))
    targets = command("targets", targets_command, "What a teacher asks of a student on one text, and how near it is.")
    targets.add_argument("texts", nargs="+", metavar="TEXT", help="one text, or two that are read as a pair")
    targets.add_argument("--teacher", help="catalog name, run id, folder or Hub name (default: the bundled one)")
    targets.add_argument("--student", help="the same (default: the latest student distilled here from the shell)")
    targets.add_argument("--recipe", default="minilm_v1", help="minilm_v1 or minilm_v2 (default: minilm_v1)")
    targets.add_argument("--relation-heads", type=_positive, help="minilm_v2: a number that divides both widths")
    targets.add_argument("--teacher-layer", type=int, help="minilm_v2: a layer of the teacher, from 0 (default: last)")
    targets.add_argument("--output", type=Path, required=True, help="targets.npz, or view.html")
    look = command("attention", attention_command, "Look inside: what every layer and head attends to in one input.")
    look.add_argument("texts", nargs="+", metavar="TEXT", help="one text, or two for a pair")
    look.add_argument("--checkpoint", help="catalog name, run id, folder or Hub name (default: bundled)")
    look.add_argument("--task", metavar="SKILL_OR_TASK", help="also answer, with the checkpoint's output layer for it")
    look.add_argument("--output", type=Path, required=True, help="a page to open (.html) or the numbers (.npz)")
    runs_parser = command("runs", runs_command, "List, show or stop runs.")
    runs_parser.add_argument("action", nargs="?", default="list", choices=("list", "show", "stop"))
    runs_parser.add_argument("run", nargs="?", metavar="ID", help="run id or folder, for show and stop")
    skills_parser = command("skills", skills_command, "List the shipped skills, or train one anew.")
    skills_parser.add_argument("action", nargs="?", default="list", choices=("list", "train", "pack"))
    skills_parser.add_argument("skill", nargs="?", metavar="SKILL", help=", ".join(SKILLS))
    skills_parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="pack: the folder of a run")
    skills_parser.add_argument("--data", default="auto", help="a folder with the real rows")
    skills_parser.add_argument("--seed", type=int, help="seed of the training (default: the recipe's)")
    skills_parser.add_argument("--probes", type=Path, help="hand-written rows with the right answers (tests/probes)")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


# -- options of TrainConfig and DistillConfig ----------------------------------------------------------------------

RENAMED = {"output_dir": "output"}  # flags whose name is not the field's own
METAVARS = {"probe": "TEXT"}  # of repeatable flags that take no path


def _add_config(parser: argparse.ArgumentParser, config: type, but: Sequence[str] = ()) -> None:
    """One flag per field of a configuration, its help and choices read from there."""
    kinds = typing.get_type_hints(config)
    for one in fields(config):
        if one.name in but:
            continue
        options = {"help": one.metadata["help"], "dest": one.name, "default": argparse.SUPPRESS}
        flag = f"--{RENAMED.get(one.name, one.name).replace('_', '-')}"
        if one.name == "time_budget":
            parser.add_argument(flag, type=_duration, metavar="60s", **options)
        elif kinds[one.name] is bool:
            parser.add_argument(flag, action="store_true", **options)
        elif typing.get_origin(kinds[one.name]) is tuple:
            parser.add_argument(flag, action="append", metavar=METAVARS.get(one.name, "PATH"), **options)
        else:
            kind = next(k for k in (float, int, str) if k in (kinds[one.name], *typing.get_args(kinds[one.name])))
            parser.add_argument(flag, type=kind, choices=one.metadata.get("choices"), **options)


def _duration(text: str) -> float:
    """Seconds of "60s", "2m", "1h" or a plain number."""
    units = {"s": 1, "m": 60, "h": 3600}
    try:
        return float(text[:-1]) * units[text[-1]] if text[-1:] in units else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no duration; write 30s, 2m or 1h") from None


def _config(args: argparse.Namespace, config: type):
    given = {one.name: getattr(args, one.name) for one in fields(config) if hasattr(args, one.name)}
    given |= {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    try:
        return config(**given)
    except DemoError as error:
        raise UsageError(str(error)) from error


# -- finetune ------------------------------------------------------------------------------------------------------


def finetune_command(args: argparse.Namespace) -> int:
    task, config = get_task(args.task), _config(args, TrainConfig)
    from .finetuning import finetune
    from .models import default_checkpoint, locate

    locate(config.checkpoint or default_checkpoint())  # a wrong name is a wrong argument, not a failed job
    _open_data(task, config.data, (config.train_split,), task.eval_splits, config.extra_train)
    return _run_job(args, "finetune", task, config, partial(finetune, task), _finetune_lines)


def _run_job(args: argparse.Namespace, job: str, task, config, start, lines) -> int:
    """Do a job into a run folder and print what it ends with; `start(config, should_stop=…)` gives its events."""
    from . import runs

    if int(os.environ.get("RANK", 0)) != 0:  # torchrun: the main process alone records and reports
        for _ in start(config):
            pass
        return 0
    record = runs.create_run(job, task, config)
    report, seen = _Reporter(), ""
    with _interrupts() as interrupted:
        for event in runs.record_events(record, partial(start, record.config), interrupted):
            report(event)
            seen = event.seen_by_base if isinstance(event, Started) else seen
    if event.status == "failed":
        print(event.message, file=sys.stderr)
        return EXIT_FAILED
    if event.result is None:  # asked to stop before it began
        _print_result(args, _run_document(runs.state(Path(record.config.output_dir))), [event.message])
        return 0
    _print_result(args, result_document(event.result, seen), lines(event, seen))
    return 0


def _open_data(task, data: str, splits: Sequence[str], eval_splits: Sequence[str] = (), extra: Sequence[str] = ()):
    """The source that `data` names. A name, split or extra place that leads nowhere is a wrong argument, found out
    before there is a run folder; no row is read here, so what is wrong inside a file is for the job to say."""
    from .data import find_extra, open_source

    try:
        source = open_source(task, data, (*splits, *eval_splits))
        source.require_splits(*splits, *(source.eval_splits if eval_splits else ()))
        for path in extra:
            find_extra(task, path)
    except DataError as error:
        raise UsageError(str(error)) from error
    return source


@contextlib.contextmanager
def _interrupts() -> Iterator[typing.Callable[[], bool]]:
    """The first Ctrl-C stops the run and keeps the best; the second one breaks off."""
    asked = []

    def on_interrupt(number, frame):
        if asked:
            raise KeyboardInterrupt
        asked.append(True)
        print("\nStopping; the best checkpoint is kept. Ctrl-C again breaks off.", file=sys.stderr)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


class _Reporter:
    """Events as lines of progress on stderr; updates overwrite each other on a terminal, elsewhere few are shown."""

    LINES = 20  # of updates, where they do not overwrite each other

    def __init__(self):
        self.steps_between, self.reported = 1, 0

    def __call__(self, event) -> None:
        if isinstance(event, Fetching):
            of = f" of {event.total / 1e6:.0f}" if event.total else ""
            _progress(f"fetching {event.checkpoint}: {event.done / 1e6:.0f}{of} MB")
        elif isinstance(event, Started):
            moving = f"{event.trainable:,} of {event.parameters:,} weights move"
            who = event.checkpoint if event.job == "finetune" else f"A student of {event.checkpoint}"
            source = event.data_source.description
            _progress(f"{who} on {source}; {moving}; {event.precision} on {event.device}; seed {event.seed}")
        elif isinstance(event, Planned):
            _progress(f"{event.steps} steps ({event.epochs:.2g} epochs), about {event.seconds:.0f} s")
            self.steps_between = max(1, event.steps // self.LINES)
        elif isinstance(event, Stepped):
            self._step(event)
        elif isinstance(event, Evaluated):
            scores = "  ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            _progress(f"step {event.step}  held-back rows: {scores}{'  (best so far)' if event.best else ''}")

    def _step(self, event: Stepped) -> None:
        live = sys.stderr.isatty()
        if not live and event.step - self.reported < self.steps_between:
            return
        self.reported = event.step
        speed = f"{event.examples_per_second:.0f} examples/s  {event.seconds_left:.0f} s left"
        terms = "".join(f"{name.replace('_', ' ')} {loss:.3f}  " for name, loss in event.losses.items())
        _progress(f"step {event.step}  loss {event.loss:.3f}  {terms}{speed}", end="\r" if live else "\n")


def _progress(text: str, end: str = "\n") -> None:
    print(f"{text:<78}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)


def result_document(result, seen_by_base: str) -> dict:
    """The JSON document of the job that ended with this result."""
    if isinstance(result, AblationResult):
        return to_dict(result)
    return distill_document(result) if isinstance(result, DistillResult) else finetune_document(result, seen_by_base)


def finetune_document(result, seen_by_base: str = "") -> dict:
    """The JSON document of `finetune`."""
    return evaluation_document(result.evaluation, seen_by_base) | {
        "output_dir": result.output_dir,
        "examples": result.examples,
        "examples_seen": result.examples_seen,
        "seconds": round(result.seconds, 2),
        "examples_per_second": round(result.examples_per_second, 1),
        "splits": dict(result.splits),
        "step": result.step,
        "steps": result.steps,
    }


def evaluation_document(evaluation: Evaluation, seen_by_base: str = "") -> dict:
    """The JSON document of `evaluate`; `seen_by_base` is "" where the checkpoint's own training had seen nothing."""
    values = to_dict(evaluation)
    names = ("task", "checkpoint", "metrics", "intervals", "baseline", "confusion")
    rows = {"rows": values["examples"], "evaluation_seconds": round(evaluation.seconds, 2)}
    beside = {"data_source": evaluation.data_source.description, "seen_by_base": seen_by_base}
    return beside | {name: values[name] for name in names} | rows


def _finetune_lines(event: Finished, seen_by_base: str) -> Iterator[str]:
    result = event.result
    folder = Path(result.output_dir).absolute()  # a bare name could be one of the catalog's
    yield f"{event.message} {result.seconds:.0f} s, {result.examples_per_second:.0f} examples/s."
    yield from _evaluation_lines(result.evaluation, seen_by_base)
    yield f"Saved in {folder}"
    yield f'Try it: python -m minilm_demo predict {result.evaluation.task} --checkpoint "{folder}" "…"'


def _evaluation_lines(evaluation: Evaluation, seen_by_base: str) -> Iterator[str]:
    task = TASKS[evaluation.task]
    yield f"{evaluation.checkpoint} on {evaluation.data_source.description}"
    for split, values in evaluation.metrics.items():
        for metric, value in values.items():
            low, high = evaluation.intervals[split][metric]
            base = evaluation.baseline[split][metric]
            yield f"  {split:<24}{metric:<24}{value:.3f}  [{low:.3f}, {high:.3f}]  {BASELINES[task.kind]} {base:.3f}"
    comparable = evaluation.data_source.is_official and task.eval_splits[0] in evaluation.metrics
    for model, score in task.paper.items() if comparable else ():
        yield f"  {f'the paper, {model}':<24}{task.paper_metric:<24}{score:.3f}  (all of the official data)"
    if seen_by_base:
        yield f"The bundled checkpoint's own training had seen {seen_by_base}."


# -- evaluate, predict ---------------------------------------------------------------------------------------------


def evaluate_command(args: argparse.Namespace) -> int:
    from .evaluation import evaluate
    from .models import locate, seen_by_base

    task = get_task(args.task)
    splits = tuple(args.split.split("+")) if args.split else ()
    checkpoint = _checkpoint_for(args.checkpoint, task.name)
    source = _open_data(task, args.data, splits, () if splits else task.eval_splits)
    evaluation = evaluate(
        task, checkpoint, splits=splits, data=source, limit=args.limit, seed=args.seed, on_rows=_report_rows
    )
    seen = seen_by_base(locate(checkpoint), task)
    _print_result(args, evaluation_document(evaluation, seen), _evaluation_lines(evaluation, seen))
    return 0


def _report_rows(split: str, done: int, of: int) -> None:
    if sys.stderr.isatty() or done == of:
        _progress(f"{split}: {done:,} of {of:,} rows", end="\n" if done == of else "\r")


def _checkpoint_for(given: str | None, skill_or_task: str) -> str:
    """What was asked for, or what answers on this machine when nobody asks for another."""
    from . import runs
    from .models import locate

    if given:
        locate(given)
        return given
    found = runs.default_answerer(skill_or_task)
    if found is None:
        name = skill_tasks(skill_or_task)[0].name
        raise DemoError(
            f"No fine-tuned checkpoint for {name} here yet. Make one: python -m minilm_demo finetune {name} "
            "--time-budget 60s, or name one with --checkpoint."
        )
    return found


def predict_command(args: argparse.Namespace) -> int:
    candidates = skill_tasks(args.task)
    checkpoint = _checkpoint_for(args.checkpoint, args.task)
    candidates = _tasks_of(checkpoint, candidates)
    if args.file:
        return _predict_file(args, candidates, checkpoint)
    task = task_for_texts(candidates, args.texts)
    if len(args.texts) != len(task.text_fields):
        wanted = ", ".join(task.text_fields)
        raise UsageError(f"{task.name} takes {len(task.text_fields)} texts ({wanted}); {len(args.texts)} came.")
    from .prediction import predict

    fields_ = dict(zip(task.text_fields, args.texts, strict=True))
    prediction = predict(task, checkpoint, fields_, threshold=args.threshold)
    document = prediction_document(prediction)
    _print_result(args, document, _prediction_lines(document))
    return 0


def _tasks_of(checkpoint: str, candidates: Sequence[Task]) -> Sequence[Task]:
    """Which of a skill's tasks the checkpoint answers: those it was trained on, else the first."""
    from . import runs
    from .models import CATALOG, locate

    folder = Path(locate(checkpoint).place).parent
    if (folder / "run.json").is_file():
        trained = (runs.read_record(folder).task,)
    else:
        trained = CATALOG[checkpoint].tasks if checkpoint in CATALOG else ()
    return [task for task in candidates if task.name in trained] or candidates[:1]


def prediction_document(prediction: Prediction) -> dict:
    """The JSON document of `predict`: what this kind of task answers with."""
    names = {
        "classification": ("label", "probabilities"),
        "regression": ("score",),
        "span": ("answer", "start", "end", "no_answer_score"),
    }[TASKS[prediction.task].kind]
    values = {name: getattr(prediction, name) for name in names}
    return values | {"checkpoint": prediction.checkpoint, "milliseconds": round(prediction.milliseconds, 1)}


def _prediction_lines(document: dict) -> Iterator[str]:
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
    from .batch import predict_file

    if args.texts or not args.output:
        raise UsageError("--file takes no texts and needs --output, the CSV to write")
    rows = predict_file(candidates, checkpoint, args.file, args.output, threshold=args.threshold, on_rows=_report_rows)
    _print_result(args, {"rows": rows, "output": str(args.output)}, [f"{rows:,} rows written to {args.output}"])
    return 0


# -- distill, targets ----------------------------------------------------------------------------------------------


def distill_command(args: argparse.Namespace) -> int:
    task, config = get_task(args.task), _config(args, DistillConfig)
    from .distilling import distill
    from .models import default_checkpoint, locate
    from .texts import text_files

    locate(config.teacher or default_checkpoint())
    if not text_files(task, config.data):
        _open_data(task, config.data, (config.split,), task.eval_splits)
    return _run_job(args, "distill", task, config, distill, _distill_lines)


def distill_document(result: DistillResult) -> dict:
    """The JSON document of `distill`."""
    values = {name: value for name, value in to_dict(result).items() if name != "settings"}
    return values | {
        "data_source": result.data_source.description,
        "seconds": round(result.seconds, 2),
        "steps_per_second": round(result.steps_per_second, 3),
    }


def _distill_lines(event: Finished, seen_by_base: str) -> Iterator[str]:
    result = event.result
    folder = Path(result.output_dir).absolute()
    yield f"{event.message} {result.seconds:.0f} s, {result.steps_per_second:.2f} steps/s."
    yield f"{result.layers} layers x {result.hidden_size}, {result.heads} heads, {result.parameters:,} weights"
    for name, loss in result.losses.items():
        yield f"  {name.replace('_', ' '):<20}{result.losses_before[name]:.3f} -> {loss:.3f} nats per head and token"
    if seen_by_base:
        yield f"The teacher's own training had seen {seen_by_base}."
    yield f"Saved in {folder}"
    yield f'Fine-tune it: python -m minilm_demo finetune {result.task} --checkpoint "{folder}"'


def targets_command(args: argparse.Namespace) -> int:
    from . import runs
    from .distillation import distillation_targets, save_targets
    from .models import default_checkpoint, locate

    if len(args.texts) > 2:
        raise UsageError(f"targets takes one text or a pair; {len(args.texts)} came.")
    _check_picture(args.output)
    teacher, student = args.teacher or default_checkpoint(), args.student or runs.latest_student()
    if student is None:
        raise DemoError(
            "No student was distilled here yet. Make one: python -m minilm_demo distill, or name one with --student."
        )
    for checkpoint in (teacher, student):
        locate(checkpoint)
    options = {"num_relation_heads": args.relation_heads, "teacher_layer": args.teacher_layer}
    targets = distillation_targets(teacher, student, *args.texts, recipe=args.recipe, **options)
    badge = badge_of(teacher, student, args.recipe)
    _write_picture(targets, args.output, save_targets, badge=badge)
    document = targets_document(targets) | {"badge": asdict(badge), "output": str(args.output)}
    _print_result(args, document, _targets_lines(targets, badge, args.output))
    return 0


def targets_document(targets: DistillationTargets) -> dict:
    """The JSON document of `targets`: the divergence of each relation, in all and by head; layers count from 0."""
    by_token = {name: values.astype(float) for name, values in targets.divergence.items()}
    return {
        "teacher": targets.teacher_name,
        "student": targets.student_name,
        "recipe": targets.recipe,
        "teacher_layer": targets.teacher_layer,
        "student_layer": targets.student_layer,
        "tokens": list(targets.tokens),
        "losses": named_losses(targets.losses),
        "by_head": named_losses({name: values.mean(-1).round(6).tolist() for name, values in by_token.items()}),
    }


def named_losses(by_relation: Mapping[str, object]) -> dict[str, object]:
    """`{"QK": …}` as `{"attention": …}`."""
    from .distillation import LOSS_NAMES

    return {LOSS_NAMES[name]: value for name, value in by_relation.items()}


def _targets_lines(targets: DistillationTargets, badge: Badge, output: Path) -> Iterator[str]:
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
    yield f"Written to {output}"


# -- attention -----------------------------------------------------------------------------------------------------


def attention_command(args: argparse.Namespace) -> int:
    if len(args.texts) > 2:
        raise UsageError(f"attention takes one text, or two for a pair; {len(args.texts)} came.")
    _check_picture(args.output)
    from .attention import save_trace, trace_attention
    from .models import default_checkpoint, locate

    candidates = skill_tasks(args.task) if args.task else ()
    checkpoint = args.checkpoint or default_checkpoint()
    locate(checkpoint)
    task = task_for_texts(_tasks_of(checkpoint, candidates), args.texts) if candidates else None
    trace = trace_attention(checkpoint, *args.texts, task=task, with_qkv=True)
    _write_picture(trace, args.output, save_trace)
    document = attention_document(trace, args.output)
    _print_result(args, document, _attention_lines(document))
    return 0


def _check_picture(output: Path) -> None:
    if output.suffix not in (".html", ".npz"):
        raise UsageError(f"--output is {output}; it must end in .html or .npz.")


def _write_picture(result, output: Path, save_arrays: Callable[[object, Path], None], **shown) -> None:
    """A page that works offline, or the arrays. `shown`: what else `views.show` is told."""
    from . import views

    try:
        if output.suffix == ".html":
            views.show(result, **shown).save(output)
        else:
            save_arrays(result, output)
    except OSError as error:
        raise DemoError(f"{output} cannot be written: {error.strerror}.") from error


def attention_document(trace: AttentionTrace, output: Path) -> dict:
    """The JSON document of `attention`; layers and heads count from 0 in it, from 1 in its `finding`."""
    from .attention_weights import crossing_heads

    document = {
        "checkpoint": trace.checkpoint,
        "tokens": list(trace.tokens),
        "layers": trace.num_layers,
        "heads": trace.num_heads,
        "output": str(output),
        "milliseconds": round(trace.milliseconds, 1),
        "truncated": trace.truncated,
        "finding": _finding(trace),
    }
    if trace.is_pair:
        found = crossing_heads(trace)
        document["crossing_heads"] = [{"layer": layer, "head": head, "mass": mass} for layer, head, mass in found]
    if trace.prediction:
        document["prediction"] = prediction_document(trace.prediction)
    return document


def _finding(trace: AttentionTrace) -> str:
    """The strongest look from one word to another, in the head on which the page opens."""
    from .attention_weights import content_tokens
    from .views.attention import first_look

    look = first_look(trace)
    layer, head, token = look["layer"], look["head"], look["token"]
    others = [
        key
        for key in content_tokens(trace).nonzero()[0]
        if key != token and (not trace.is_pair or trace.segment_ids[key] != trace.segment_ids[token])
    ]
    if not others:
        return f"'{trace.tokens[token]}' is the only token of this text, so there is no other to look at."
    row = trace.head(layer, head)[token]
    key = max(others, key=row.__getitem__)
    place = f"Layer {layer + 1} of {trace.num_layers}, head {head + 1} of {trace.num_heads}"
    there = f"'{trace.tokens[key]}'{' in the other text' if trace.is_pair else ''}"
    share = f"{row[key]:.2f} of its attention, {row[key] * trace.num_tokens:.1f} times the average"
    return f"{place}: '{trace.tokens[token]}' gives {there} {share}."


def _attention_lines(document: dict) -> Iterator[str]:
    yield document["finding"]
    for one in document.get("crossing_heads", ()):
        place = f"layer {one['layer'] + 1}, head {one['head'] + 1}"
        yield f"  {place:<20}{one['mass']:.3f} of a word's attention lies on the other text"
    if "prediction" in document:
        yield from _prediction_lines(document["prediction"])
    if document["truncated"]:
        yield "The text is longer than the model reads: its end was cut off."
    size = f"{document['layers']} layers x {document['heads']} heads x {len(document['tokens'])} tokens"
    yield f"{document['checkpoint']}: {size}, {document['milliseconds']:.0f} ms; written to {document['output']}"


# -- tasks, runs, doctor -------------------------------------------------------------------------------------------


def tasks(args: argparse.Namespace) -> int:
    document = {name: to_dict(task) for name, task in TASKS.items()}
    lines = [
        f"{task.name:<9} {task.title:<66} {' + '.join(task.text_fields):<24} {', '.join(task.labels) or task.kind}"
        for task in TASKS.values()
    ]
    _print_result(args, document, lines)
    return 0


def runs_command(args: argparse.Namespace) -> int:
    from . import runs

    if args.action == "list":
        found = runs.list_runs()
        document = {"runs": [_run_document(run) for run in found]}
        lines = [f"{run.record.run_id}  {run.status:<12} {run.record.created}" for run in found]
        _print_result(args, document, lines or ["No runs yet."])
        return 0
    if not args.run:
        raise UsageError(f"runs {args.action} needs a run id")
    folder = runs.run_folder(args.run)
    if args.action == "stop":
        runs.ask_to_stop(folder)
    run = runs.state(folder)
    document = _run_document(run)
    if run.result:
        seen = next((event.seen_by_base for event in run.events if isinstance(event, Started)), "")
        document |= result_document(run.result, seen)
    _print_result(args, document, [f"{name}: {value}" for name, value in document.items()])
    return 0


def skills_command(args: argparse.Namespace) -> int:
    from . import runs, skills
    from .models import CATALOG

    if args.action == "list":
        shipped = [entry for entry in CATALOG.values() if entry.is_skill]
        document = {"skills": [{"name": one.name, "tasks": list(one.tasks)} for one in shipped]}
        lines = [f"{one.name:<12} answers {', '.join(one.tasks)}" for one in shipped] or ["No skill is shipped here."]
        _print_result(args, document, lines)
        return 0
    if not args.skill or (args.action == "pack" and not args.run):
        raise UsageError(f"skills {args.action} needs a skill{' and a run' if args.action == 'pack' else ''}")
    skills.recipe(args.skill)
    if args.action == "pack":
        run = runs.run_folder(str(args.run))
        folders = [skills.pack(args.skill, run, args.data, probes=args.probes)]
    else:
        report, work = _Reporter(), Path(tempfile.mkdtemp(prefix=f"{args.skill}-"))
        _progress(f"The runs are in {work} until the skill is packed.")
        for event in skills.train_skill(args.skill, args.data, work, seed=args.seed, probes=args.probes):
            report(event)
        shutil.rmtree(work)
        folders = [skills.SKILLS_ROOT / args.skill]
    _print_result(args, {"folders": list(map(str, folders))}, [f"Written to {folder}" for folder in folders])
    return 0


def _run_document(run) -> dict:
    steps = [event.step for event in run.events if isinstance(event, Stepped)]
    last = run.events[-1] if run.events else None
    return {
        "run_id": run.record.run_id,
        "status": run.status,
        "task": run.record.task,
        "created": run.record.created,
        "step": steps[-1] if steps else 0,
        "message": last.message if isinstance(last, Finished) else "",
        "folder": str(run.folder),
    }


def doctor(args: argparse.Namespace) -> int:
    from .doctor import examine

    checks = examine()
    problems = [check.name for check in checks if check.needed and not check.ok]
    document = {
        "ready": not problems,
        "checks": [{"name": c.name, "ok": c.ok, "needed": c.needed, "says": c.says} for c in checks],
    }
    marks = {(True, True): "ok ", (True, False): "ok ", (False, True): "NO ", (False, False): "-  "}
    lines = [f"{marks[check.ok, check.needed]} {check.name:<16} {check.says}" for check in checks]
    verdict = "ready for class: yes" if not problems else f"ready for class: no, because of {', '.join(problems)}"
    _print_result(args, document, [*lines, verdict])
    return 0 if not problems else EXIT_FAILED


def _print_result(args: argparse.Namespace, document: dict, lines) -> None:
    if args.json:
        print(json.dumps(document, ensure_ascii=False))
        return
    for line in lines:
        print(line)
