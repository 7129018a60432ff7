"""A table of the two papers' objectives: the relations that each compares, and the names of their losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The objective of a paper: the terms of its loss, by their names on the command line."""

    name: str
    title: str
    terms: Mapping[str, str]  # "at" -> "QK": queries with keys
    own_heads: bool  # whether it compares the models' attention heads, in their last layers, instead of relation heads

    @property
    def relations(self) -> tuple[str, ...]:
        """The compared relations, like ("QK", "VV")."""
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
# Relation -> the name of its loss in results.
LOSS_NAMES = {"QK": "attention", "QQ": "query_relation", "KK": "key_relation", "VV": "value_relation"}
