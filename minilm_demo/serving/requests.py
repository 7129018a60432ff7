"""A visitor's requests: a question for an answer, a look at attention, a teacher beside a student.

The page receives a `Look` or `Pairing` with its picture and sends it back with each later request, so that the server
stores no state of visitors. `from_page` validates it: a hostile visitor may have changed every value.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..attention_weights import MEAN, check_comparable, chosen_weights
from ..errors import DataError, DemoError, UnknownName
from ..jobs import load_attentions, save_targets, save_trace, word_importance
from ..models import cached_checkpoint
from ..recipes import RECIPES
from ..results import (
    AttentionExplanation,
    AttentionTrace,
    Badge,
    DistillationTargets,
    Prediction,
    Probed,
    Traced,
    WordImportance,
)
from ..runs import RunState, badge_of, plain_name
from ..shipped import shipped
from ..tasks import Task, get_task, skill_tasks
from .batching import predict_together
from .checkpoints import CheckpointReference, resolve
from .chosen_view import chosen_cell, chosen_view
from .traces import cached_targets, cached_trace, explained_answer

ALONE = ""  # no second checkpoint to compare with
UNCHANGED = "The three methods of “Is attention an explanation?” read the text and the model without your change."
FILE_TYPES = {"npz": "application/octet-stream", "html": "text/html"}


# -- values from the page ------------------------------------------------------------------------------------------


def boxed_texts(texts: Sequence) -> tuple[str, ...]:
    """The texts of the first two boxes, without empty ones."""
    return tuple(str(text) for text in texts[:2] if str(text or "").strip())


def whole_number(values: Mapping, name: str, size: int) -> int:
    """The number of a layer, head or token in `values`, from 0 to `size` - 1. Raises `DataError` for other values."""
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < size:
        raise DataError(f"{name} is '{value}'; it must be a whole number from 0 to {size - 1}.")
    return value


def _number_or_mean(values: Mapping, name: str, size: int) -> int | str:
    return MEAN if values.get(name) == MEAN else whole_number(values, name, size)


def file_to_save(name: str, values: Mapping, contents: Mapping[str, Callable[[], bytes]]) -> dict:
    """`{name, type, base64}` of the file whose kind `values` names as `format`.

    `contents` maps a kind, one of `FILE_TYPES`, to a function that returns the bytes. Raises `DataError` for other
    kinds."""
    kind = values.get("format")
    if not isinstance(kind, str) or kind not in contents:
        raise DataError(f"There is no file of the kind '{kind}'; there are {' and '.join(contents)}.")
    content = base64.b64encode(contents[kind]()).decode("ascii")
    return {"name": f"{name}.{kind}", "type": FILE_TYPES[kind], "base64": content}


# -- an answer -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """A text or pair for a skill or task, and the checkpoint that answers."""

    skill: str
    texts: tuple[str, ...]  # one for each box; texts beyond the task's fields are ignored
    checkpoint: str

    @cached_property
    def model(self) -> CheckpointReference:
        return resolve(self.checkpoint)

    @cached_property
    def task(self) -> Task:
        return self.model.task_for(skill_tasks(self.skill), self.texts)

    @property
    def fields(self) -> dict[str, str]:
        """The task's text fields, as in a row of the data set."""
        return dict(zip(self.task.text_fields, self.texts, strict=False))

    def prediction(self) -> Prediction:
        return predict_together(self.task, self.model.location, self.fields)

    def importance(self) -> WordImportance:
        return word_importance(self.task, cached_checkpoint(self.model.location, self.task), self.fields)


# -- attention -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """The texts and checkpoint of a trace, the changes to it, and the checkpoint to compare with."""

    texts: tuple[str, ...]
    checkpoint: str
    compare: str = ALONE
    masked: tuple[int, ...] = ()
    ablated: tuple[tuple[int, int], ...] = ()
    explained: bool = False

    def __post_init__(self):
        if not self.texts:
            raise DataError("There is no text. Write a sentence, or two for a pair, and press “Look inside”.")

    @classmethod
    def from_page(cls, values: Mapping) -> Look:
        """The look in the values of `to_page`, with the optional `masked`, `ablated` and `explained`. Raises
        `DataError` for values that do not fit."""
        try:
            return cls(
                boxed_texts(values["texts"]),
                str(values["checkpoint"]),
                str(values.get("compare") or ALONE),
                masked=tuple(sorted({int(token) for token in values.get("masked") or ()})),
                ablated=tuple(
                    sorted({(int(head["layer"]), int(head["head"])) for head in values.get("ablated") or ()})
                ),
                explained=bool(values.get("explained")),
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError("This request does not fit the picture on the page. Press “Look inside” again.") from error

    def to_page(self) -> dict:
        return {"texts": list(self.texts), "checkpoint": self.checkpoint, "compare": self.compare}

    @cached_property
    def model(self) -> CheckpointReference:
        return resolve(self.checkpoint, trained=False, fetch=True)

    @cached_property
    def task(self) -> Task | None:
        """The task whose output layer the checkpoint has, if it takes this number of texts; else None."""
        return self._task_of(self.model)

    @cached_property
    def trace(self) -> AttentionTrace:
        return cached_trace(self.model.location, self.texts, self.task, self.masked, self.ablated)

    @cached_property
    def beside(self) -> tuple[AttentionTrace | None, str]:
        """The trace to compare with, and its title: without the changes, or of the other checkpoint; (None, "") without
        one."""
        if self.masked or self.ablated:
            return cached_trace(self.model.location, self.texts, self.task), "Before"
        if not self.compare:
            return None, ""
        model = resolve(self.compare, trained=False, fetch=True)
        trace = cached_trace(model.location, self.texts, self._task_of(model))
        check_comparable(self.trace, trace)
        return trace, model.title

    def explanation(self) -> AttentionExplanation | None:
        """Attention compared with two other explanations; None unless `explained`. Raises `DataError` if the checkpoint
        gives no answer to these texts."""
        if not self.explained:
            return None
        if self.task is None:
            raise DataError(
                f"{self.model.title} gives no answer to these texts, so there is nothing to explain. Choose a model "
                "trained for a task, such as a skill, and as many texts as it reads."
            )
        return explained_answer(self.task, self.model.location, self.texts)

    def notes(self) -> list[str]:
        return [UNCHANGED] if self.explained and (self.masked or self.ablated) else []

    def caption(self) -> dict:
        """The title, the learned positions and the request, as arguments of `views.attention_payload`."""
        return {"title": self.model.title, "learned": self.model.learned_positions, "asked": self.to_page()}

    def head(self, values: Mapping) -> np.ndarray:
        """The weights [num_tokens, num_tokens] of the `layer` and `head` in `values`, each a number or "mean".

        With `rollout` in `values` the product over all layers, with `before` the weights of the compared trace."""
        trace = self.beside[0] if values.get("before") else self.trace
        if trace is None:
            raise DataError("Nothing stands beside this picture.")
        if values.get("rollout"):
            return chosen_weights(trace, MEAN, MEAN, is_rollout=True)
        layer = _number_or_mean(values, "layer", trace.num_layers)
        head = _number_or_mean(values, "head", trace.num_heads)
        return chosen_weights(trace, layer, head)

    def row(self, values: Mapping) -> tuple[int, int, int]:
        """The `layer`, `head` and `token` in `values`."""
        sizes = {"layer": self.trace.num_layers, "head": self.trace.num_heads, "token": self.trace.num_tokens}
        return tuple(whole_number(values, name, size) for name, size in sizes.items())

    def arrays(self) -> bytes:
        """The trace as a .npz file."""
        file = io.BytesIO()
        save_trace(self.trace, file)
        return file.getvalue()

    def _task_of(self, model: CheckpointReference) -> Task | None:
        if not model.has_output_layer:
            return None
        task = model.task_for([get_task(name) for name in model.tasks], self.texts)
        return task if len(task.text_fields) == len(self.texts) else None

    def picture(self) -> dict:
        """What the explorer shows besides the trace, as arguments of `views.attention_payload`."""
        before, before_title = self.beside
        shown = {"before": before, "before_title": before_title, "explanation": self.explanation()}
        return {**self.caption(), **shown, "notes": self.notes()}

    def view(self, values: Mapping, num_frames: int = 0) -> dict | None:
        """What the visitor had chosen, the `view` in `values`. Raises `DataError` for values that do not fit."""
        return chosen_view(values.get("view"), self.trace, num_frames, self.beside[0] is not None)


def watched_attention(run: RunState) -> tuple[Look, list[Traced], list[np.ndarray]]:
    """The watched text of a run as a `Look`, its `Traced` events, and the attentions of each event
    [num_layers, num_heads, num_tokens, num_tokens]. Raises `DataError` if the run recorded none."""
    traced = [event for event in run.events if isinstance(event, Traced)]
    if not traced or not run.has_checkpoint:
        raise DataError("This run kept no attention. Give it a text under “Watch its attention” before you train.")
    weights = [load_attentions(run.folder / "probe" / Path(event.path).name) for event in traced]
    return Look(tuple(run.record.config.probe), run.record.run_id), traced, weights


# -- teacher and student -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pairing:
    """A teacher and a student, compared on one text or pair."""

    texts: tuple[str, ...]
    teacher: str = "bundled"
    student: str = "nli"
    recipe: str = "minilm_v1"

    def __post_init__(self):
        if not self.texts:
            raise DataError("There is no text. Write a sentence, or two for a pair, and press “Compare”.")
        if self.recipe not in RECIPES:
            raise UnknownName("recipe", self.recipe, RECIPES)

    @classmethod
    def from_page(cls, values: Mapping) -> Pairing:
        """The pairing in the values of `to_page`. Raises `DataError` for values that do not fit."""
        try:
            if values.get("recorded"):
                raise DataError(
                    "This is a recording and holds no more than is drawn. Press “Compare” to run models here."
                )
            if values["student"] is None:
                raise DataError(
                    "No student here can be compared with this teacher so. Choose another teacher or recipe."
                )
            names = (str(values[name]) for name in ("teacher", "student", "recipe"))
            return cls(boxed_texts(values["texts"]), *names)
        except (KeyError, TypeError) as error:
            raise DataError("This request does not fit the picture on the page. Press “Compare” again.") from error

    def to_page(self) -> dict:
        return {**asdict(self), "texts": list(self.texts)}

    @cached_property
    def models(self) -> tuple[CheckpointReference, CheckpointReference]:
        """The teacher and the student."""
        return tuple(resolve(name, trained=False, fetch=True) for name in (self.teacher, self.student))

    @cached_property
    def targets(self) -> DistillationTargets:
        teacher, student = self.models
        return cached_targets(teacher.location, student.location, self.texts, self.recipe)

    @cached_property
    def badge(self) -> Badge:
        """The label of the pair: whether the teacher is the student's true teacher."""
        teacher, student = self.models
        return badge_of(teacher.location, student.location, self.recipe)

    def caption(self) -> dict:
        """The titles, the badge and the request, as arguments of `views.microscope_payload`."""
        teacher, student = self.models
        return {
            "teacher_title": teacher.title,
            "student_title": student.title,
            "badge": asdict(self.badge),
            "asked": self.to_page(),
        }

    def head(self, values: Mapping) -> tuple[str, int]:
        """The `relation` and the relation head (`head`) in `values`. Raises `DataError` for values that do not fit."""
        relation = values.get("relation")
        if relation not in self.targets.relations:
            raise DataError(f"relation is '{relation}'; it must be one of {', '.join(self.targets.relations)}.")
        return relation, whole_number(values, "head", self.targets.num_relation_heads)

    def row(self, values: Mapping) -> tuple[str, int, int]:
        """The `relation`, its relation head (`head`) and the `token` in `values`."""
        return (*self.head(values), whole_number(values, "token", len(self.targets.tokens)))

    def view(self, values: Mapping) -> dict | None:
        """What the visitor had chosen, the `view` in `values`. Raises `DataError` for values that do not fit."""
        return chosen_cell(values.get("view"), self.targets)

    def arrays(self) -> bytes:
        """The targets as a .npz file."""
        file = io.BytesIO()
        save_targets(self.targets, file)
        return file.getvalue()


def watched_student(run: RunState, otherwise: str) -> tuple[Pairing, list[Probed]]:
    """The student of a distillation paired with its teacher on the watched text of the run, and the run's `Probed`
    events.

    Without a watched text the text is `otherwise`. The events are empty unless the run compared all heads of the
    teacher's last layer. Raises `DataError` if the teacher cannot be shown here."""
    config = run.record.config
    try:
        teacher = resolve(plain_name(config.teacher), trained=False)
    except DemoError as error:
        raise DataError("The teacher of this student is not among those that can be looked into here.") from error
    pairing = Pairing(boxed_texts((config.probe or otherwise,)), teacher.name, run.record.run_id, config.recipe)
    deviates = config.assistant or config.relation_heads is not None or config.teacher_layer is not None
    return pairing, [event for event in run.events if isinstance(event, Probed) and not deviates]


# -- the first pictures of the page --------------------------------------------------------------------------------

FIRST_LOOK = Look(("Nobody liked the soup.", "Everyone enjoyed the meal."), "nli")  # text 2 attends to "Nobody"
FIRST_PAIRING = Pairing(("The food was not good, but the waiters were unbelievably kind.",))
RECORDED = {"recorded": True}  # the request of a picture that no model here can make again
# Precomputed by assets/make_first_views.py and make_first_distillation.py, so that the first pictures need no model.
FIRST_LOOK_VIEW, FIRST_PAIRING_VIEW = shipped("assets/first_attention.json"), shipped("assets/first_microscope.json")
