"""The three kinds of task: how each decodes outputs, scores predictions, judges rows and explains answers."""

from collections.abc import Mapping

from ...tasks import Task
from .base import MAX_LEFT_OUT, Case, Kind
from .classification import Classification
from .regression import Regression
from .span import Span

__all__ = ["KINDS", "MAX_LEFT_OUT", "Case", "Kind", "kind_of"]

KINDS: Mapping[str, Kind] = {"classification": Classification(), "regression": Regression(), "span": Span()}


def kind_of(task: Task) -> Kind:
    """The object that answers the jobs' questions about the task's kind."""
    return KINDS[task.kind]
