"""Commands of this program in what it prints and in what is written about it.

A command begins with `python -m minilm_demo`, `torchrun … -m minilm_demo` or `python examples/…`, and ends with its
line, or with the backtick that closes it in a sentence. A `…` alone is a part that was left out."""

import ast
import contextlib
import io
import re
import shlex
from pathlib import Path

from minilm_demo.cli.command_line import make_parser

ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.compile(r"(?:python|torchrun(?: --\S+ \d+)?) -m minilm_demo\b[^`\n]*")
EXAMPLE = re.compile(r"python (examples/\S+\.py)([^`\n]*)")
PLACEHOLDER = "x"  # for a part of a sentence that the program fills in


def commands_in(text: str) -> list[list[str]]:
    """The arguments of every command in a text."""
    return [_words(found.group().split("minilm_demo", 1)[1]) for found in COMMAND.finditer(text)]


def examples_in(text: str) -> list[list[str]]:
    """File and arguments of every example in a text."""
    return [[found[1], *_words(found[2])] for found in EXAMPLE.finditer(text)]


def _words(line: str) -> list[str]:
    return shlex.split(line.strip(), comments=True)


def check(text: str) -> list[list[str]]:
    """Parse every command in a text; returns them. Fails with the words of the first that the program refuses."""
    commands = commands_in(text)
    for words in commands:
        if words and words[-1] == "…":  # "python -m minilm_demo finetune …": the command exists
            words = [*words[:-1], "--help"] if len(words) > 1 else ["--help"]
        if not words:
            continue
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                make_parser().parse_args(words)
        except SystemExit as end:  # of --help
            assert end.code == 0, words
        except Exception as error:
            raise AssertionError(f"{words}: {error}") from error
    return commands


def written_texts() -> dict[str, list[str]]:
    """File -> the texts in it that people read: whole files of words, and every string of a Python file, with a
    placeholder for what the program fills in."""
    words = [ROOT / "README.md", *(ROOT / "assets").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    scripts = [*(ROOT / "minilm_demo").rglob("*.js"), *(ROOT / "minilm_demo").rglob("*.md")]
    python = [*(ROOT / "minilm_demo").rglob("*.py"), *(ROOT / "examples").glob("*.py"), *(ROOT / "assets").glob("*.py")]
    texts = {str(file.relative_to(ROOT)): [_filled(file.read_text(encoding="utf-8"))] for file in (*words, *scripts)}
    return texts | {str(file.relative_to(ROOT)): list(_strings(file)) for file in python}


def _filled(text: str) -> str:
    """A template with its variables replaced."""
    return re.sub(r"\{\{.*?\}\}", PLACEHOLDER, re.sub(r"\{%.*?%\}", "", text))


def _strings(file: Path):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else PLACEHOLDER for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value
