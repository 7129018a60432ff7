"""The payload of the `student` component below a distillation's run: the student's relations on the watched text, one
picture per `Probed` event, as the microscope draws them. Everything comes from the run's events; no model runs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..recipes import RECIPES
from ..results import DistillationTargets, DistillSettings, Probed, Started, TrainingEvent, WordSpan
from .code import targets_code
from .distillation import microscope_payload, probed_frames, some_heads
from .payloads import StudentMaps

LEAST = (0.5 / 255) ** 2  # below the smallest weight of a byte, 1 / 255²; it stands for 0, which has no logarithm
ABOUT = "The student as it is at the chosen step of this run, on the sentence to watch."


def student_maps(
    events: Sequence[TrainingEvent], text: str, *, teacher: str, student: str, teacher_title: str, since: int = 0
) -> StudentMaps | None:
    """The pictures of a run's watched text from number `since` on; None without one.

    `teacher` and `student` are the checkpoints in the page's Python; teacher "" is the run's own name for it.
    Keys: since, next: the numbers of these pictures; restart bool: they replace earlier ones; value:
    `microscope_payload` of the last one, without frames; frames: `probed_frames` of all of them."""
    probed = [event for event in events if isinstance(event, Probed)]
    if not probed[since:]:
        return None
    started = next(event for event in events if isinstance(event, Started))
    firsts = [number for number, event in enumerate(probed) if event.teacher]  # the first picture of each learner
    first, settings = firsts[-1], started.settings
    is_assistant = settings.assistant and len(firsts) == 1
    learner, layers = ("Assistant", settings.teacher_layers) if is_assistant else ("Student", settings.layers)
    targets = _targets(settings, layers, probed[first], probed[-1], text, teacher or started.checkpoint, student)
    value = microscope_payload(
        targets,
        teacher_title=teacher_title,
        student_title=f"{learner}, {layers} x {settings.hidden}",
        badge={"kind": "here", "title": "distilled here", "about": ABOUT},
        notes=some_heads(settings.relation_heads, probed[-1].heads),
    )
    value["code"] = targets_code(replace(targets, num_relation_heads=settings.relation_heads))  # all heads
    return {
        "since": since,
        "next": len(probed),
        "restart": since <= first,
        "value": value | {"rows": None, "footer": []},  # events have no raw scores
        "frames": probed_frames(probed[max(since, first) :]),
    }


def _targets(
    settings: DistillSettings, layers: int, first: Probed, last: Probed, text: str, teacher: str, student: str
) -> DistillationTargets:
    """Targets from the bytes of two events: the teacher's relations of `first`, the learner's of `last`.

    `layers` is the learner's depth. Only the drawn heads are included."""
    size = len(first.tokens)
    sides = [
        {name: _decoded(weights, (last.heads, size, size)) for name, weights in side.items()}
        for side in (first.teacher, last.student)
    ]
    logarithms = [{name: np.log(np.maximum(weights, LEAST)) for name, weights in side.items()} for side in sides]
    special = tuple(word is None for word in first.word_ids)
    return DistillationTargets(
        teacher_name=teacher,
        student_name=student,
        recipe=next(name for name, recipe in RECIPES.items() if recipe.relations == tuple(last.student)),
        teacher_layer=settings.teacher_layer,
        student_layer=layers - 1,
        num_relation_heads=last.heads,
        teacher_head_size=settings.teacher_hidden // settings.relation_heads,
        student_head_size=settings.hidden // settings.relation_heads,
        texts=(text,),
        tokens=first.tokens,
        segment_ids=(0,) * size,
        special_tokens_mask=special,
        separators=special,
        word_ids=first.word_ids,
        words=tuple(WordSpan(0, 0, len(word), word) for word in first.words),
        teacher=sides[0],
        student=sides[1],
        teacher_scores=logarithms[0],  # but for a number that a whole row shares
        student_scores=logarithms[1],
        divergence={
            name: _divergence(sides[0][name], logarithms[0][name] - logarithms[1][name], last.divergence[name])
            for name in last.student
        },
        truncated=False,
        milliseconds=0.0,
    )


def _decoded(weights: str, shape: tuple[int, ...]) -> np.ndarray:
    """The mirror of `attention_weights.quantised`."""
    return (np.frombuffer(base64.b64decode(weights), np.uint8).reshape(shape).astype(np.float32) / 255) ** 2


def _divergence(teacher: np.ndarray, log_ratio: np.ndarray, by_head: Sequence[float]) -> np.ndarray:
    """KL(teacher ‖ student) of every row [heads, num_tokens], as near as bytes allow; its means are the exact ones."""
    rows = np.maximum((teacher * log_ratio).sum(axis=-1), 0)
    exact = np.array(by_head, dtype=np.float32)
    return rows * (exact / np.maximum(rows.mean(axis=-1), 1e-9))[:, None]
