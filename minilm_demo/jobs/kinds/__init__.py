"""The three kinds of task, as the jobs see them: decode an output, score it, judge a row, explain an answer."""

from collections.abc import Mapping

from ...tasks import Task
from .base import MAX_LEFT_OUT, Case, Kind
from .classification import Classification
from .regression import Regression
from .span import Span

__all__ = ["KINDS", "MAX_LEFT_OUT", "Case", "Kind", "kind_of"]

KINDS: Mapping[str, Kind] = {"classification": Classification(), "regression": Regression(), "span": Span()}


def kind_of(task: Task) -> Kind:
    """What the jobs know of the task's kind."""
    return KINDS[task.kind]
