"""The arms of the experiment "Does it help?": the ways in which its students begin, and what their scores say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..results import AblationResult, ArmGain, ArmScores, Scored, Started
from .metrics import mean_interval


@dataclass(frozen=True)
class Arm:
    """One way to begin before the fine-tune."""

    name: str
    title: str
    init: str  # of `students.INITS`
    loss: str = ""  # what is distilled then, as in `DistillConfig`; "": nothing


ARMS: Mapping[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm("random", "Random start", "random"),
        Arm("distilled_attention", "Distilled, attention only", "random", "at"),
        Arm("distilled", "Distilled, attention + value relation", "random", "at,vr"),
        Arm("copied", "Teacher's layers copied", "teacher"),
        Arm("copied_distilled", "Copied, then distilled", "teacher", "at,vr"),
    )
}
COMPARED = (  # an arm, and the one that it is to be better than
    ("distilled_attention", "random"),
    ("distilled", "random"),
    ("distilled", "distilled_attention"),
    ("copied", "random"),
    ("copied_distilled", "copied"),
    ("distilled", "copied"),
)


# -- what came out -------------------------------------------------------------------------------------------------


def summarise(started: Started, students: Sequence[Scored]) -> AblationResult:
    """The result of an experiment that began with `started` and has scored these students, at least one."""
    arms = [_arm_scores(arm, of_arm) for arm in ARMS.values() if (of_arm := _of_arm(arm.name, students))]
    gains = [
        _gain(of_arm, of_other)
        for arm, other in COMPARED
        if (of_arm := _of_arm(arm, students)) and (of_other := _of_arm(other, students))
    ]
    settings, first = started.settings, students[0]
    return AblationResult(
        task=started.task,
        metric=started.metric,
        split=first.split,
        data_source=started.data_source,
        teacher=started.checkpoint,
        layers=settings.layers,
        hidden_size=settings.hidden,
        heads=settings.heads,
        parameters=started.parameters,
        train_examples=started.examples,
        epochs=settings.epochs,
        steps=settings.steps,
        batch_size=settings.batch_size,
        texts=max(student.texts for student in students),
        examples=first.examples,
        baseline=first.baseline,
        arms=tuple(arms),
        gains=tuple(filter(None, gains)),
        students=tuple(students),
        planned=settings.seeds * len(settings.arms),
        seconds={part: sum(student.seconds[part] for student in students) for part in first.seconds},
        settings=replace(settings, device=started.device, precision=started.precision),
        seen_by_base=started.seen_by_base,
    )


def _of_arm(name: str, students: Sequence[Scored]) -> dict[int, Scored]:
    """The students of an arm by their seed."""
    return {student.seed: student for student in sorted(students, key=lambda one: one.seed) if student.arm == name}


def _arm_scores(arm: Arm, students: Mapping[int, Scored]) -> ArmScores:
    scores = [student.score for student in students.values()]
    by_seeds = len(set(scores)) > 1
    interval = mean_interval(scores) if by_seeds else students[min(students)].interval
    interval_of = "seeds" if by_seeds else "rows"
    return ArmScores(arm.name, arm.title, tuple(students), tuple(scores), float(np.mean(scores)), interval, interval_of)


def _gain(students: Mapping[int, Scored], others: Mapping[int, Scored]) -> ArmGain | None:
    """The gain over the seeds that both arms have; None if there are none."""
    pairs = [(students[seed], others[seed]) for seed in students if seed in others]
    if not pairs:
        return None
    gains = [one.score - other.score for one, other in pairs]
    gain, by_seeds = float(np.mean(gains)), not np.allclose(gains, gains[0], rtol=0, atol=1e-9)  # a row is far more
    interval = mean_interval(gains) if by_seeds else _unpaired(gain, *pairs[0])
    seeds = tuple(one.seed for one, _ in pairs)
    return ArmGain(pairs[0][0].arm, pairs[0][1].arm, seeds, gain, interval, "seeds" if by_seeds else "rows")


def _unpaired(gain: float, one: Scored, other: Scored) -> tuple[float, float]:
    """The interval of a difference from the intervals of the two scores (Newcombe 1998, method 10)."""
    (low, high), (other_low, other_high) = one.interval, other.interval
    down = math.hypot(one.score - low, other_high - other.score)
    up = math.hypot(high - one.score, other.score - other_low)
    return gain - down, gain + up
