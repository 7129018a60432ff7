"""The form of the Predict tab as a request: texts, a skill, and the checkpoints that answer side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ..errors import DataError
from ..jobs.kinds import kind_of
from ..models import CATALOG
from ..results import Finished, Prediction
from ..runs import RunState, plain_name
from ..tasks import SKILLS, Preset, Task, get_task
from .choices import checkpoint_choices
from .requests import Question

MAX_LANES = 4  # checkpoints that answer side by side


@dataclass(frozen=True)
class Asking:
    """The values of the form. The page compares those of an answer with the form's own."""

    skill: str  # of `SKILLS`, or the name of a task
    texts: tuple[str, ...]  # of the two boxes
    checkpoints: tuple[str, ...]

    @classmethod
    def from_page(cls, values: Mapping) -> Asking:
        """The form in the values of `to_page`. Raises `DataError` for values that do not fit."""
        try:
            texts = tuple(str(text or "") for text in values["texts"][:2])
            checkpoints = tuple(map(str, values["checkpoints"] or ()))
            asking = cls(str(values["skill"]), texts, checkpoints)
        except (KeyError, TypeError) as error:
            raise DataError("This question does not fit the form on the page. Reload the page.") from error
        if len(asking.checkpoints) > MAX_LANES:
            raise DataError(
                f"{len(asking.checkpoints)} models are chosen; at most {MAX_LANES} answer side by side. Take some away."
            )
        return asking

    def to_page(self) -> dict:
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def questions(self) -> list[Question]:
        """One question for each checkpoint."""
        return [Question(self.skill, self.texts, name) for name in self.checkpoints]


def example_of(question: Question) -> Preset | None:
    """The skill's example with exactly these texts; None for a text of one's own."""
    presets = SKILLS[question.skill].presets if question.skill in SKILLS else ()
    return next((preset for preset in presets if preset.texts == question.texts[: len(preset.texts)]), None)


def judged_example(question: Question, prediction: Prediction) -> tuple[str, bool] | None:
    """The right answer of the example that was asked, and whether the prediction is right. None for a text of one's
    own, and for a checkpoint whose task has other labels than the example."""
    preset, task = example_of(question), question.task
    if preset is None or (task.labels and preset.answer not in task.labels):
        return None
    return preset.answer, kind_of(task).agrees(prediction, preset.answer)


# -- asking a run --------------------------------------------------------------------------------------------------


def skill_of(task: Task) -> str:
    """The name under which the Predict tab offers a task: its skill's, else its own."""
    return next((name for name, skill in SKILLS.items() if task.name in skill.tasks), task.name)


def asking_of_run(run: RunState, mine: Sequence[str], texts: tuple[str, ...] = ()) -> tuple[Asking, str]:
    """The question to the model of a fine-tune, and a sentence on the model it began from.

    That model answers beside it if it is trained for the task; a bare encoder is not. Without `texts` the question is
    `first_texts(run)`. `mine` are the visitor's runs."""
    task, base = get_task(run.record.task), plain_name(run.record.config.checkpoint)
    base_answers = base in [name for _, name in checkpoint_choices((task,), mine)]
    note = ""
    if base in CATALOG and not base_answers:
        note = f"It began from {CATALOG[base].title}, which was not trained for this task: it has no answer of its own."
    names = (run.record.run_id, base) if base_answers else (run.record.run_id,)
    return Asking(skill_of(task), (*(texts or first_texts(run)), "")[:2], names), note


def first_texts(run: RunState) -> tuple[str, ...]:
    """What a finished fine-tune is first asked about: its watched text, else the task's example; for a person's own
    table, which has none, a row that it was scored on."""
    task, watched = get_task(run.record.task), tuple(run.record.config.probe)
    if len(watched) == len(task.text_fields):
        return watched
    results = [event.result for event in run.events if isinstance(event, Finished) and event.result]
    if not task.own or not results:
        return tuple(task.example.values())
    evaluation = results[-1].evaluation
    scored = [row for rows in evaluation.cell_rows.values() for row in rows] or evaluation.mistakes
    fields = scored[0].fields if scored else dict.fromkeys(task.text_fields, "")
    return tuple(fields[field] for field in task.text_fields)
