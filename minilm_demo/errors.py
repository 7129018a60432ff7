"""Errors whose text is meant for people.

    DemoError                 anything a visitor can cause or meet: what came, what is allowed, what to do
    ├── UnknownName           a task, checkpoint, run or metric nobody knows
    ├── DataError             a file or data set that does not fit its task
    └── Unavailable           something out of reach: the Hub, a model, a package

They become one line on the command line and one toast on the page, at one place each.
"""


class DemoError(Exception):
    """Anything a person can cause or meet; shown to the user as it is."""


class UnknownName(DemoError):
    """A name that is not in a table. `UnknownName("task", "mlni", TASKS)` lists what is."""

    def __init__(self, what: str, came: str, known):
        super().__init__(f"Unknown {what} '{came:.100}'. Known: {', '.join(known)}.")


class DataError(DemoError):
    """A file, column or row that does not fit the task it was given for."""


class Unavailable(DemoError):
    """A model, data set or service that cannot be reached or loaded right now."""
