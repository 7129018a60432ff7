"""The three kinds of task, as the views see them: how an answer is drawn, and what it is called in words."""

from collections.abc import Mapping

from ...tasks import Task
from .base import Cells, Explained, Kind
from .classification import Classification
from .regression import Regression
from .span import Span

__all__ = ["KINDS", "Cells", "Explained", "Kind", "kind_of"]

KINDS: Mapping[str, Kind] = {"classification": Classification(), "regression": Regression(), "span": Span()}


def kind_of(task: Task) -> Kind:
    """What the views know of the task's kind."""
    return KINDS[task.kind]
