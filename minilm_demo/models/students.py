"""Students: smaller encoders of their teacher's kind, with a random start or with layers of the teacher."""

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
INNER = 4  # width of the feed-forward part, in widths of the student
KEPT = (  # of the teacher's configuration: which tokens a model reads, and how it is built
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
    """How large an encoder is."""

    layers: int
    hidden: int
    heads: int


def read_config(checkpoint: str | Location) -> SimpleNamespace | None:
    """What a checkpoint's config.json says, without loading it; None for one that is not on this machine."""
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
    """The size of a checkpoint, without loading it; None for one that is not on this machine."""
    config = read_config(checkpoint)
    return config and Size(config.num_hidden_layers, config.hidden_size, config.num_attention_heads)


def smaller_sizes(teacher: Size) -> dict[str, Size]:
    """Sizes of students by what they are called, always with the teacher's heads."""
    layers = max(1, teacher.layers // 2)
    hidden = max(1, teacher.hidden // 2 // teacher.heads) * teacher.heads
    sizes = {
        "half as deep, half as wide": Size(layers, hidden, teacher.heads),
        "half as deep, as wide": Size(layers, teacher.hidden, teacher.heads),
        "one layer, as wide": Size(1, teacher.hidden, teacher.heads),
    }
    return {name: size for place, (name, size) in enumerate(sizes.items()) if size not in [*sizes.values()][:place]}


def make_student(
    teacher: Checkpoint,
    layers: int | None = None,
    hidden: int | None = None,
    heads: int | None = None,
    init: str = "random",
    dropout: float = 0.0,
) -> Checkpoint:
    """A student that has learned nothing yet, with the teacher's tokenizer. By default half as deep and half as wide as
    the teacher (as wide if `init` is "teacher"), with as many heads.

    Raises `DemoError` for sizes that cannot be, and where weights are to be copied that do not fit."""
    import transformers

    theirs = teacher.model.config
    layers = layers or max(1, theirs.num_hidden_layers // 2)
    hidden = hidden or theirs.hidden_size // (1 if init == "teacher" else 2)
    heads = heads or theirs.num_attention_heads
    if hidden % heads:
        fitting = (hidden // heads * heads, (hidden // heads + 1) * heads)
        raise DemoError(
            f"A student {hidden} wide cannot have {heads} heads, for the width must be a multiple of them: "
            f"take a width of {' or '.join(str(width) for width in fitting if width)}, or other heads."
        )
    sizes = {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "intermediate_size": INNER * hidden,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
    }
    config = type(theirs)(**{name: getattr(theirs, name) for name in KEPT}, **sizes)
    model = transformers.AutoModel.from_config(config, attn_implementation="eager")
    if init == "teacher":
        _copy_weights(teacher.model, model)
    model.to(teacher.model.device)
    return Checkpoint("student", teacher.tokenizer, model, teacher.location)


def copied_layers(teacher_layers: int, student_layers: int) -> list[int]:
    """Which layers of the teacher become the student's, from 0: evenly spaced, and the last one the last."""
    return [(layer + 1) * teacher_layers // student_layers - 1 for layer in range(student_layers)]


def layers_misfit(teacher: Size, hidden: int, heads: int) -> str:
    """Why a student of this width and with so many heads cannot take layers of the teacher, as a sentence; "" if it
    can."""
    if hidden != teacher.hidden:
        return f"Layers of the teacher fit only a student as wide as it is: {teacher.hidden}."
    if heads != teacher.heads:
        return f"Layers of the teacher fit only a student with as many heads: {teacher.heads}."
    return ""


def _copy_weights(teacher: PreTrainedModel, student: PreTrainedModel) -> None:
    """Embeddings, evenly spaced layers and the pooler."""
    theirs, own = teacher.config, student.config
    for name in ("hidden_size", "num_attention_heads", "intermediate_size"):
        if getattr(theirs, name) != getattr(own, name):
            raise DemoError(
                f"Only layers of one shape can be copied, but {name} is {getattr(theirs, name)} in the teacher and "
                f"{getattr(own, name)} in the student. Take the teacher's sizes, or a random start."
            )
    if own.num_hidden_layers > theirs.num_hidden_layers:
        raise DemoError(f"The teacher has {theirs.num_hidden_layers} layers to copy, not {own.num_hidden_layers}.")
    student.embeddings.load_state_dict(teacher.embeddings.state_dict())
    chosen = copied_layers(theirs.num_hidden_layers, own.num_hidden_layers)
    for layer, number in zip(encoder_layers(student), chosen, strict=True):
        layer.load_state_dict(encoder_layers(teacher)[number].state_dict())
    if teacher.pooler is not None:
        student.pooler.load_state_dict(teacher.pooler.state_dict())


def freeze_the_rest(student: PreTrainedModel, layer: int, relations: Sequence[str]) -> None:
    """Let only those weights move that the relations ("QK", "VV", …) of `layer` depend on.

    What lies above its queries, keys and values gets no gradient from them (nor do those of the three that no relation
    names): it keeps its values and is trained in a fine-tune only."""
    attention = encoder_layers(student)[layer].attention.self
    parts = [getattr(attention, PARTS[part]) for part in set("".join(relations))]
    student.requires_grad_(False)
    for module in (student.embeddings, *encoder_layers(student)[:layer], *parts):
        module.requires_grad_(True)
