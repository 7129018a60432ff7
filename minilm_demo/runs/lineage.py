"""The lineage of checkpoints, and the badge that says whether a shown teacher is the student's true teacher.

A pair is called true only if a source says so: the run.json of a run of this app, or the model card of a published
student. The teacher of MiniLM-L12-H384 was never published, so any teacher shown beside that model, or beside a model
made from it, is a proxy.
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
    """One step in the lineage of a checkpoint."""

    how: str  # "distilled" | "cut" (some layers of `source`) | "tuned" (further training of `source`)
    source: str  # name of the teacher or base checkpoint; "" for a teacher that was never published
    recipe: str = ""  # of a distillation; "" if unknown
    here: bool = False  # whether a run of this app made the checkpoint
    only: tuple[str, ...] = ()  # the distilled relations; () for all relations of the recipe
    teacher_layer: int | None = None  # the distilled layer, from 0; None for the last one


_FROM_L12 = Origin("cut", "minilm-l12")
_FROM_BERT = Origin("distilled", "bert-base", "minilm_v2")
# Catalog name -> its last step. Skills are tuned from the bundled checkpoint. BERT-base had no teacher.
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
    """The known steps in the lineage of a checkpoint, the last step first."""
    steps: list[Origin] = []
    step = _origin(checkpoint)
    while step and step not in steps:
        steps.append(step)
        step = _origin(step.source) if step.source else None
    return steps


def _origin(checkpoint: str | Location) -> Origin | None:
    name = plain_name(checkpoint)
    if name in CATALOG:
        return Origin("tuned", "bundled") if CATALOG[name].is_skill else ORIGINS.get(name)
    try:
        record = read_record(run_folder(name))
    except DemoError:  # not a run of this app, or a deleted one
        return _saved_origin(checkpoint)
    config, job = record.config, JOBS[record.job]
    if job.makes == "distilled":
        relations = config.relations()
        only = () if set(relations) == set(RECIPES[config.recipe].relations) else relations
        return Origin("distilled", plain_name(config.teacher), config.recipe, True, only, config.teacher_layer)
    return Origin(job.makes, plain_name(getattr(config, job.base))) if job.makes else None


def _saved_origin(checkpoint: str | Location) -> Origin | None:
    """The last step by the origin.json of a folder that is not a run of this machine, such as a copied checkpoint."""
    try:
        location = locate(checkpoint)
    except DemoError:  # the checkpoint no longer exists
        return None
    saved = None if location.on_hub else read_origin(location.place)
    return saved and Origin(saved.how, saved.base, saved.recipe, here=saved.how == "distilled")


def plain_name(checkpoint: str | Location) -> str:
    """The canonical name of a checkpoint: the run id for a run's folder, the default checkpoint for ""."""
    try:
        return locate(checkpoint or default_checkpoint()).name
    except DemoError:  # the checkpoint no longer exists
        return checkpoint


def badge_of(teacher: str | Location, student: str | Location, recipe: str) -> Badge:
    """The badge for a teacher shown beside a student, from their names and the student's lineage."""
    return badge(plain_name(teacher), plain_name(student), recipe, origins(student))


def badge(teacher: str, student: str, recipe: str, steps: Sequence[Origin]) -> Badge:
    """The badge for `teacher` shown beside `student` with the relations of `recipe`.

    The names are canonical (`plain_name`); `steps` is the student's lineage (`origins`)."""
    if teacher == student:
        return Badge("other", "the same model", "Teacher and student are one model, so every divergence is 0.")
    distillation = next((step for step in steps if step.how == "distilled"), None)
    later_steps = steps[: steps.index(distillation)] if distillation else steps
    if teacher in [step.source for step in later_steps]:
        about = "The student was made of this very model, not distilled from it: what differs is what training changed."
        return Badge("other", "not a distillation", about)
    if distillation is None:
        about = f"No teacher of {short_title(student)} is known; {short_title(teacher)} only stands beside it."
        return Badge("proxy", "proxy teacher", about)
    further = " It was trained further after that." if later_steps else ""
    if distillation.source != teacher:
        true_teacher = short_title(distillation.source) if distillation.source else UNPUBLISHED
        about = f"The student's own teacher was {true_teacher}; {short_title(teacher)} stands in for it.{further}"
        return Badge("proxy", "proxy teacher", about)
    notes = further + _other_relations(distillation, recipe)
    if distillation.here:
        return Badge("here", "distilled here", f"A run of this app made the student from this teacher.{notes}")
    return Badge("true", "true teacher", f"The student was published as distilled from this teacher.{notes}")


def _other_relations(distillation: Origin, recipe: str) -> str:
    """Sentences on how the distilled relations differ from those of `recipe`; "" if they are the same."""
    if distillation.recipe != recipe:
        return f" It learned other relations: {RECIPES[distillation.recipe].title}."
    losses = " and ".join(LOSS_NAMES[name].replace("_", " ") for name in distillation.only)
    layer = distillation.teacher_layer
    from_layer = "" if layer is None else f" It learned from layer {layer + 1} of the teacher."
    return (f" It learned the {losses} alone." if losses else "") + from_layer
