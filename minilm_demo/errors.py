"""Errors whose text is meant for people.

    DemoError                 anything a visitor can cause or meet: what was read, what is allowed, what to do
    ├── UnknownName           a task, checkpoint, run or metric that does not exist
    ├── DataError             a file or data set that does not fit its task
    └── Unavailable           something out of reach: the Hub, a model, a package

The command line prints an error as one line, the page as one toast, at one place each.
"""

from collections.abc import Iterable


class DemoError(Exception):
    """Anything a person can cause or meet. Its text is shown to the user as it is.

    `shell` and `page` are what to do next, where that differs: a command, or a tab and a button. The text of the error
    has the first, `on_page` the second."""

    def __init__(self, text: str, *, shell: str = "", page: str = ""):
        super().__init__(" ".join(filter(None, (text, shell))))
        self.on_page = " ".join(filter(None, (text, page)))


class UnknownName(DemoError):
    """A name that is not in a table. The message of `UnknownName("task", "mlni", TASKS)` lists the table's names."""

    def __init__(self, what: str, name: str, names: Iterable[str]):
        super().__init__(f"Unknown {what} '{name:.100}'. Known: {', '.join(names)}.")


class DataError(DemoError):
    """A file, column or row that does not fit the task it was given for."""


class Unavailable(DemoError):
    """A model, data set or service that cannot be reached or loaded right now."""
