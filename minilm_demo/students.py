"""Students: smaller encoders of their teacher's kind, with a random start or with layers of the teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .capture import PARTS, encoder_layers
from .errors import DemoError
from .models import Checkpoint

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
