"""`show`: a result as a standalone HTML page, for notebooks and files."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..results import (
    DISTILL,
    AblationResult,
    AttentionTrace,
    Badge,
    DistillationTargets,
    DistillResult,
    Evaluation,
    FinetuneResult,
    Prediction,
    ScoredRows,
    TrainingEvent,
    WordImportance,
)
from ..tasks import get_task
from .ablation import ablation_payload
from .attention import attention_payload
from .components import (
    ABLATION,
    ATTENTION,
    IMPORTANCE,
    MICROSCOPE,
    PREDICTION,
    ROWS,
    RUN,
    Component,
    standalone_html,
)
from .distillation import microscope_payload
from .distilled import distill_card
from .finetuned import finetune_card
from .importance import importance_payload
from .kinds import kind_of
from .prediction import prediction_payload
from .run import run_payload
from .scored_rows import scored_rows_payload


@dataclass(frozen=True)
class Page:
    """A standalone HTML page. A notebook displays it in a frame; `save` writes it to a file."""

    html: str
    height: int

    def _repr_html_(self) -> str:
        # The sandboxed frame may run scripts and save files, and has no access to the notebook.
        return (
            f'<iframe sandbox="allow-scripts allow-downloads" srcdoc="{html.escape(self.html)}" title="MiniLM Demo" '
            f'style="width: 100%; height: {self.height}px; border: 0"></iframe>'
        )

    def save(self, path: str | Path) -> Path:
        path = Path(path)
        path.write_text(self.html, encoding="utf-8")
        return path


@dataclass(frozen=True)
class About:
    """The optional arguments of `show`, which add to the result."""

    fields: Mapping[str, str]
    events: Sequence[TrainingEvent]
    seen: str
    badge: Badge | None


@dataclass(frozen=True)
class Picture:
    """How a type of result is shown: component, function for payload and title, height in pixels."""

    component: Component
    draw: Callable[..., tuple[dict, str]]  # (result, About) -> payload, title
    height: int


def show(
    result: FinetuneResult
    | DistillResult
    | Evaluation
    | Prediction
    | ScoredRows
    | WordImportance
    | AttentionTrace
    | DistillationTargets
    | AblationResult,
    *,
    fields: Mapping[str, str] | None = None,
    events: Sequence[TrainingEvent] = (),
    seen: str = "",
    badge: Badge | None = None,
    height: int | None = None,
) -> Page:
    """A result as a standalone HTML page, for notebooks and files.

    A span prediction needs its texts in `fields`. A fine-tune or a distillation draws its curves from its `events`
    (`seen`: see `result_card`). `badge` says what a teacher is to its student (`lineage.badge_of`). `height` is in
    pixels. Raises TypeError for a result of another type, or a span prediction without its text."""
    picture = PICTURES.get(type(result))
    if picture is None:
        types = ", ".join(kind.__name__ for kind in PICTURES)
        raise TypeError(f"show() draws one of {types}, not a {type(result).__name__}.")
    payload, title = picture.draw(result, About(fields or {}, events, seen, badge))
    return Page(standalone_html(picture.component, payload, title), height or picture.height)


def _prediction(prediction: Prediction, about: About) -> tuple[dict, str]:
    task = get_task(prediction.task)
    if kind_of(task).needs_text and task.text_fields[-1] not in about.fields:
        raise TypeError(f"A {task.name} prediction is drawn within its text: show(prediction, fields={{…}}).")
    return prediction_payload(task, prediction, about.fields), task.title


def _finetune(result: FinetuneResult, about: About) -> tuple[dict, str]:
    if not about.events:
        return _scores(result.evaluation, about, result)
    task = get_task(result.evaluation.task)
    payload = run_payload(about.events, task, status="completed", run_id="", seen=about.seen)
    return payload, payload["title"]


def _scores(evaluation: Evaluation, about: About, training: FinetuneResult | None = None) -> tuple[dict, str]:
    task = get_task(evaluation.task)
    payload = run_payload((), task, status="completed", run_id="")
    card = finetune_card(task, evaluation, training, seen=about.seen)
    return {**payload, "sentence": f"Checkpoint: {evaluation.checkpoint}.", "result": card}, payload["title"]


def _distilled(result: DistillResult, about: About) -> tuple[dict, str]:
    payload = run_payload(about.events, get_task(result.task), status="completed", run_id="", job=DISTILL)
    if not about.events:
        payload = {**payload, "sentence": f"Teacher: {result.teacher}.", "result": distill_card(result)}
    return payload, payload["title"]


def _scored_rows(result: ScoredRows, about: About) -> tuple[dict, str]:
    payload = scored_rows_payload(get_task(result.evaluation.task), result, seen=about.seen)
    return payload, payload["title"]


def _importance(result: WordImportance, _: About) -> tuple[dict, str]:
    task = get_task(result.task)
    return importance_payload(task, result), task.title


def _attention(result: AttentionTrace, _: About) -> tuple[dict, str]:
    return attention_payload(result, alone=True), f"{result.checkpoint}: {' / '.join(result.texts)}"


def _microscope(result: DistillationTargets, about: About) -> tuple[dict, str]:
    payload = microscope_payload(result, badge=about.badge and asdict(about.badge), alone=True)
    return payload, f"Teacher and student: {' / '.join(result.texts)}"


def _ablation(result: AblationResult, _: About) -> tuple[dict, str]:
    return ablation_payload(result), "Does it help?"


PICTURES: Mapping[type, Picture] = {
    FinetuneResult: Picture(RUN, _finetune, 900),
    DistillResult: Picture(RUN, _distilled, 900),
    Evaluation: Picture(RUN, _scores, 900),
    ScoredRows: Picture(ROWS, _scored_rows, 900),
    Prediction: Picture(PREDICTION, _prediction, 360),
    WordImportance: Picture(IMPORTANCE, _importance, 720),
    AttentionTrace: Picture(ATTENTION, _attention, 900),
    DistillationTargets: Picture(MICROSCOPE, _microscope, 1100),
    AblationResult: Picture(ABLATION, _ablation, 1200),
}
