"""The kinds of tasks as the models need them: which output layer answers one, and how its labels are ordered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from ..tasks import Task
from .output_layer import OutputLayer, begin_at_scores, find_output_layer, label_order, order_labels, renew


class Kind(ABC):
    """One kind of task. It has no state: every method takes the task."""

    model_class: str  # name of the transformers class after "AutoModelFor"
    hub_task: str  # the Hub's name for this kind of task

    @abstractmethod
    def output_layer(self, config, task: Task) -> OutputLayer:
        """The output layer of `task` on a checkpoint with the configuration `config`."""

    @abstractmethod
    def put_labels(self, model, task: Task, *, fresh: bool, renewed: bool) -> None:
        """Set the task's labels on a loaded model. `fresh`: its output layer is untrained. `renewed`: a trained output
        layer for other labels was loaded, and its weights must be initialised anew."""

    def begin_at(self, model, task: Task, targets: Sequence) -> None:  # noqa: B027 — most kinds begin as they are
        """Make the untrained output layer of a model begin where the targets of its training rows are."""

    def _model_class(self) -> type:
        import transformers

        return getattr(transformers, f"AutoModelFor{self.model_class}")


class Classification(Kind):
    """One logit per label: `logits` [batch, num_labels]."""

    model_class = "SequenceClassification"
    hub_task = "text-classification"

    def output_layer(self, config, task: Task) -> OutputLayer:
        fields = {"problem_type": "single_label_classification"}
        if label_order(config, task) is not None:
            return OutputLayer(self._model_class(), fields, fresh=False)
        fields |= {"num_labels": len(task.labels), "id2label": task.id2label, "label2id": task.label2id}
        return OutputLayer(self._model_class(), fields, fresh=True)

    def put_labels(self, model, task: Task, *, fresh: bool, renewed: bool) -> None:
        order_labels(model, task, fresh)
        if renewed:
            renew(find_output_layer(model, len(task.labels)), model.config.initializer_range)


class Regression(Kind):
    """One number per text: `logits` [batch, 1]."""

    model_class = "SequenceClassification"
    hub_task = "text-classification"

    def output_layer(self, config, task: Task) -> OutputLayer:
        fields = {"num_labels": 1, "problem_type": "regression"}
        return OutputLayer(self._model_class(), fields, fresh=config.num_labels != 1)

    def put_labels(self, model, task: Task, *, fresh: bool, renewed: bool) -> None:
        """Nothing to set: a score has no labels."""

    def begin_at(self, model, task: Task, targets: Sequence[float]) -> None:
        """The layer answers the mean, and its weights have the spread of the scores: learning moves both slowly, so
        that scores from 0 to 100 were not reached in a short run."""
        begin_at_scores(find_output_layer(model, 1), targets)


class Span(Kind):
    """Two logits per token: `start_logits` and `end_logits` [batch, num_tokens]."""

    model_class = "QuestionAnswering"
    hub_task = "question-answering"

    def output_layer(self, config, task: Task) -> OutputLayer:
        return OutputLayer(self._model_class(), {}, fresh=False)

    def put_labels(self, model, task: Task, *, fresh: bool, renewed: bool) -> None:
        """Nothing to set: a span has no labels."""


KINDS: Mapping[str, Kind] = {"classification": Classification(), "regression": Regression(), "span": Span()}


def kind_of(task: Task) -> Kind:
    """The models' object for the task's kind."""
    return KINDS[task.kind]


def choose_output_layer(config, task: Task | None) -> OutputLayer:
    """The output layer of `task` for a checkpoint with the configuration `config`; the bare encoder for `task=None`."""
    import transformers

    if task is None:
        return OutputLayer(transformers.AutoModel, {}, fresh=False)
    return kind_of(task).output_layer(config, task)
