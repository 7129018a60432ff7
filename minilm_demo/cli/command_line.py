"""The command line, `python -m minilm_demo …`: doctor, tasks, finetune, evaluate, predict, attention, distill, targets,
runs, skills.

Each command prints text for people; with `--json` the last line of stdout is one JSON document. Progress goes to
stderr. The exit code is 2 for a wrong argument and 1 for a failed job, each with one sentence on stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import DemoError, UnknownName
from ..jobs import DistillConfig, TrainConfig
from ..tasks import OWN, SKILLS, TASKS
from .ask import predict_command
from .look import attention_command, targets_command
from .manage import doctor, runs_command, skills_command, tasks
from .options import CommandParser, Parser, UsageError, add_config, add_overwrite, mapping, positive
from .output import EXIT_FAILED, EXIT_USAGE
from .train import distill_command, evaluate_command, finetune_command


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `argv` defaults to the arguments of the process."""
    try:
        args = make_parser().parse_args(argv)
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
    except BrokenPipeError:  # the reader closed the pipe, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("Broken off.", file=sys.stderr)
        return EXIT_FAILED
    except Exception as error:  # one sentence in place of a traceback
        message = " ".join(str(error).split())[:200]
        print(f"Something unforeseen went wrong: {type(error).__name__}: {message}", file=sys.stderr)
        return EXIT_FAILED


def _add_evaluation(score: argparse.ArgumentParser) -> None:
    """The arguments of `evaluate`."""
    score.add_argument("task", metavar="TASK", help=", ".join((*TASKS, OWN.name)))
    score.add_argument("--checkpoint", required=True, help="catalog name, run id, folder or Hub name")
    score.add_argument(
        "--split", help="splits to score, joined by + (default: the validation splits, of a file all rows)"
    )
    score.add_argument("--limit", type=positive, help="rows of each split at most, drawn at random")
    score.add_argument("--data", default="auto", help="auto, mirror, hub, sample, a folder or a file")
    add_config(score, TrainConfig, only=("columns", "labels", "score_range"))
    score.add_argument("--seed", type=int, default=0, help="seed of the rows drawn by --limit")
    _add_output_labels(score)


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line; its result names the function `command` that does the work."""
    parser = Parser(prog="python -m minilm_demo", description="Fine-tune MiniLM, ask it, look inside.")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)  # it may stand before the command too
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=CommandParser)

    def command(name: str, function, help: str) -> argparse.ArgumentParser:
        subparser = commands.add_parser(name, help=help, description=help)
        subparser.set_defaults(command=function)
        subparser.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help="print one JSON document as the last line of stdout",
        )
        return subparser

    command("doctor", doctor, "What is available here: packages, checkpoints, data, CPU features, the Hub.")
    command("tasks", tasks, "The tasks, their text fields, labels, metrics and defaults.")
    tune = command("finetune", finetune_command, "Fine-tune a checkpoint on a task.")
    tune.add_argument("task", metavar="TASK", help=", ".join((*TASKS, OWN.name)))
    add_config(tune, TrainConfig)
    score = command("evaluate", evaluate_command, "Score a checkpoint on a task's validation splits.")
    _add_evaluation(score)
    ask = command("predict", predict_command, "Ask a checkpoint about one text, a pair, or every row of a file.")
    ask.add_argument("task", metavar="SKILL_OR_TASK", help=", ".join((*SKILLS, *TASKS, OWN.name)))
    ask.add_argument("texts", nargs="*", metavar="TEXT", help="the text fields in the task's order")
    default = "the shipped skill; for a task its latest run under MINILM_HOME/runs that was made from the shell"
    ask.add_argument("--checkpoint", help=f"catalog name, run id, folder or Hub name (default: {default})")
    ask.add_argument("--threshold", type=float, help="no-answer threshold of SQuAD 2.0")
    _add_output_labels(ask)
    ask.add_argument("--explain", action="store_true", help="also say which words mattered, by two methods")
    ask.add_argument("--file", type=Path, help="a CSV, Excel, JSON or other file with the task's text columns")
    ask.add_argument("--output", type=Path, help="with --file: the CSV to write")
    add_overwrite(ask)
    teach = command("distill", distill_command, "Distil a student from a teacher, on texts without labels.")
    teach.add_argument("task", metavar="TASK", nargs="?", default="sst2", help="whose texts (default: sst2)")
    add_config(teach, DistillConfig, exclude=("task",))
    _add_looks(command)
    runs_parser = command("runs", runs_command, "List, show, stop, rename, export or delete runs.")
    runs_parser.add_argument(
        "action", nargs="?", default="list", choices=("list", "show", "stop", "rename", "export", "delete")
    )
    runs_parser.add_argument("run", nargs="?", metavar="ID", help="run id or folder, for all but list")
    runs_parser.add_argument("name", nargs="?", metavar="NAME", help='rename: the new name; "" takes it away')
    runs_parser.add_argument("--output", type=Path, help="export: the zip to write (default: the run's name)")
    runs_parser.add_argument("--adapter", action="store_true", help="export: the adapter of a LoRA run alone")
    add_overwrite(runs_parser)
    skills_parser = command("skills", skills_command, "List the shipped skills, or train one anew.")
    skills_parser.add_argument("action", nargs="?", default="list", choices=("list", "train", "pack"))
    skills_parser.add_argument("skill", nargs="?", metavar="SKILL", help=", ".join(SKILLS))
    skills_parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="pack: the folder of a run")
    skills_parser.add_argument("--data", default="auto", help="a folder with the real rows")
    skills_parser.add_argument("--seed", type=int, help="seed of the training (default: the recipe's)")
    skills_parser.add_argument("--probes", type=Path, help="hand-written rows with the right answers (tests/probes)")
    return parser


def _add_looks(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the commands that write a picture or arrays to a file."""
    targets = command("targets", targets_command, "What a teacher asks of a student on one text, and how near it is.")
    targets.add_argument("texts", nargs="+", metavar="TEXT", help="one text, or two that are read as a pair")
    targets.add_argument("--teacher", help="catalog name, run id, folder or Hub name (default: the bundled one)")
    targets.add_argument("--student", help="the same (default: the latest student distilled here from the shell)")
    targets.add_argument("--recipe", default="minilm_v1", help="minilm_v1 or minilm_v2 (default: minilm_v1)")
    targets.add_argument("--relation-heads", type=positive, help="minilm_v2: a number that divides both widths")
    targets.add_argument("--teacher-layer", type=int, help="minilm_v2: a layer of the teacher, from 0 (default: last)")
    targets.add_argument("--output", type=Path, required=True, help="targets.npz, or view.html")
    add_overwrite(targets)
    look = command("attention", attention_command, "Look inside: what every layer and head attends to in one input.")
    look.add_argument("texts", nargs="+", metavar="TEXT", help="one text, or two for a pair")
    look.add_argument("--checkpoint", help="catalog name, run id, folder or Hub name (default: bundled)")
    look.add_argument("--task", metavar="SKILL_OR_TASK", help="also answer, with the checkpoint's output layer for it")
    look.add_argument("--output", type=Path, required=True, help="a page to open (.html) or the numbers (.npz)")
    add_overwrite(look)


def _add_output_labels(parser: argparse.ArgumentParser) -> None:
    about = "what the outputs of a checkpoint mean that calls them LABEL_0, LABEL_1, …, as 0=negative,1=positive"
    parser.add_argument("--output-labels", type=mapping, metavar="VALUE=LABEL,…", help=about)
