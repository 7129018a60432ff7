"""Who taught whom, and what may honestly be said of a teacher shown beside a student.

A student is called that of its true teacher only where this is known: from a run of this app, whose run.json says so,
or from the model card of a published student. MiniLM-L12-H384's own teacher was never published; whatever stands beside
it, or beside what was made of it, is a proxy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import DemoError
from ..models import CATALOG, Location, default_checkpoint, locate, read_origin, short_title
from ..recipes import LOSS_NAMES, RECIPES
from ..results import Badge
from .folder import read_record, run_folder
from .jobs import JOBS

UNPUBLISHED = "an in-house UniLM v2 model that was never published"


@dataclass(frozen=True)
class Origin:
    """One step in how a checkpoint came to be."""

    how: str  # "distilled" | "cut" (layers taken from another) | "tuned" (further training of another)
    source: str  # the teacher, or what it was made of: a checkpoint name; "" for a teacher that was never published
    recipe: str = ""  # of a distillation, where known
    here: bool = False  # a run of this app
    only: tuple[str, ...] = ()  # the relations that were learned, where these are not all of the recipe's
    teacher_layer: int | None = None  # that was learned, from 0; None: the last one


_FROM_L12 = Origin("cut", "minilm-l12")
_FROM_BERT = Origin("distilled", "bert-base", "minilm_v2")
# Of the catalog; skills come from the bundled checkpoint. BERT-base learned from texts, without a teacher.
ORIGINS: Mapping[str, Origin] = {
    "minilm-l12": Origin("distilled", "", "minilm_v1"),
    "minilm-l6": _FROM_L12,
    "bundled": _FROM_L12,
    "minilmv2-l6-h384": _FROM_BERT,
    "minilmv2-l6-h768": _FROM_BERT,
    "minilm-l6-sst2": Origin("tuned", "minilm-l6"),
    "minilm-l6-mnli": Origin("tuned", "minilm-l6"),
    "minilm-l12-mrpc": Origin("tuned", "minilm-l12"),
    "minilm-l12-squad2": Origin("tuned", "minilm-l12"),
}


def origins(checkpoint: str | Location) -> list[Origin]:
    """How a checkpoint came to be, its last step first; as far back as is known here."""
    found: list[Origin] = []
    step = _origin(checkpoint)
    while step and step not in found:
        found.append(step)
        step = _origin(step.source) if step.source else None
    return found


def _origin(checkpoint: str | Location) -> Origin | None:
    name = plain_name(checkpoint)
    if name in CATALOG:
        return Origin("tuned", "bundled") if CATALOG[name].is_skill else ORIGINS.get(name)
    try:
        record = read_record(run_folder(name))
    except DemoError:  # no run of this app, or one that is gone
        return _saved_origin(checkpoint)
    config, job = record.config, JOBS[record.job]
    if job.makes == "distilled":
        learned = config.relations()
        only = () if set(learned) == set(RECIPES[config.recipe].relations) else learned
        return Origin("distilled", plain_name(config.teacher), config.recipe, True, only, config.teacher_layer)
    return Origin(job.makes, plain_name(getattr(config, job.base))) if job.makes else None


def _saved_origin(checkpoint: str | Location) -> Origin | None:
    """What a folder says that is no run of this machine, such as the copy of a run's checkpoint."""
    try:
        location = locate(checkpoint)
    except DemoError:  # it is gone
        return None
    saved = None if location.on_hub else read_origin(location.place)
    return saved and Origin(saved.how, saved.base, saved.recipe, here=saved.how == "distilled")


def plain_name(checkpoint: str | Location) -> str:
    """What all names of one checkpoint come to: its id for a run's folder, and the default for ""."""
    try:
        return locate(checkpoint or default_checkpoint()).name
    except DemoError:  # it is gone; its name is all there is
        return checkpoint


def badge_of(teacher: str | Location, student: str | Location, recipe: str) -> Badge:
    """What may be said of one checkpoint beside another, by what is known here of both."""
    return badge(plain_name(teacher), plain_name(student), recipe, origins(student))


def badge(teacher: str, student: str, recipe: str, steps: Sequence[Origin]) -> Badge:
    """What may be said of `teacher` beside `student`, whose `steps` are those of `origins`, while the relations of
    `recipe` are shown. Names are those of `plain_name`."""
    if teacher == student:
        return Badge("other", "the same model", "Teacher and student are one model, so every divergence is 0.")
    lesson = next((step for step in steps if step.how == "distilled"), None)
    later = steps[: steps.index(lesson)] if lesson else steps
    if teacher in [step.source for step in later]:
        about = "The student was made of this very model, not distilled from it: what differs is what training changed."
        return Badge("other", "not a distillation", about)
    if lesson is None:
        about = f"No teacher of {short_title(student)} is known; {short_title(teacher)} only stands beside it."
        return Badge("proxy", "proxy teacher", about)
    further = " It was trained further after that." if later else ""
    if lesson.source != teacher:
        own = short_title(lesson.source) if lesson.source else UNPUBLISHED
        about = f"The student's own teacher was {own}; {short_title(teacher)} stands in for it.{further}"
        return Badge("proxy", "proxy teacher", about)
    other = _learned_otherwise(lesson, recipe)
    if lesson.here:
        return Badge("here", "distilled here", f"A run of this app made the student from this teacher.{further}{other}")
    return Badge("true", "true teacher", f"The student was published as distilled from this teacher.{further}{other}")


def _learned_otherwise(lesson: Origin, recipe: str) -> str:
    """Why a student may be far from its own teacher in what is shown; "" where it learned just that."""
    if lesson.recipe != recipe:
        return f" It learned other relations: {RECIPES[lesson.recipe].title}."
    only = " and ".join(LOSS_NAMES[name].replace("_", " ") for name in lesson.only)
    layer = "" if lesson.teacher_layer is None else f" It learned from layer {lesson.teacher_layer + 1} of the teacher."
    return (f" It learned the {only} alone." if only else "") + layer
