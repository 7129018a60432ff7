"""What commands print: progress on stderr, results on stdout, exit codes."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import typing
from collections.abc import Iterator

from ..results import Evaluated, Fetching, Planned, Started, Stepped
from ..runs import JOBS

EXIT_FAILED, EXIT_USAGE = 1, 2


@contextlib.contextmanager
def interrupts() -> Iterator[typing.Callable[[], bool]]:
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


class Reporter:
    """Events as lines of progress on stderr; updates overwrite each other on a terminal, elsewhere few are shown."""

    LINES = 20  # of updates, where they do not overwrite each other

    def __init__(self):
        self.steps_between, self.reported = 1, 0

    def __call__(self, event) -> None:
        if isinstance(event, Fetching):
            of = f" of {event.total / 1e6:.0f}" if event.total else ""
            progress(f"fetching {event.checkpoint}: {event.done / 1e6:.0f}{of} MB")
        elif isinstance(event, Started):
            moving = f"{event.trainable:,} of {event.parameters:,} weights move"
            who = event.checkpoint if JOBS[event.job].makes == "tuned" else f"A student of {event.checkpoint}"
            source = event.data_source.description
            progress(f"{who} on {source}; {moving}; {event.precision} on {event.device}; seed {event.seed}")
        elif isinstance(event, Planned):
            progress(f"{event.steps} steps ({event.epochs:.2g} epochs), about {event.seconds:.0f} s")
            self.steps_between = max(1, event.steps // self.LINES)
        elif isinstance(event, Stepped):
            self._step(event)
        elif isinstance(event, Evaluated):
            scores = "  ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            progress(f"step {event.step}  held-back rows: {scores}{'  (best so far)' if event.best else ''}")

    def _step(self, event: Stepped) -> None:
        live = sys.stderr.isatty()
        if not live and event.step - self.reported < self.steps_between:
            return
        self.reported = event.step
        speed = f"{event.examples_per_second:.0f} examples/s  {event.seconds_left:.0f} s left"
        terms = "".join(f"{name.replace('_', ' ')} {loss:.3f}  " for name, loss in event.losses.items())
        progress(f"step {event.step}  loss {event.loss:.3f}  {terms}{speed}", end="\r" if live else "\n")


def progress(text: str, end: str = "\n") -> None:
    print(f"{text:<78}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)


def report_rows(split: str, done: int, of: int) -> None:
    if sys.stderr.isatty() or done == of:
        progress(f"{split}: {done:,} of {of:,} rows", end="\n" if done == of else "\r")


def print_result(args: argparse.Namespace, document: dict, lines) -> None:
    if args.json:
        print(json.dumps(document, ensure_ascii=False))
        return
    for line in lines:
        print(line)
