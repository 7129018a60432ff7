"""Distillation targets as the payload of the `microscope` component: the relations of teacher and student, and their
divergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..attention_weights import quantised
from ..results import DistillationTargets, Probed
from . import words
from .code import targets_code
from .payloads import MicroscopeFrames, MicroscopePayload
from .weights import floats, heads_up_to, reading_notes, tokens_payload, weights_payload

# Relation -> title, letters of the two vectors in its formula, explanation.
RELATIONS: Mapping[str, tuple[str, str, str]] = {
    "QK": ("Attention", "qk", "How much each token looks at every other one: its query against their keys."),
    "VV": ("Value relation", "vv", "How alike the values are that the tokens pass on: each value against every other."),
    "QQ": ("Query relation", "qq", "How alike the tokens' queries are: each query against every other."),
    "KK": ("Key relation", "kk", "How alike the tokens' keys are: each key against every other."),
}
# Equations of arXiv 2002.10957: the relation, its divergence.
EQUATIONS: Mapping[str, tuple[str, str]] = {"QK": ("eq. 3", "eq. 6"), "VV": ("eq. 7 and 8", "eq. 9")}
NO_BADGE = {"kind": "none", "title": "", "about": ""}


def microscope_payload(
    targets: DistillationTargets,
    *,
    teacher_title: str = "",
    student_title: str = "",
    badge: Mapping | None = None,
    asked: Mapping | None = None,
    frames: Mapping | None = None,
    view: Mapping | None = None,
    notes: Sequence[str] = (),
    precomputed: bool = False,
    alone: bool = False,
) -> MicroscopePayload:
    """The payload of the microscope; microscope.js describes its keys.

    `badge` says what the teacher is to the student: `{kind, title, about}`. The page sends `asked` back with every
    request. `frames` (`probed_frames`) are the student's relations during training. `view` is what
    a person had chosen. `alone` is for a page without a server: the payload then has every head of up to 128 tokens."""
    selected, limit = first_look(targets, frames["heads"] if frames else None), heads_up_to(alone)
    of_heads = targets.num_relation_heads
    return {
        "kind": "microscope",
        "teacher": _side(teacher_title or targets.teacher_name, targets.teacher_layer, targets.teacher_head_size),
        "student": _side(student_title or targets.student_name, targets.student_layer, targets.student_head_size),
        "recipe": targets.recipe,
        "badge": dict(badge or NO_BADGE),
        **tokens_payload(targets),
        "heads": of_heads,
        "relations": [_relation(targets, name, limit) for name in targets.relations],
        "selected": selected,
        "rows": _rows(targets, selected) if len(targets.tokens) <= limit else None,
        "frames": frames,
        "view": None if view is None else dict(view),
        "code": targets_code(targets),
        "asked": dict(asked or {}),
        "notes": [*notes, *some_heads(of_heads, frames["heads"] if frames else of_heads), *reading_notes(targets)],
        "footer": [] if precomputed else [f"Both models read it in {words.milliseconds(targets.milliseconds)}."],
        "precomputed": precomputed,
    }


def some_heads(heads: int, drawn: int) -> list[str]:
    """A note for a run that kept only the first `drawn` of its relation heads; empty if it kept all."""
    if drawn == heads:
        return []
    return [f"Of {heads} relation heads the first {drawn} are drawn here, and the numbers are their means."]


def probed_frames(probed: Sequence[Probed]) -> MicroscopeFrames | None:
    """The student's relations on a run's watched text at every kept step; None without one."""
    if not probed:
        return None
    relations = tuple(probed[0].student)
    return {
        "steps": [event.step for event in probed],
        "heads": probed[0].heads,
        "student": {name: [event.student[name] for event in probed] for name in relations},
        "divergence": {name: [list(event.divergence[name]) for event in probed] for name in relations},
    }


def target_head_payload(targets: DistillationTargets, relation: str, head: int) -> dict:
    """Teacher's and student's weights of one head in full, for an input whose payload has only an overview."""
    return {
        "teacher": quantised(targets.teacher[relation][head]),
        "student": quantised(targets.student[relation][head]),
    }


def target_row_payload(targets: DistillationTargets, relation: str, head: int, token: int) -> dict:
    """The exact raw scores x·y/√d of one token in teacher and student, [num_tokens] each."""
    return {
        "teacher": targets.teacher_scores[relation][head, token].tolist(),
        "student": targets.student_scores[relation][head, token].tolist(),
    }


def first_look(targets: DistillationTargets, heads: int | None = None) -> dict:
    """The relation, head and two tokens on which the microscope opens.

    In the recipe's first relation: the head (of the first `heads`) with the largest divergence, the row with the
    largest divergence in it, and the key with the largest share of that row's divergence."""
    relation = targets.relations[0]
    divergence = targets.divergence[relation][:heads]
    head = int(divergence.mean(axis=1).argmax())
    content = np.flatnonzero(~np.array(targets.special_tokens_mask))
    token = int(content[divergence[head, content].argmax()])
    rows = [scores[relation][head, token] for scores in (targets.teacher_scores, targets.student_scores)]
    key = int(content[np.abs(shares(*rows)[content]).argmax()])
    return {"relation": relation, "head": head, "from": token, "to": key}


def shares(teacher_scores: np.ndarray, student_scores: np.ndarray) -> np.ndarray:
    """p log(p / q) of every key of one row, [num_tokens], from raw scores [num_tokens]; their sum is the row's KL."""
    log_p, log_q = (scores - np.logaddexp.reduce(scores) for scores in (teacher_scores, student_scores))
    return np.exp(log_p) * (log_p - log_q)


def _side(title: str, layer: int, head_size: int) -> dict:
    return {"title": title, "layer": layer, "head_size": head_size}


def _relation(targets: DistillationTargets, name: str, limit: int) -> dict:
    title, letters, about = RELATIONS[name]
    equations = EQUATIONS[name] if targets.recipe == "minilm_v1" else ("", "")
    return {
        "name": name,
        "title": title,
        "letters": letters,
        "about": about,
        "equations": list(equations),
        "loss": targets.losses[name],
        "teacher": weights_payload(targets.teacher[name], limit),
        "student": weights_payload(targets.student[name], limit),
        "divergence": floats(targets.divergence[name]),
    }


def _rows(targets: DistillationTargets, selected: Mapping) -> dict:
    relation, head = selected["relation"], selected["head"]
    return {
        "relation": relation,
        "head": head,
        "teacher": floats(targets.teacher_scores[relation][head]),
        "student": floats(targets.student_scores[relation][head]),
    }
