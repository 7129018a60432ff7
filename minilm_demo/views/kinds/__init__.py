"""How the views draw and describe each of the three kinds of task."""

from collections.abc import Mapping

from ...tasks import Task
from .base import Cells, Explained, Kind
from .classification import Classification
from .regression import Regression
from .span import Span

__all__ = ["KINDS", "Cells", "Explained", "Kind", "kind_of"]

KINDS: Mapping[str, Kind] = {"classification": Classification(), "regression": Regression(), "span": Span()}


def kind_of(task: Task) -> Kind:
    """The `Kind` of a task."""
    return KINDS[task.kind]
