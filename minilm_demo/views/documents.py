"""Results as JSON documents: the same from the command line and over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..results import (
    AblationResult,
    AttentionTrace,
    DistillationTargets,
    DistillResult,
    Evaluation,
    Prediction,
    to_dict,
)
from ..tasks import TASKS
from .kinds import kind_of


def result_document(result, seen_by_base: str) -> dict:
    """The JSON document of the job that ended with this result."""
    if isinstance(result, AblationResult):
        return to_dict(result)
    return distill_document(result) if isinstance(result, DistillResult) else finetune_document(result, seen_by_base)


def finetune_document(result, seen_by_base: str = "") -> dict:
    """The JSON document of `finetune`."""
    return evaluation_document(result.evaluation, seen_by_base) | {
        "output_dir": result.output_dir,
        "examples": result.examples,
        "examples_seen": result.examples_seen,
        "seconds": round(result.seconds, 2),
        "examples_per_second": round(result.examples_per_second, 1),
        "splits": dict(result.splits),
        "step": result.step,
        "steps": result.steps,
    }


def evaluation_document(evaluation: Evaluation, seen_by_base: str = "") -> dict:
    """The JSON document of `evaluate`; `seen_by_base` is "" where the checkpoint's own training had seen nothing."""
    values = to_dict(evaluation)
    names = ("task", "checkpoint", "metrics", "intervals", "baseline", "confusion")
    rows = {"rows": values["examples"], "evaluation_seconds": round(evaluation.seconds, 2)}
    beside = {"data_source": evaluation.data_source.description, "seen_by_base": seen_by_base}
    return beside | {name: values[name] for name in names} | rows


def prediction_document(prediction: Prediction) -> dict:
    """The JSON document of `predict`: what this kind of task answers with."""
    names = kind_of(TASKS[prediction.task]).answer_fields
    values = {name: getattr(prediction, name) for name in names}
    return values | {"checkpoint": prediction.checkpoint, "milliseconds": round(prediction.milliseconds, 1)}


def distill_document(result: DistillResult) -> dict:
    """The JSON document of `distill`."""
    values = {name: value for name, value in to_dict(result).items() if name != "settings"}
    return values | {
        "data_source": result.data_source.description,
        "seconds": round(result.seconds, 2),
        "steps_per_second": round(result.steps_per_second, 3),
    }


def targets_document(targets: DistillationTargets) -> dict:
    """The JSON document of `targets`: the divergence of each relation, in all and by head; layers count from 0."""
    by_token = {name: values.astype(float) for name, values in targets.divergence.items()}
    return {
        "teacher": targets.teacher_name,
        "student": targets.student_name,
        "recipe": targets.recipe,
        "teacher_layer": targets.teacher_layer,
        "student_layer": targets.student_layer,
        "tokens": list(targets.tokens),
        "losses": named_losses(targets.losses),
        "by_head": named_losses({name: values.mean(-1).round(6).tolist() for name, values in by_token.items()}),
    }


def named_losses(by_relation: Mapping[str, object]) -> dict[str, object]:
    """`{"QK": …}` as `{"attention": …}`."""
    from ..recipes import LOSS_NAMES

    return {LOSS_NAMES[name]: value for name, value in by_relation.items()}


def attention_document(trace: AttentionTrace, output: Path) -> dict:
    """The JSON document of `attention`; layers and heads count from 0 in it, from 1 in its `finding`."""
    from ..attention_weights import crossing_heads

    document = {
        "checkpoint": trace.checkpoint,
        "tokens": list(trace.tokens),
        "layers": trace.num_layers,
        "heads": trace.num_heads,
        "output": str(output),
        "milliseconds": round(trace.milliseconds, 1),
        "truncated": trace.truncated,
        "finding": _finding(trace),
    }
    if trace.is_pair:
        found = crossing_heads(trace)
        document["crossing_heads"] = [{"layer": layer, "head": head, "mass": mass} for layer, head, mass in found]
    if trace.prediction:
        document["prediction"] = prediction_document(trace.prediction)
    return document


def _finding(trace: AttentionTrace) -> str:
    """The strongest look from one word to another, in the head on which the page opens."""
    from ..attention_weights import content_tokens
    from .attention import first_look

    look = first_look(trace)
    layer, head, token = look["layer"], look["head"], look["token"]
    others = [
        key
        for key in content_tokens(trace).nonzero()[0]
        if key != token and (not trace.is_pair or trace.segment_ids[key] != trace.segment_ids[token])
    ]
    if not others:
        return f"'{trace.tokens[token]}' is the only token of this text, so there is no other to look at."
    row = trace.head(layer, head)[token]
    key = max(others, key=row.__getitem__)
    place = f"Layer {layer + 1} of {trace.num_layers}, head {head + 1} of {trace.num_heads}"
    there = f"'{trace.tokens[key]}'{' in the other text' if trace.is_pair else ''}"
    share = f"{row[key]:.2f} of its attention, {row[key] * trace.num_tokens:.1f} times the average"
    return f"{place}: '{trace.tokens[token]}' gives {there} {share}."
