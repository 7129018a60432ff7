"""Parts that the views of all runs share: the latest event of each kind, and the description of a curve."""

from __future__ import annotations

from collections.abc import Sequence

from ..results import Evaluated, Fetching, Finished, Planned, Saved, Started, Stepped, TrainingEvent


class LatestEvents:
    """The latest event of each kind; None for a kind without an event."""

    def __init__(self, events: Sequence[TrainingEvent]):
        self.began = bool(events)
        latest = {type(event): event for event in events}
        self.fetching: Fetching | None = latest.get(Fetching)
        self.started: Started | None = latest.get(Started)
        self.planned: Planned | None = latest.get(Planned)
        self.stepped: Stepped | None = latest.get(Stepped)
        self.evaluated: Evaluated | None = latest.get(Evaluated)
        self.saved: Saved | None = latest.get(Saved)
        self.finished: Finished | None = latest.get(Finished)

    @property
    def step(self) -> int:
        """The last step of a finished run; during a run, the step of the latest `Stepped` event."""
        if self.finished and self.finished.result:
            return self.finished.result.steps
        return self.stepped.step if self.stepped else 0

    @property
    def of_steps(self) -> str:
        """ "84 of 189"; "84" before the `Planned` event."""
        return f"{self.step} of {self.planned.steps}" if self.planned else str(self.step)

    @property
    def metric(self) -> str:
        return self.started.metric if self.started else ""


def series(
    of: str,
    name: str,
    style: str,
    *,
    smooth: bool = False,
    dots: bool = False,
    latest: bool = False,
    column: str = "",
) -> dict:
    """One line of a chart; `run_payload` explains the keys."""
    return {
        "of": of,
        "name": name,
        "style": style,
        "smooth": smooth,
        "dots": dots,
        "latest": latest,
        "column": column,
    }


def arithmetic(started: Started) -> str:
    """ "fp32 on cpu (it was asked for), seed 0"."""
    processes = f", {started.processes} processes" if started.processes > 1 else ""
    reason = f" ({started.precision_reason})" if started.precision_reason else ""
    return f"{started.precision} on {started.device}{reason}{processes}, seed {started.seed}"
