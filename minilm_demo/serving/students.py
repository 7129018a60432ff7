"""What student a teacher can be asked for here: its sizes, how it may begin, and the text that is watched."""

from __future__ import annotations

from ..errors import DataError
from ..jobs import DistillConfig
from ..models import layers_misfit, size_of, smaller_sizes
from ..results import DISTILL
from ..runs import JOBS
from .choices import Choices

OWN_SIZE = "own"
OWN_SIZE_CHOICE = ("My own size (Advanced)", OWN_SIZE)
NOT_KNOWN = "Whether layers of this teacher fit is known once it is on this machine."


def size_choices(teacher: str) -> Choices:
    """The students a teacher can have here; where its own size is not known yet, of one alone."""
    theirs = size_of(teacher)
    if theirs is None:
        return [("Half as deep, half as wide", "half"), OWN_SIZE_CHOICE]
    limits = JOBS[DISTILL].limits
    fitting = {
        name: size
        for name, size in smaller_sizes(theirs).items()
        if size.layers <= limits["layers"] and size.hidden <= limits["hidden"]
    }
    choices = [(f"{name.capitalize()}: {size.layers} x {size.hidden}", name) for name, size in fitting.items()]
    return [*choices, OWN_SIZE_CHOICE]


def student_size(teacher: str, size: str, layers: int, hidden: int, heads: int) -> tuple[int | None, ...]:
    """Layers, width and heads as the run is asked for them; None: what suits the teacher. `size` is one of
    `size_choices`; the numbers count for the visitor's own size."""
    if size == OWN_SIZE:
        return layers or None, hidden or None, heads or None
    theirs = size_of(teacher)
    known = smaller_sizes(theirs).get(size) if theirs else None
    return (known.layers, known.hidden, known.heads) if known else (None, None, None)


def copies_misfit(teacher: str, size: str, hidden: int, heads: int) -> str:
    """Why this student cannot begin with layers of the teacher, as a sentence; "" if it can."""
    theirs = size_of(teacher)
    if theirs is None:
        return NOT_KNOWN
    _, own_hidden, own_heads = student_size(teacher, size, 0, hidden, heads)
    return layers_misfit(theirs, own_hidden or 0, own_heads or theirs.heads)


def text_to_watch(text: str | None) -> str:
    """A sentence to watch, "" for none; `DataError` for one that is too long whatever its pieces are."""
    number = len((text or "").split())
    most = DistillConfig.WATCHED_TOKENS
    if number > most - 2:  # a word is a token or more, and two are special
        raise DataError(f"The sentence to watch has {number} words; at most {most} tokens can be watched.")
    return text if number else ""
