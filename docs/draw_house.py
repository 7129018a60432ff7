"""Draws the rooms of the package and the imports between them, as found in the code.

    python docs/draw_house.py docs/house.svg

An arrow is drawn only if no path through a third room replaces it: a room may import every room that its arrows lead
to. The script prints the number of imports between rooms, and the longest chain of modules that import each other.
"""

from __future__ import annotations

import html
import itertools
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PACKAGE = "minilm_demo"
GROUND = "ground"
# Room -> (centre x, top y, purpose), in pixels. The ground floor is as wide as the picture.
PLACES = {
    "ui": (190, 20, "the page: Gradio only here"),
    "cli": (470, 20, "the command line"),
    "serving": (330, 115, "requests, batching, trace cache"),
    "runs": (330, 210, "folders, queue, worker, cards"),
    "jobs": (330, 305, "fine-tune, predict, distil …"),
    "data": (330, 400, "sources, files, texts, features"),
    "models": (330, 495, "catalog, Hub, loading, hooks"),
    "views": (720, 305, "results as pictures and words"),
    GROUND: (445, 600, "tasks · results · events · recipes · errors · attention_weights · shipped"),
}
WIDTH, HEIGHT = 230, 50
SIZE = (890, 680)


def room_of(module: str) -> str | None:
    """The room of a module; None for the package itself, which imports from all rooms."""
    parts = module.split(".")
    if len(parts) == 1 or parts[1] == "__main__":
        return None
    return parts[1] if parts[1] in PLACES else GROUND


def imports_between_rooms(graph: grimp.ImportGraph) -> Counter:
    """(importing room, imported room) -> the number of imports between their modules."""
    pairs = (
        (room_of(importer), room_of(imported))
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    )
    return Counter(pair for pair in pairs if None not in pair and pair[0] != pair[1])


def longest_chain(graph: grimp.ImportGraph) -> list[str]:
    """The longest chain of modules in which each imports the next; a room's door counts as a module."""

    @cache
    def chain(module: str) -> tuple[str, ...]:
        imported = graph.find_modules_directly_imported_by(module)
        return (module, *max((chain(name) for name in sorted(imported)), key=len, default=()))

    return list(max((chain(module) for module in sorted(graph.modules)), key=len))


def box(room: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a room, in pixels."""
    x, y, _ = PLACES[room]
    width = 780 if room == GROUND else WIDTH
    return x - width / 2, y, x + width / 2, y + HEIGHT


def nearest(pairs: Counter) -> list[tuple[str, str]]:
    """The pairs that no path through a third room replaces, for example not (runs, data) beside runs > jobs > data."""
    return sorted(
        (importer, imported)
        for importer, imported in pairs
        if not any(pairs[importer, room] and pairs[room, imported] for room in PLACES)
    )


def arrow(importer: str, imported: str) -> str:
    """A line from the importing room down to the imported one, as SVG."""
    left, top, right, bottom = box(importer)
    to_left, to_top, to_right, _ = box(imported)
    start_x, start_y = (left + right) / 2, bottom
    end_x, end_y = min(max(start_x, to_left + 40), to_right - 40), to_top - 4
    if end_x != start_x and imported != "serving":  # arrows to views, beside the column, start at the side
        start_x, start_y, end_x = right, (top + bottom) / 2, (to_left + to_right) / 2
    title = html.escape(f"{importer} imports {imported}")
    line = f'<path d="M {start_x:.0f} {start_y:.0f} L {end_x:.0f} {end_y:.0f}" marker-end="url(#tip)">'
    return f"{line}<title>{title}</title></path>"


def draw(pairs: Counter) -> str:
    """The picture as SVG, readable in light and dark mode."""
    rooms = []
    for room, (x, y, purpose) in PLACES.items():
        left, top, right, bottom = box(room)
        name = room if room == GROUND else f"{room}/"
        rooms.append(
            f'<rect x="{left:.0f}" y="{top:.0f}" width="{right - left:.0f}" height="{bottom - top:.0f}" rx="6"/>'
            f'<text class="name" x="{x}" y="{y + 21}">{name}</text>'
            f'<text x="{x}" y="{y + 39}">{html.escape(purpose)}</text>'
        )
    arrows = [arrow(*pair) for pair in nearest(pairs)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE[0]} {SIZE[1]}" role="img" '
            'aria-label="The rooms of the package and the imports between them">',
            "<style>svg{background:#fff} text{font:13px sans-serif;text-anchor:middle;fill:#475569} "
            ".name{font:700 15px sans-serif;fill:#1f2937} rect{fill:#f8fafc;stroke:#94a3b8} "
            "path{stroke:#64748b;stroke-width:1.5} #tip path{fill:#64748b;stroke:none}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="9" markerHeight="9" '
            'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>',
            *arrows,
            *rooms,
            "</svg>\n",
        ]
    )


def main() -> None:
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    pairs = imports_between_rooms(graph)
    Path(sys.argv[1]).write_text(draw(pairs), encoding="utf-8")
    for (importer, imported), number in sorted(pairs.items()):
        print(f"{importer:>8} imports {imported:<8} {number:>4} times")
    chain = longest_chain(graph)
    cycles = [pair for pair in itertools.combinations(PLACES, 2) if pairs[pair] and pairs[pair[::-1]]]
    print(
        f"{len(graph.modules)} modules, {len(PLACES)} rooms, {len(pairs)} arrows between rooms, {len(cycles)} circles"
    )
    print(
        f"The longest chain has {len(chain)} modules: {' > '.join(name.removeprefix(f'{PACKAGE}.') for name in chain)}"
    )


if __name__ == "__main__":
    main()
