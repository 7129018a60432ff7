"""What every handler of the page shares: errors as toasts, checks on names from outside, the visitor's runs."""

from __future__ import annotations

import functools
from collections.abc import Callable

import gradio as gr

from ..errors import DemoError
from ..runs import RunQueue

QUEUE = RunQueue()  # one line of runs per server
REOPENED = 5  # of a visitor's newest runs: as many are looked at for one that still goes on


def says_errors(handler: Callable) -> Callable:
    """A `DemoError` becomes the toast people see; the one place where that happens."""

    @functools.wraps(handler)
    def wrapped(*args, **kwargs):
        try:
            return handler(*args, **kwargs)
        except DemoError as error:
            raise gr.Error(str(error), title="That did not work", duration=12, print_exception=False) from error

    return wrapped


def answers_errors(answer: Callable[[dict], dict]) -> Callable[[dict], dict]:
    """For what a component asks the server by itself, past the queue: a `DemoError` becomes `{error}`, which the
    component shows where it asked."""

    @functools.wraps(answer)
    def wrapped(asked: dict) -> dict:
        try:
            return answer(asked)
        except DemoError as error:
            return {"error": str(error)}

    return wrapped


def picked_texts(picked: gr.EventData) -> list[str]:
    """The texts of the row or try that was chosen in a view, for the two boxes."""
    return [*map(str, picked.texts), ""][:2]
