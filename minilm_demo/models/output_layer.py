"""The output layer of a task on top of an encoder: which class it is, whether it is trained, and its label order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..tasks import Task

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class OutputLayer:
    """The model class with the task's output layer on an encoder, and the configuration it needs."""

    model_class: type
    fields: Mapping
    fresh: bool  # the checkpoint has no output layer for these labels

    def configure(self, config, overrides: Mapping):
        """`config`, changed in place: with the fields of this output layer, then `overrides`."""
        for name, value in {**self.fields, **overrides}.items():
            setattr(config, name, value)
        return config


def is_above_encoder(name: str) -> bool:
    """Whether a weight is above the encoder: in the output layer, or in the pooler, which not every encoder has."""
    return name.split(".")[0] in ("classifier", "qa_outputs") or ".pooler." in name or name.startswith("pooler.")


def label_order(config, task: Task) -> list[int] | None:
    """Index of each of the task's labels in the model's outputs, matched by name; None if the names differ.

    Names like LABEL_0 or bare integers are assumed to be in the task's order."""
    names = [str(config.id2label[index]) for index in range(len(config.id2label))]
    if len(names) != len(task.labels):
        return None
    if sorted(names) == sorted(task.labels):
        return [names.index(label) for label in task.labels]
    plain = [name.casefold().replace("-", "_").replace(" ", "_") for name in names]
    if sorted(plain) == sorted(task.labels):
        return [plain.index(label) for label in task.labels]
    if all(re.fullmatch(r"(label_)?\d+", name) for name in plain):
        return list(range(len(names)))
    return None


def order_labels(model, task: Task, fresh: bool) -> None:
    """Put the rows of the output layer, and the labels of the configuration, into the task's label order."""
    import torch

    order = None if fresh else label_order(model.config, task)
    if order is not None and order != list(range(len(order))):
        layer = find_output_layer(model, len(order))
        with torch.no_grad():
            layer.weight.copy_(layer.weight[order].clone())
            layer.bias.copy_(layer.bias[order].clone())
    model.config.id2label, model.config.label2id = task.id2label, task.label2id


def find_output_layer(model, num_labels: int) -> torch.nn.Linear:
    """The last linear layer with `num_labels` outputs."""
    import torch

    layers = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    return [layer for layer in layers if layer.out_features == num_labels][-1]


def renew(layer: torch.nn.Linear, std: float) -> None:
    """Initialise an output layer anew: normal weights with standard deviation `std`, and biases of 0."""
    import torch

    torch.nn.init.normal_(layer.weight, std=std)
    torch.nn.init.zeros_(layer.bias)
