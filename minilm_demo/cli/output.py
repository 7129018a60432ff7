"""Output of the commands: progress on stderr, results on stdout, exit codes."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator

from ..results import FINETUNE, Evaluated, Fetching, Planned, Started, Stepped
from ..runs import JOBS
from ..tasks import TASKS
from ..views.words import counted, rereading, smaller_batches

EXIT_FAILED, EXIT_USAGE = 1, 2


@contextlib.contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """A context whose value tells whether Ctrl-C was pressed, so that a run can stop and keep its best checkpoint. The
    second Ctrl-C raises `KeyboardInterrupt`."""
    signals: list[int] = []

    def on_interrupt(number, frame):
        if signals:
            raise KeyboardInterrupt
        signals.append(number)
        print("\nStopping; the best checkpoint is kept. Ctrl-C again breaks off.", file=sys.stderr)

    previous_handler = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield lambda: bool(signals)
    finally:
        signal.signal(signal.SIGINT, previous_handler)


class Reporter:
    """Prints events as lines of progress on stderr. A step overwrites the previous one on a terminal;
    elsewhere about `LINES` steps are printed."""

    LINES = 20

    def __init__(self):
        self.steps_between, self.last_step = 1, 0
        self.rows = 0  # that are learned from

    def __call__(self, event) -> None:
        if isinstance(event, Fetching):
            total = f" of {event.total / 1e6:.0f}" if event.total else ""
            progress(f"fetching {event.checkpoint}: {event.done / 1e6:.0f}{total} MB")
        elif isinstance(event, Started):
            self.rows = event.examples
            weights = f"{event.trainable:,} of {event.parameters:,} weights move"
            model = event.checkpoint if JOBS[event.job].makes == "tuned" else f"A student of {event.checkpoint}"
            source = event.data_source.description
            precision = f"{event.precision} on {event.device} ({event.precision_reason})"
            for note in event.data_source.notes:
                progress(note)
            progress(f"{model} on {source}; {weights}; {precision}; seed {event.seed}")
            self._better_start(event)
        elif isinstance(event, Planned):
            plan = f"{counted(event.steps, 'step')} ({event.epochs:.2g} epochs), about {event.seconds:.0f} s"
            progress("; ".join(filter(None, (plan, rereading(event.epochs, self.rows), smaller_batches(event)))))
            self.steps_between = max(1, event.steps // self.LINES)
        elif isinstance(event, Stepped):
            self._step(event)
        elif isinstance(event, Evaluated):
            scores = "  ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            rows = "validation" if event.split else "held-back"
            progress(f"step {event.step}  {rows} rows: {scores}{'  (best so far)' if event.best else ''}")

    def _better_start(self, event: Started) -> None:
        """Name the skill that teaches more on the bundled sample than the bundled checkpoint does, if there is one."""
        skill = TASKS[event.task].start_from if event.job == FINETUNE and event.data_source.kind == "sample" else ""
        if skill and event.checkpoint == "bundled":
            progress(f"so few rows teach bundled little of {event.task}; --checkpoint {skill} is a better start here")

    def _step(self, event: Stepped) -> None:
        on_terminal = sys.stderr.isatty()
        if not on_terminal and event.step - self.last_step < self.steps_between:
            return
        self.last_step = event.step
        speed = f"{event.examples_per_second:.0f} examples/s  {event.seconds_left:.0f} s left"
        terms = "".join(f"{name.replace('_', ' ')} {loss:.3f}  " for name, loss in event.losses.items())
        progress(f"step {event.step}  loss {event.loss:.3f}  {terms}{speed}", end="\r" if on_terminal else "\n")


def progress(text: str, end: str = "\n") -> None:
    """Print a line to stderr, on a terminal padded to hide the line that it overwrites."""
    print(f"{text:<78}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)


def report_rows(split: str, done: int, total: int) -> None:
    """Print how many rows are done; in a file only the last line."""
    if sys.stderr.isatty() or done == total:
        progress(f"{split}: {done:,} of {total:,} rows", end="\n" if done == total else "\r")


def print_result(args: argparse.Namespace, document: dict, lines: Iterable[str]) -> None:
    """Print the document as one line of JSON with `--json`, else the lines."""
    if args.json:
        print(json.dumps(document, ensure_ascii=False))
        return
    for line in lines:
        print(line)
