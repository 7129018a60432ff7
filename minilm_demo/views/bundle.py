"""A bundler for the JavaScript modules and CSS files of `static/`: one script and one style sheet a component.

Every import of a module must have one of two forms, and every export must stand before a declaration:

    import { make, say as tell } from "../shared/dom.js";
    import * as V from "./view.js";
    export function mount(element, value, callbacks) {
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(r'^import (?:\* as (?P<space>\w+)|\{(?P<names>[^}]*)\}) from "(?P<path>\.[^"]+)";\n', re.M)
_EXPORT = re.compile(r"^export (?=(?:(?:async )?function|const|class) (\w+))", re.M)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.M)


def graph(entry: str, static: Path = STATIC) -> list[str]:
    """The modules that `entry` imports, in order of dependency, and `entry` itself last.

    Paths are relative to `static`. Raises ValueError for a circular import."""
    ordered: list[str] = []

    def visit(module: str, importers: tuple[str, ...]) -> None:
        if module in importers:
            raise ValueError(f"Modules import each other in a circle: {' -> '.join((*importers, module))}.")
        if module in ordered:
            return
        for match in _IMPORT.finditer((static / module).read_text(encoding="utf-8")):
            visit(_resolved(module, match["path"]), (*importers, module))
        ordered.append(module)

    visit(entry, ())
    return ordered


def bundle(entry: str, name: str, static: Path = STATIC) -> str:
    """JavaScript that declares one constant, `name`: an object with the exports of the module `entry`."""
    modules = [_inlined(module, static) for module in graph(entry, static)]
    return f"const {name} = (() => {{\n{''.join(modules)}return {_constant(entry)};\n}})();\n"


def styles(entry: str, static: Path = STATIC) -> str:
    """The CSS files beside the modules of `entry`, in order of dependency: a later file overrides an earlier one."""
    files = [(static / module).with_suffix(".css") for module in graph(entry, static)]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


@cache
def version() -> str:
    """A short hash of all files in `static/`."""
    digest = hashlib.sha256()
    for file in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        digest.update(file.relative_to(STATIC).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _inlined(module: str, static: Path) -> str:
    """The module as a constant that holds its exports. Raises ValueError for an import or export of another form."""
    text = (static / module).read_text(encoding="utf-8")
    exports = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub(lambda match: _unpacked(module, match), text))
    if unsupported := _LEFT.search(body):
        raise ValueError(f"{module}: cannot be bundled: {unsupported[0]}")
    return f"const {_constant(module)} = (() => {{\n{body}return {{ {', '.join(exports)} }};\n}})();\n"


def _unpacked(module: str, match: re.Match) -> str:
    source = _constant(_resolved(module, match["path"]))
    if match["space"]:
        return f"const {match['space']} = {source};\n"
    names = [" ".join(name.split()).replace(" as ", ": ") for name in match["names"].split(",") if name.strip()]
    return f"const {{ {', '.join(names)} }} = {source};\n"


def _resolved(module: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), path))


def _constant(module: str) -> str:
    return re.sub(r"\W", "_", module.removesuffix(".js"))
