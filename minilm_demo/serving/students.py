"""The choices for a new student: its size, whether it can start from the teacher's layers, and the watched text."""

from __future__ import annotations

from ..errors import DataError
from ..jobs import DistillConfig, distill_rate
from ..models import layers_misfit, size_of, smaller_sizes
from ..results import DISTILL
from ..runs import JOBS
from .choices import Choices

OWN_SIZE = "own"
OWN_SIZE_CHOICE = ("My own size (Advanced)", OWN_SIZE)
NOT_KNOWN = "Whether layers of this teacher fit is known once it is on this machine."


def size_choices(teacher: str) -> Choices:
    """The sizes of students within the page's limits; one size for a teacher that is not on this machine yet."""
    teacher_size = size_of(teacher)
    if teacher_size is None:
        return [("Half as deep, half as wide", "half"), OWN_SIZE_CHOICE]
    limits = JOBS[DISTILL].limits
    fitting = {
        name: size
        for name, size in smaller_sizes(teacher_size).items()
        if size.layers <= limits["layers"] and size.hidden <= limits["hidden"]
    }
    choices = [(f"{name.capitalize()}: {size.layers} x {size.hidden}", name) for name, size in fitting.items()]
    return [*choices, OWN_SIZE_CHOICE]


def student_size(teacher: str, size: str, layers: int, hidden: int, heads: int) -> tuple[int | None, ...]:
    """Layers, width and heads for the configuration of a run, where None means the default for the teacher.

    `size` is one of `size_choices`. The numbers are used for the visitor's own size only; 0 means None."""
    if size == OWN_SIZE:
        return layers or None, hidden or None, heads or None
    teacher_size = size_of(teacher)
    chosen_size = smaller_sizes(teacher_size).get(size) if teacher_size else None
    return (chosen_size.layers, chosen_size.hidden, chosen_size.heads) if chosen_size else (None, None, None)


def student_rate(teacher: str, size: str, init: str, hidden: int) -> float | None:
    """The learning rate that a student takes for which none is given; None if the teacher's size is not known yet."""
    teacher_size = size_of(teacher)
    if teacher_size is None:
        return None
    _, width, _ = student_size(teacher, size, 0, hidden, 0)
    return distill_rate(init, width or (teacher_size.hidden if init == "teacher" else teacher_size.hidden // 2))


def copies_misfit(teacher: str, size: str, hidden: int, heads: int) -> str:
    """Why this student cannot start from the teacher's layers, as a sentence; "" if it can."""
    teacher_size = size_of(teacher)
    if teacher_size is None:
        return NOT_KNOWN
    _, student_hidden, student_heads = student_size(teacher, size, 0, hidden, heads)
    return layers_misfit(teacher_size, student_hidden or 0, student_heads or teacher_size.heads)


def text_to_watch(text: str | None) -> str:
    """The text to watch, "" for none. Raises `DataError` for a text with more words than the token limit allows."""
    num_words = len((text or "").split())
    max_tokens = DistillConfig.WATCHED_TOKENS
    if num_words > max_tokens - 2:  # a word is at least one token, and two tokens are special
        raise DataError(f"The sentence to watch has {num_words} words; at most {max_tokens} tokens can be watched.")
    return text if num_words else ""
