"""What several tabs offer and remember in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DATA_WORDS: Mapping[str, str] = {
    "sample": "Bundled sample (written for this demo)",
    "mirror": "The real data set, from the local mirror",
    "hub": "The real data set, from the Hub",
    "file": "My own file",
}
EVAL_EXAMPLES = 500  # of each validation split: seconds, with an interval that says how sure that is
REMEMBERED = 50  # runs of a visitor's, in the browser


def data_choices(sources: Sequence[str]) -> list[tuple[str, str]]:
    """(words, name) of sources of data."""
    return [(DATA_WORDS[name], name) for name in sources]


def with_run(run_id: str, my_runs: Sequence[str] | None) -> list[str]:
    """A visitor's runs after a new one, the newest first."""
    return [run_id, *(my_runs or [])][:REMEMBERED]


def kept(name: str, choices: Sequence[tuple[str, str]], otherwise: str | None = None) -> str | None:
    """What was chosen if it is still among the choices, else `otherwise`, else the first of them."""
    names = [value for _, value in choices]
    return name if name in names else otherwise or next(iter(names), None)


def two_boxes(texts: Sequence[str]) -> list[str]:
    """One or two texts as the values of two boxes."""
    return [*texts, ""][:2]
