"""The command line: python -m minilm_demo doctor | tasks | finetune | evaluate | predict | runs | skills.

Each command prints for people; with `--json` the last line of stdout is one JSON document. Progress goes to stderr. A
wrong argument exits 2 and a failed job exits 1, each with one sentence.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import typing
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from .errors import DataError, DemoError, UnknownName
from .finetuning import TrainConfig
from .results import Evaluated, Evaluation, Fetching, Finished, Planned, Prediction, Started, Stepped, to_dict
from .tasks import SKILLS, TASKS, get_task, skill_tasks

EXIT_FAILED, EXIT_USAGE = 1, 2


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
    _add_config(tune)
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
    runs_parser = command("runs", runs_command, "List, show or stop runs.")
    runs_parser.add_argument("action", nargs="?", default="list", choices=("list", "show", "stop"))
    runs_parser.add_argument("run", nargs="?", metavar="ID", help="run id or folder, for show and stop")
    skills_parser = command("skills", skills_command, "List the shipped skills, or train one anew.")
    skills_parser.add_argument("action", nargs="?", default="list", choices=("list", "train", "pack"))
    skills_parser.add_argument("skill", nargs="?", metavar="SKILL", help=", ".join(SKILLS))
    skills_parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="pack: the folder of a LoRA run")
    skills_parser.add_argument("--data", default="auto", help="a folder with the real rows")
    skills_parser.add_argument("--seed", type=int, default=0, help="seed of the training")
    skills_parser.add_argument("--probes", type=Path, help="hand-written rows with the right answers (tests/probes)")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


# -- options of TrainConfig ----------------------------------------------------------------------------------------

RENAMED = {"output_dir": "output"}  # flags whose name is not the field's own


def _add_config(parser: argparse.ArgumentParser) -> None:
    """One flag per field of `TrainConfig`, its help and choices read from there."""
    kinds = typing.get_type_hints(TrainConfig)
    for one in fields(TrainConfig):
        options = {"help": one.metadata["help"], "dest": one.name, "default": argparse.SUPPRESS}
        flag = f"--{RENAMED.get(one.name, one.name).replace('_', '-')}"
        if one.name == "time_budget":
            parser.add_argument(flag, type=_duration, metavar="60s", **options)
        elif typing.get_origin(kinds[one.name]) is tuple:
            parser.add_argument(flag, action="append", metavar="PATH", **options)
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


def _config(args: argparse.Namespace) -> TrainConfig:
    given = {one.name: getattr(args, one.name) for one in fields(TrainConfig) if hasattr(args, one.name)}
    if "extra_train" in given:
        given["extra_train"] = tuple(given["extra_train"])
    try:
        return TrainConfig(**given)
    except DemoError as error:
        raise UsageError(str(error)) from error


# -- finetune ------------------------------------------------------------------------------------------------------


def finetune_command(args: argparse.Namespace) -> int:
    task, config = get_task(args.task), _config(args)
    from . import runs
    from .finetuning import finetune
    from .models import default_checkpoint, locate

    locate(config.checkpoint or default_checkpoint())  # a wrong name is a wrong argument, not a failed job
    _open_data(task, config.data, (config.train_split,), task.eval_splits, config.extra_train)
    if int(os.environ.get("RANK", 0)) != 0:  # torchrun: the main process alone records and reports
        return _drain_quietly(task, config)
    record = runs.create_run("finetune", task, config)
    report, seen = _Reporter(), ""
    with _interrupts() as interrupted:
        for event in runs.record_events(record, finetune(task, record.config), interrupted):
            report(event)
            seen = event.seen_by_base if isinstance(event, Started) else seen
    if event.status == "failed":
        print(event.message, file=sys.stderr)
        return EXIT_FAILED
    if event.result is None:  # asked to stop before it began
        _print_result(args, _run_document(runs.state(Path(record.config.output_dir))), [event.message])
        return 0
    _print_result(args, finetune_document(event.result, seen), _finetune_lines(event, seen))
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


def _drain_quietly(task, config: TrainConfig) -> int:
    from .finetuning import finetune

    for _ in finetune(task, config):
        pass
    return 0


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
            _progress(f"fetching {event.checkpoint}: {event.done / 1e6:.0f} of {event.total / 1e6:.0f} MB")
        elif isinstance(event, Started):
            moving = f"{event.trainable:,} of {event.parameters:,} weights move"
            source = event.data_source.description
            _progress(
                f"{event.checkpoint} on {source}; {moving}; {event.precision} on {event.device}; seed {event.seed}"
            )
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
        _progress(f"step {event.step}  loss {event.loss:.3f}  {speed}", end="\r" if live else "\n")


def _progress(text: str, end: str = "\n") -> None:
    print(f"{text:<78}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)


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
    yield f"{evaluation.checkpoint} on {evaluation.data_source.description}"
    for split, values in evaluation.metrics.items():
        for metric, value in values.items():
            low, high = evaluation.intervals[split][metric]
            base = evaluation.baseline[split][metric]
            yield f"  {split:<24}{metric:<24}{value:.3f}  [{low:.3f}, {high:.3f}]  majority class {base:.3f}"
    task = TASKS[evaluation.task]
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
    task = _task_of(checkpoint, candidates)
    if args.file:
        return _predict_file(args, task, checkpoint)
    if len(args.texts) != len(task.text_fields):
        wanted = ", ".join(task.text_fields)
        raise UsageError(f"{task.name} takes {len(task.text_fields)} texts ({wanted}); {len(args.texts)} came.")
    from .prediction import predict

    fields_ = dict(zip(task.text_fields, args.texts, strict=True))
    prediction = predict(task, checkpoint, fields_, threshold=args.threshold)
    document = prediction_document(prediction)
    _print_result(args, document, _prediction_lines(document))
    return 0


def _task_of(checkpoint: str, candidates):
    """Which of a skill's tasks the checkpoint answers: the one it was trained on, else the first."""
    from . import runs
    from .models import locate

    folder = Path(locate(checkpoint).place).parent
    if (folder / "run.json").is_file():
        trained = runs.read_record(folder).task
        return next((task for task in candidates if task.name == trained), candidates[0])
    return candidates[0]


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
        yield f"no-answer score {document['no_answer_score']:.2f}"
    else:
        yield f"{document['score']:.2f}"
    yield f"{document['checkpoint']}, {document['milliseconds']:.0f} ms"


def _predict_file(args: argparse.Namespace, task, checkpoint: str) -> int:
    from .batch import predict_file

    if args.texts or not args.output:
        raise UsageError("--file takes no texts and needs --output, the CSV to write")
    rows = predict_file(task, checkpoint, args.file, args.output, threshold=args.threshold, on_rows=_report_rows)
    _print_result(args, {"rows": rows, "output": str(args.output)}, [f"{rows:,} rows written to {args.output}"])
    return 0


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
        document |= finetune_document(run.result, seen)
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
        report = _Reporter()
        with tempfile.TemporaryDirectory() as work:
            for event in skills.train_skill(args.skill, args.data, Path(work), seed=args.seed, probes=args.probes):
                report(event)
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
