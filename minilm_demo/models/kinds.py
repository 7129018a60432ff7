"""What the models ask about a kind of task: which output layer answers it, and how its labels are put in order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from ..tasks import Task
from .output_layer import OutputLayer, find_output_layer, label_order, order_labels, renew


class Kind(ABC):
    """One kind of task. It has no state: the task and the model come with each question."""

    model_class: str  # of transformers, behind "AutoModelFor"
    hub_task: str  # the Hub's name for this kind of task

    @abstractmethod
    def output_layer(self, config, task: Task) -> OutputLayer:
        """The output layer of `task` on a checkpoint with the configuration `config`."""

    @abstractmethod
    def put_labels(self, model, task: Task, *, fresh: bool, renewed: bool) -> None:
        """Give a loaded model the task's labels. `fresh`: its output layer is not trained; `renewed`: the trained one
        that was loaded is for other labels and must be forgotten."""

    def _model_class(self) -> type:
        import transformers

        return getattr(transformers, f"AutoModelFor{self.model_class}")


class Classification(Kind):
    """One logit a label: the batch's `logits` are [batch, num_labels]."""

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
    """One number a text: `logits` [batch, 1]."""

    model_class = "SequenceClassification"
    hub_task = "text-classification"

    def output_layer(self, config, task: Task) -> OutputLayer:
        fields = {"num_labels": 1, "problem_type": "regression"}
        return OutputLayer(self._model_class(), fields, fresh=config.num_labels != 1)

    def put_labels(self, model, task: Task, *, fresh: bool, renewed: bool) -> None:
        """A score has no labels."""


class Span(Kind):
    """Two logits a token: `start_logits` and `end_logits` [batch, num_tokens]."""

    model_class = "QuestionAnswering"
    hub_task = "question-answering"

    def output_layer(self, config, task: Task) -> OutputLayer:
        return OutputLayer(self._model_class(), {}, fresh=False)

    def put_labels(self, model, task: Task, *, fresh: bool, renewed: bool) -> None:
        """A span has no labels."""


KINDS: Mapping[str, Kind] = {"classification": Classification(), "regression": Regression(), "span": Span()}


def kind_of(task: Task) -> Kind:
    """What the models know of the task's kind."""
    return KINDS[task.kind]


def choose_output_layer(config, task: Task | None) -> OutputLayer:
    """The output layer of `task` for a checkpoint with the configuration `config`; none for `task=None`."""
    import transformers

    if task is None:
        return OutputLayer(transformers.AutoModel, {}, fresh=False)
    return kind_of(task).output_layer(config, task)
