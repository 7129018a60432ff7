"""The output layer of a task on top of an encoder: which class it is, whether it is trained, and its label order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from ..errors import DemoError
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

    Names like LABEL_0 or bare integers are assumed to be in the task's order: see `assumed_outputs`."""
    names = _output_names(config)
    if len(names) != len(task.labels):
        return None
    if sorted(names) == sorted(task.labels):
        return [names.index(label) for label in task.labels]
    plain = [_plain(name) for name in names]
    labels = [_plain(label) for label in task.labels]
    if sorted(plain) == sorted(labels):
        return [plain.index(label) for label in labels]
    if all(re.fullmatch(r"(label_)?\d+", name) for name in plain):
        return list(range(len(names)))
    return None


def assumed_outputs(config, task: Task) -> dict[str, str]:
    """Name of each output -> the label it is taken for, where the names have no meaning; {} where they have one."""
    order, names = label_order(config, task), _output_names(config)
    if order is None or sorted(map(_plain, names)) == sorted(map(_plain, task.labels)):
        return {}
    return dict(zip(names, task.labels, strict=True))


def name_outputs(config, outputs: Mapping[str, str]) -> None:
    """Give the outputs of a configuration the names that a person says they mean. `outputs`: name or number of an
    output -> label. Raises `DemoError` for an output that is not there."""
    named = dict(outputs)
    labels = {}
    for index, name in enumerate(_output_names(config)):
        keys = [key for key in named if _plain(key) in (_plain(name), str(index))]
        labels[index] = named.pop(keys[0]) if keys else name
    if named:
        names = ", ".join(_output_names(config))
        raise DemoError(f"output_labels names '{next(iter(named))}'; the outputs of the checkpoint are {names}.")
    config.id2label, config.label2id = labels, {label: index for index, label in labels.items()}


def _output_names(config) -> list[str]:
    return [str(config.id2label[index]) for index in range(len(config.id2label))]


def _plain(name: str) -> str:
    return name.strip().casefold().replace("-", "_").replace(" ", "_")


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


def begin_at_scores(layer: torch.nn.Linear, scores: Sequence[float]) -> None:
    """Give an untrained layer the mean of the scores as bias, and its weights their standard deviation as a factor."""
    import torch

    with torch.no_grad():
        layer.bias.fill_(fmean(scores))
        layer.weight.mul_(pstdev(scores) or 1.0)
