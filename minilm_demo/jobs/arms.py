"""The arms of the experiment "Does it help?", and the summary of its scores. An arm is a way to start a student."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..results import AblationResult, ArmGain, ArmScores, Scored, Started
from .metrics import mean_interval


@dataclass(frozen=True)
class Arm:
    """One way to start a student before its fine-tune."""

    name: str
    title: str
    init: str  # one of `models.INITS`
    loss: str = ""  # of the distillation, as in `DistillConfig`; "" for no distillation


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
COMPARED = (  # (arm, the arm it should be better than)
    ("distilled_attention", "random"),
    ("distilled", "random"),
    ("distilled", "distilled_attention"),
    ("copied", "random"),
    ("copied_distilled", "copied"),
    ("distilled", "copied"),
)


# -- the summary ---------------------------------------------------------------------------------------------------


def summarise(started: Started, students: Sequence[Scored]) -> AblationResult:
    """The result of an experiment from its `Started` event and its scored students, at least one."""
    by_arm = {name: _by_seed(name, students) for name in ARMS}
    arms = [_arm_scores(arm, by_arm[arm.name]) for arm in ARMS.values() if by_arm[arm.name]]
    gains = [_gain(by_arm[arm], by_arm[rival]) for arm, rival in COMPARED if by_arm[arm] and by_arm[rival]]
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


def _by_seed(name: str, students: Sequence[Scored]) -> dict[int, Scored]:
    """The students of an arm by seed, in order of the seeds."""
    of_arm = [student for student in students if student.arm == name]
    return {student.seed: student for student in sorted(of_arm, key=lambda student: student.seed)}


def _arm_scores(arm: Arm, students: Mapping[int, Scored]) -> ArmScores:
    scores = [student.score for student in students.values()]
    by_seeds = len(set(scores)) > 1
    interval = mean_interval(scores) if by_seeds else students[min(students)].interval
    interval_of = "seeds" if by_seeds else "rows"
    return ArmScores(arm.name, arm.title, tuple(students), tuple(scores), float(np.mean(scores)), interval, interval_of)


def _gain(students: Mapping[int, Scored], rivals: Mapping[int, Scored]) -> ArmGain | None:
    """The mean gain over the seeds that both arms have, and its interval; None without such a seed."""
    pairs = [(students[seed], rivals[seed]) for seed in students if seed in rivals]
    if not pairs:
        return None
    gains = [student.score - rival.score for student, rival in pairs]
    by_seeds = not np.allclose(gains, gains[0], rtol=0, atol=1e-9)  # one more right row changes a score by far more
    gain = float(np.mean(gains))
    interval = mean_interval(gains) if by_seeds else _difference_interval(gain, *pairs[0])
    seeds = tuple(student.seed for student, _ in pairs)
    return ArmGain(pairs[0][0].arm, pairs[0][1].arm, seeds, gain, interval, "seeds" if by_seeds else "rows")


def _difference_interval(gain: float, student: Scored, rival: Scored) -> tuple[float, float]:
    """The interval of a difference from the intervals of the two scores (Newcombe 1998, method 10)."""
    (low, high), (rival_low, rival_high) = student.interval, rival.interval
    below = math.hypot(student.score - low, rival_high - rival.score)
    above = math.hypot(high - student.score, rival.score - rival_low)
    return gain - below, gain + above
