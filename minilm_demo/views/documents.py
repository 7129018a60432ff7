"""Results as JSON documents. The command line and HTTP print the same ones; HTTP adds arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from ..attention_weights import content_tokens, crossing_heads
from ..recipes import LOSS_NAMES
from ..results import (
    AT_WORK,
    AblationResult,
    AttentionTrace,
    Badge,
    DataSource,
    DistillationTargets,
    DistillResult,
    Evaluation,
    FinetuneResult,
    Prediction,
    WordImportance,
    outputs_note,
    to_dict,
)
from ..tasks import get_task
from .attention import first_look
from .kinds import kind_of
from .prediction import unsure_sentence
from .run_parts import LatestEvents
from .unread import unread_notes
from .weights import floats

HELD_BACK, VALIDATION = "held_back", "validation"  # rows that no event names: held back from train; validation texts


def result_document(result, seen_by_base: str) -> dict:
    """The JSON document of a result, by its type."""
    if isinstance(result, AblationResult):
        return to_dict(result)
    return distill_document(result) if isinstance(result, DistillResult) else finetune_document(result, seen_by_base)


def finetune_document(result, seen_by_base: str = "") -> dict:
    """The JSON document of `finetune`."""
    return evaluation_document(result.evaluation, seen_by_base) | {
        "output_dir": result.output_dir,
        "examples": result.examples,
        "examples_seen": result.examples_seen,
        "rows_seen": result.rows_seen,
        "epochs": None if result.epochs is None else round(result.epochs, 4),
        "seconds": round(result.seconds, 2),
        "examples_per_second": round(result.examples_per_second, 1),
        "splits": dict(result.splits),
        "precision": result.precision,
        "precision_reason": result.precision_reason,
        "batch_size": result.settings and result.settings.batch_size,
        "asked_batch_size": result.settings and result.settings.asked_batch_size,
        "step": result.step,
        "steps": result.steps,
    }


def evaluation_document(evaluation: Evaluation, seen_by_base: str = "") -> dict:
    """The JSON document of `evaluate`. `seen_by_base` is "" if the checkpoint's own training had seen no row."""
    values = to_dict(evaluation)
    names = ("task", "checkpoint", "metrics", "intervals", "baseline", "baseline_answers", "confusion")
    rows = {"rows": values["examples"], "evaluation_seconds": round(evaluation.seconds, 2)}
    source = source_document(evaluation.data_source) | {"seen_by_base": seen_by_base}
    return source | {name: values[name] for name in names} | rows


def source_document(source: DataSource) -> dict:
    """Where the rows of a result come from: in words, what one has to know of them in sentences, and as numbers."""
    return {
        "data_source": source.description,
        "data_notes": list(source.notes),
        "data_facts": to_dict(source.facts),
    }


def prediction_document(prediction: Prediction) -> dict:
    """The JSON document of `predict`: the answer fields of this kind of task (null without an answer), what was read of
    the text, and every other field that is not empty."""
    answer = kind_of(get_task(prediction.task)).answer_fields
    values = to_dict(prediction)
    always = (*answer, "unknown_words")
    document = {name: value for name, value in values.items() if name in always or value not in (None, (), [], {})}
    return document | {"milliseconds": round(prediction.milliseconds, 1)}


def importance_document(importance: WordImportance) -> dict:
    """The JSON document of `predict --explain`, and of `/explain_words`: what the words did for the answer."""
    values = to_dict(importance)
    left_out = ("task", "checkpoint", "fields")
    document = {name: value for name, value in values.items() if name not in left_out}
    return document | {"milliseconds": round(importance.milliseconds, 1)}


def answered_file_document(answered, output: str) -> dict:
    """The JSON document of `predict --file`: counts of rows, and sentences on them. `answered` is a
    `jobs.AnsweredFile`."""
    counts = ("rows", "empty", "repeated", "truncated", "with_unknown_words", "unsure")
    return {name: getattr(answered, name) for name in counts} | {"output": output, "notes": answered.notes()}


def document_notes(document: Mapping) -> list[str]:
    """Sentences on a document of this module: that its answer is unsure, and what was not read of the text."""
    counts = document["tokens_read"], document["tokens_total"]
    outputs = outputs_note(document.get("assumed_outputs", {}))
    return [
        *_unsure(document),
        *unread_notes(*counts, document["unknown_words"]),
        *([outputs] if outputs else []),
    ]


def _unsure(document: Mapping) -> list[str]:
    """Why the answer in a document is unsure; empty for a sure one, and for a document without an answer."""
    if not document.get("unsure"):
        return []
    task, probabilities = get_task(document["task"]), document.get("probabilities")
    return [unsure_sentence(task, True, document["nothing_read"], probabilities)]


def distill_document(result: DistillResult) -> dict:
    """The JSON document of `distill`."""
    values = {name: value for name, value in to_dict(result).items() if name != "settings"}
    return values | {
        **source_document(result.data_source),
        "seconds": round(result.seconds, 2),
        "steps_per_second": round(result.steps_per_second, 3),
        "batch_size": result.settings and result.settings.batch_size,
        "asked_batch_size": result.settings and result.settings.asked_batch_size,
    }


def run_document(run) -> dict:
    """The JSON document of a run in `runs list`: status, step, message. `run` is a `runs.RunState`."""
    latest = LatestEvents(run.events)
    finished = latest.finished.message if latest.finished else ""
    return {
        "run_id": run.record.run_id,
        "name": run.record.name,
        "status": run.status,
        "task": run.record.task,
        "created": run.record.created,
        "step": latest.stepped.step if latest.stepped else 0,
        "message": latest.error(run.status) or finished,
        "folder": str(run.folder),
    }


def full_run_document(run) -> dict:
    """The JSON document of `runs show`: `run_document`, how far the run is, and `result`, the document of its job.

    `steps` and `seconds_left` are null before the plan, `seconds_left`, `result` and `error` where there is none.
    `metrics` are the final ones, before the end the latest: {split: {metric: value}}, of a distillation its losses;
    {} without any."""
    latest = LatestEvents(run.events)
    left = latest.stepped.seconds_left if latest.stepped and run.status in AT_WORK else None
    seen = latest.started.seen_by_base if latest.started else ""
    return run_document(run) | {
        "steps": latest.planned.steps if latest.planned else None,
        "seconds_left": None if left is None else round(left, 1),
        "metrics": _latest_metrics(run.result, latest),
        "result": result_document(run.result, seen) if run.result else None,
        "error": latest.error(run.status),
    }


def _latest_metrics(result, latest: LatestEvents) -> dict:
    if isinstance(result, FinetuneResult):
        return to_dict(result.evaluation)["metrics"]
    if isinstance(result, DistillResult):
        return {VALIDATION: dict(result.losses)}
    if latest.evaluated is None:
        return {}
    split = latest.evaluated.split or (HELD_BACK if latest.metric else VALIDATION)
    return {split: dict(latest.evaluated.metrics)}


def visitor_run_document(run, base: str) -> dict:
    """`full_run_document` for a visitor who has only the run's id.

    It has no folders of this machine. `base` replaces the teacher's name, which may be the id of another run."""
    document = {name: value for name, value in full_run_document(run).items() if name != "folder"}
    if document["result"]:
        result = {name: value for name, value in document["result"].items() if name != "output_dir"}
        document["result"] = result | ({"teacher": base} if "teacher" in result else {})
    return document


def targets_document(targets: DistillationTargets, badge: Badge) -> dict:
    """The JSON document of `targets`: each relation's divergence in nats, total and by head; layers count from 0."""
    by_token = {name: values.astype(float) for name, values in targets.divergence.items()}
    number = len(targets.tokens)
    return {
        "teacher": targets.teacher_name,
        "student": targets.student_name,
        "recipe": targets.recipe,
        "badge": asdict(badge),
        "teacher_layer": targets.teacher_layer,
        "student_layer": targets.student_layer,
        "tokens": list(targets.tokens),
        "segment_ids": list(targets.segment_ids),
        "shape": [targets.num_relation_heads, number, number],
        "losses": named_losses(targets.losses),
        "by_head": named_losses({name: values.mean(-1).round(6).tolist() for name, values in by_token.items()}),
        **_read(targets),
    }


def targets_with_arrays(targets: DistillationTargets, badge: Badge) -> dict:
    """`targets_document` for HTTP: with the arrays, and only the title of the badge."""
    relations = {
        name: {
            "loss": loss,
            "teacher": floats(targets.teacher[name]),
            "student": floats(targets.student[name]),
            "divergence": floats(targets.divergence[name]),
        }
        for name, loss in targets.losses.items()
    }
    return targets_document(targets, badge) | {"badge": badge.title, "relations": relations}


def named_losses(by_relation: Mapping[str, object]) -> dict[str, object]:
    """{"QK": …} -> {"attention": …}."""
    return {LOSS_NAMES[name]: value for name, value in by_relation.items()}


def attention_document(trace: AttentionTrace) -> dict:
    """The JSON document of `attention`; layers and heads count from 0 in it, from 1 in its `finding`."""
    document = {
        "checkpoint": trace.checkpoint,
        "tokens": list(trace.tokens),
        "segment_ids": list(trace.segment_ids),
        "shape": list(trace.attentions.shape),
        "layers": trace.num_layers,
        "heads": trace.num_heads,
        "milliseconds": round(trace.milliseconds, 1),
        **_read(trace),
        "finding": _finding(trace),
    }
    if trace.is_pair:
        crossing = crossing_heads(trace)
        document["crossing_heads"] = [{"layer": layer, "head": head, "mass": mass} for layer, head, mass in crossing]
    if trace.prediction:
        document["prediction"] = prediction_document(trace.prediction)
    return document


def attention_with_arrays(trace: AttentionTrace) -> dict:
    """`attention_document` for HTTP: with `attentions` as base64 of float32."""
    return attention_document(trace) | {"attentions": floats(trace.attentions)}


def _read(result: AttentionTrace | DistillationTargets) -> dict:
    """What was read of the texts; the keys are those of a prediction."""
    return {
        "truncated": result.truncated,
        "tokens_total": result.tokens_total,
        "tokens_read": len(result.tokens),
        "unknown_words": list(result.unknown_words),
    }


def _finding(trace: AttentionTrace) -> str:
    """A sentence on the largest weight between two words, in the head on which the page opens."""
    look = first_look(trace)
    layer, head, token = look["layer"], look["head"], look["token"]
    keys = [
        key
        for key in content_tokens(trace).nonzero()[0]
        if key != token and (not trace.is_pair or trace.segment_ids[key] != trace.segment_ids[token])
    ]
    if not keys:
        return f"'{trace.tokens[token]}' is the only token of this text, so there is no other to look at."
    row = trace.head(layer, head)[token]
    key = max(keys, key=row.__getitem__)
    place = f"Layer {layer + 1} of {trace.num_layers}, head {head + 1} of {trace.num_heads}"
    there = f"'{trace.tokens[key]}'{' in the other text' if trace.is_pair else ''}"
    share = f"{row[key]:.2f} of its attention, {row[key] * trace.num_tokens:.1f} times the average"
    return f"{place}: '{trace.tokens[token]}' gives {there} {share}."
