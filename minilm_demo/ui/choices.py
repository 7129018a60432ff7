"""Choices that several tabs share: sources of data, a visitor's runs, the values of two text boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..serving import with_remark

DATA_LABELS: Mapping[str, str] = {
    "sample": with_remark("Bundled sample", "ours, not GLUE"),
    "mirror": with_remark("The real data set", "local mirror"),
    "hub": with_remark("The real data set", "from the Hub"),
    "file": "My own file",
}
EVAL_EXAMPLES = 500  # of each validation split, which takes seconds
REMEMBERED = 50  # runs of a visitor that the browser stores


def data_choices(sources: Sequence[str]) -> list[tuple[str, str]]:
    """(label, name) of each source of data."""
    return [(DATA_LABELS[name], name) for name in sources]


def with_run(run_id: str, my_runs: Sequence[str] | None) -> list[str]:
    """The visitor's runs with a new one in front, at most `REMEMBERED`."""
    return [run_id, *(my_runs or [])][:REMEMBERED]


def without_run(run_id: str, my_runs: Sequence[str] | None) -> list[str]:
    """The visitor's runs without a deleted one."""
    return [name for name in my_runs or [] if name != run_id]


def valid_choice(name: str, choices: Sequence[tuple[str, str]], default: str | None = None) -> str | None:
    """`name` if it is among the choices, else `default`, else the first choice."""
    names = [value for _, value in choices]
    return name if name in names else default or next(iter(names), None)


def two_boxes(texts: Sequence[str]) -> list[str]:
    """One or two texts as the values of two boxes."""
    return [*texts, ""][:2]
