"""What a visitor had chosen in the attention explorer or the microscope, as its saved page gets it: checked, for a
request may hold anything."""

from __future__ import annotations

from collections.abc import Mapping

from ..attention_weights import BEHAVIOURS, MEAN, MIXED
from ..errors import DataError
from ..results import AttentionTrace, DistillationTargets

SWITCHES = ("rollout", "words", "hideSpecial", "several", "entered")
SIDES = ("this", "other", "difference")
DRAWINGS = (None, "lines", "matrix")
LARGEST_ZOOM = 32


def chosen_view(values: Mapping | None, trace: AttentionTrace, num_frames: int, has_other: bool) -> dict | None:
    """The names and values of `firstState` in trace.js, for a page of this trace; None for None.

    `num_frames` is the number of recorded steps, `has_other` whether there is another trace to show. Raises `DataError`
    for values that do not fit."""
    if values is None:
        return None
    try:
        fits = isinstance(values, Mapping) and _fits(values, trace, num_frames, has_other)
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise DataError("The view to save does not fit the picture on the page. Press “Look inside” again.")
    names = ("layer", "head", "drawing", "keep", "zoom", "block", "side", "frame", "kind", "piece", *SWITCHES)
    chosen = {"axis": values["chosen"]["axis"], "tokens": list(values["chosen"]["tokens"])}
    return {**{name: values[name] for name in names}, "chosen": chosen}


def chosen_cell(values: Mapping | None, targets: DistillationTargets) -> dict | None:
    """The names and values of `firstState` in the microscope's view.js, without a step; None for None. Raises
    `DataError` for values that do not fit."""
    if values is None:
        return None
    names, size = ("relation", "head", "words", "hideSpecial"), len(targets.tokens)
    try:
        cell = None if values["chosen"] is None else {end: values["chosen"][end] for end in ("from", "to")}
        fits = (
            _is_number(values["relation"], 0, len(targets.relations) - 1)
            and _is_number(values["head"], 0, targets.num_relation_heads - 1)
            and all(isinstance(values[name], bool) for name in names[2:])
            and (cell is None or all(_is_number(token, 0, size - 1) for token in cell.values()))
        )
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise DataError("The view to save does not fit the picture on the page. Press “Compare” again.")
    return {**{name: values[name] for name in names}, "chosen": cell}


def _fits(values: Mapping, trace: AttentionTrace, num_frames: int, has_other: bool) -> bool:
    tokens, kinds = values["chosen"]["tokens"], [kind.name for kind in BEHAVIOURS]
    return (
        all(isinstance(values[name], bool) for name in SWITCHES)
        and all(
            values[name] == MEAN or _is_number(values[name], 0, size - 1)
            for name, size in (("layer", trace.num_layers), ("head", trace.num_heads))
        )
        and values["drawing"] in DRAWINGS
        and values["side"] in (SIDES if has_other or num_frames else SIDES[:1])
        and _is_number(values["keep"], 1, 100)
        and _is_number(values["zoom"], 1, LARGEST_ZOOM)
        and _is_number(values["piece"], 0, trace.num_tokens)
        and (values["block"] is None or (trace.is_pair and _is_block(values["block"])))
        and (_is_number(values["frame"], 0, num_frames - 1) if num_frames else values["frame"] is None)
        and values["kind"] in (None, MIXED, *kinds)
        and values["chosen"]["axis"] in ("row", "column")
        and isinstance(tokens, list)
        and all(_is_number(token, 0, trace.num_tokens - 1) for token in tokens)
    )


def _is_number(value, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_block(block) -> bool:
    return isinstance(block, list) and len(block) == 2 and all(_is_number(side, 0, 1) for side in block)
