"""Parts that all handlers of the page share: the queue of runs, and the conversion of errors."""

from __future__ import annotations

import functools
from collections.abc import Callable

import gradio as gr

from ..errors import DemoError
from ..runs import RunQueue

QUEUE = RunQueue()  # one queue of runs per server
REOPENED = 5  # at most so many of a visitor's newest runs are searched for an unfinished one


def says_errors(handler: Callable) -> Callable:
    """Decorator of a Gradio handler: a `DemoError` becomes an error toast."""

    @functools.wraps(handler)
    def wrapped(*args, **kwargs):
        try:
            return handler(*args, **kwargs)
        except DemoError as error:
            raise gr.Error(error.on_page, title="That did not work", duration=12, print_exception=False) from error

    return wrapped


def answers_errors(answer: Callable[[dict], dict]) -> Callable[[dict], dict]:
    """Decorator of a component's callback: a `DemoError` becomes `{error}`, which the component shows."""

    @functools.wraps(answer)
    def wrapped(question: dict) -> dict:
        try:
            return answer(question)
        except DemoError as error:
            return {"error": error.on_page}

    return wrapped
