"""Students: encoders of their teacher's architecture, with random weights or with copied layers of the teacher."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from ..errors import DemoError
from .hooks import PARTS, encoder_layers
from .loading import Checkpoint
from .location import Location, bundled_folder, locate

if TYPE_CHECKING:
    from transformers import PreTrainedModel

INITS = ("random", "teacher")
FEED_FORWARD_RATIO = 4  # width of the feed-forward part, in widths of the student
SHARED_FIELDS = (  # of the teacher's configuration, which every student has too
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "hidden_act",
    "layer_norm_eps",
    "initializer_range",
)


@dataclass(frozen=True)
class Size:
    """The size of an encoder."""

    layers: int
    hidden: int
    heads: int


def read_config(checkpoint: str | Location) -> SimpleNamespace | None:
    """The values of a checkpoint's config.json; None for a checkpoint that is not on this machine."""
    location = locate(checkpoint)
    if location.on_hub:
        import huggingface_hub

        file = huggingface_hub.try_to_load_from_cache(location.place, "config.json", revision=location.revision)
        if not isinstance(file, str):
            return None
    else:
        file = (bundled_folder() if location.is_skill else Path(location.place)) / "config.json"
    return SimpleNamespace(**json.loads(Path(file).read_text(encoding="utf-8")))


def size_of(checkpoint: str | Location) -> Size | None:
    """The size of a checkpoint by its config.json; None for a checkpoint that is not on this machine."""
    config = read_config(checkpoint)
    return config and Size(config.num_hidden_layers, config.hidden_size, config.num_attention_heads)


def smaller_sizes(teacher: Size) -> dict[str, Size]:
    """Sizes for a student by their titles, without duplicates, all with the teacher's number of heads."""
    layers = max(1, teacher.layers // 2)
    hidden = max(1, teacher.hidden // 2 // teacher.heads) * teacher.heads
    sizes = {
        "half as deep, half as wide": Size(layers, hidden, teacher.heads),
        "half as deep, as wide": Size(layers, teacher.hidden, teacher.heads),
        "one layer, as wide": Size(1, teacher.hidden, teacher.heads),
    }
    return {name: size for index, (name, size) in enumerate(sizes.items()) if size not in [*sizes.values()][:index]}


def make_student(
    teacher: Checkpoint,
    layers: int | None = None,
    hidden: int | None = None,
    heads: int | None = None,
    init: str = "random",
    dropout: float = 0.0,
) -> Checkpoint:
    """An untrained student with the teacher's tokenizer, on the teacher's device.

    By default it has half the teacher's layers, half its width (the full width if `init` is "teacher") and the same
    number of heads. Raises `DemoError` for impossible sizes, and if the weights to copy do not fit."""
    import transformers

    teacher_config = teacher.model.config
    layers = layers or max(1, teacher_config.num_hidden_layers // 2)
    hidden = hidden or teacher_config.hidden_size // (1 if init == "teacher" else 2)
    heads = heads or teacher_config.num_attention_heads
    if hidden % heads:
        widths = (hidden // heads * heads, (hidden // heads + 1) * heads)
        raise DemoError(
            f"A student {hidden} wide cannot have {heads} heads, for the width must be a multiple of them: "
            f"take a width of {' or '.join(str(width) for width in widths if width)}, or other heads."
        )
    sizes = {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "intermediate_size": FEED_FORWARD_RATIO * hidden,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
    }
    config = type(teacher_config)(**{name: getattr(teacher_config, name) for name in SHARED_FIELDS}, **sizes)
    model = transformers.AutoModel.from_config(config, attn_implementation="eager")
    if init == "teacher":
        _copy_weights(teacher.model, model)
    model.to(teacher.model.device)
    return Checkpoint("student", teacher.tokenizer, model, teacher.location)


def copied_layers(teacher_layers: int, student_layers: int) -> list[int]:
    """The teacher's layer for each layer of the student, from 0: evenly spaced, the last for the last."""
    return [(layer + 1) * teacher_layers // student_layers - 1 for layer in range(student_layers)]


def layers_misfit(teacher: Size, hidden: int, heads: int) -> str:
    """Why a student of this width and number of heads cannot copy the teacher's layers, as a sentence; "" if it can."""
    if hidden != teacher.hidden:
        return f"Layers of the teacher fit only a student as wide as it is: {teacher.hidden}."
    if heads != teacher.heads:
        return f"Layers of the teacher fit only a student with as many heads: {teacher.heads}."
    return ""


def _copy_weights(teacher: PreTrainedModel, student: PreTrainedModel) -> None:
    """Copy the embeddings, evenly spaced layers and the pooler. Raises `DemoError` if they do not fit."""
    for name in ("hidden_size", "num_attention_heads", "intermediate_size"):
        teacher_value, student_value = getattr(teacher.config, name), getattr(student.config, name)
        if teacher_value != student_value:
            raise DemoError(
                f"Only layers of one shape can be copied, but {name} is {teacher_value} in the teacher and "
                f"{student_value} in the student. Take the teacher's sizes, or a random start."
            )
    teacher_layers, student_layers = teacher.config.num_hidden_layers, student.config.num_hidden_layers
    if student_layers > teacher_layers:
        raise DemoError(f"The teacher has {teacher_layers} layers to copy, not {student_layers}.")
    student.embeddings.load_state_dict(teacher.embeddings.state_dict())
    for layer, source in zip(encoder_layers(student), copied_layers(teacher_layers, student_layers), strict=True):
        layer.load_state_dict(encoder_layers(teacher)[source].state_dict())
    if teacher.pooler is not None:
        student.pooler.load_state_dict(teacher.pooler.state_dict())


def freeze_the_rest(student: PreTrainedModel, layer: int, relations: Sequence[str]) -> None:
    """Freeze all weights except those that the relations ("QK", "VV", …) of `layer` depend on.

    Weights above the layer's queries, keys and values, and those of the three that no relation uses, get no gradient.
    They keep their values in a distillation and are trained in a fine-tune only."""
    attention = encoder_layers(student)[layer].attention.self
    parts = [getattr(attention, PARTS[part]) for part in set("".join(relations))]
    student.requires_grad_(False)
    for module in (student.embeddings, *encoder_layers(student)[:layer], *parts):
        module.requires_grad_(True)
