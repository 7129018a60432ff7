"""The two papers' objectives as a table: which relations are compared, and what their losses are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """What a paper compares: the terms of its loss, each under the short name it has on the command line."""

    name: str
    title: str
    terms: Mapping[str, str]  # "at" -> "QK": queries with keys
    own_heads: bool  # compares attention head with attention head, in the last layers

    @property
    def relations(self) -> tuple[str, ...]:
        return tuple(self.terms.values())


_RECIPES = (
    Recipe("minilm_v1", "MiniLM: attention + value relation", {"at": "QK", "vr": "VV"}, own_heads=True),
    Recipe(
        "minilm_v2",
        "MiniLMv2: query, key and value relations",
        {"qq": "QQ", "kk": "KK", "vv": "VV"},
        own_heads=False,
    ),
)
RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _RECIPES}
# What the loss of a relation is called in results and on screen.
LOSS_NAMES = {"QK": "attention", "QQ": "query_relation", "KK": "key_relation", "VV": "value_relation"}
