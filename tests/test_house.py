"""The rules of the house: who imports whom, how long a file and a function may be, what a room's door says."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from minilm_demo.results import SETTINGS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "minilm_demo"
FILES = sorted(PACKAGE.rglob("*.py"))
TABLES = ("tasks.py", "recipes.py", "payloads.py")  # tables of data, which may be as long as they are
TABLE_FUNCTIONS = ("_meanings",)  # functions that return a table
MOST_LINES, MOST_FUNCTION_LINES = 400, 60
JOB_NAMES = "results/jobs.py"  # where the names of the jobs are spelled


def name_of(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def test_the_contracts_of_imports_hold():
    checked = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_the_picture_of_the_house_is_the_code(tmp_path):
    """If it fails: python docs/draw_house.py docs/house.svg"""
    drawn = tmp_path / "house.svg"
    subprocess.run([sys.executable, ROOT / "docs" / "draw_house.py", drawn], check=True, capture_output=True)
    assert drawn.read_text(encoding="utf-8") == (ROOT / "docs" / "house.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_files_and_functions_are_short(file):
    if file.name not in TABLES:
        assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(parse(file))
        if isinstance(node, ast.FunctionDef) and node.name not in TABLE_FUNCTIONS
    }
    assert {name: lines for name, lines in long.items() if lines > MOST_FUNCTION_LINES} == {}


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_torch_is_imported_at_the_top_of_the_worker_alone(file):
    top = [node for node in parse(file).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in top if isinstance(node, ast.ImportFrom) and not node.level}
    heavy = {name for name in names if name.split(".")[0] in ("torch", "transformers", "peft", "accelerate")}
    assert not heavy or name_of(file) == "runs/worker.py"


@pytest.mark.parametrize("door", sorted(PACKAGE.glob("*/__init__.py")), ids=name_of)
def test_a_door_says_what_its_room_is_for_and_what_is_public(door):
    tree = parse(door)
    assert ast.get_docstring(tree)
    if door.parent.name == "ui":  # it has the page itself, and nobody imports from it
        return
    (listed,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    ]
    imported = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert set(listed) == imported


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_other_module_decides_by_the_name_of_a_job(file):
    if name_of(file) == JOB_NAMES:
        return
    named = {
        (node.lineno, part.value)
        for node in ast.walk(parse(file))
        if isinstance(node, ast.Compare | ast.MatchValue | ast.Dict)
        for part in ([*node.keys] if isinstance(node, ast.Dict) else ast.walk(node))
        if isinstance(part, ast.Constant) and part.value in SETTINGS
    }
    assert named == set()


@pytest.mark.parametrize("module", ["minilm_demo.views", "minilm_demo", "minilm_demo.cli", "minilm_demo.runs"])
def test_what_an_import_does_not_load(module):
    code = f"import sys, {module}; print(sorted(name for name in sys.modules if '.' not in name))"
    loaded = ast.literal_eval(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True))
    assert not {"gradio", "torch", "transformers", "sklearn", "scipy", "plotly", "datasets"} & set(loaded)


def test_views_load_the_ground_floor_alone():
    code = "import sys, minilm_demo.views; print([name for name in sys.modules if name.startswith('minilm_demo.')])"
    loaded = ast.literal_eval(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True))
    rooms = {name.split(".")[1] for name in loaded}
    assert rooms <= {"views", "tasks", "results", "recipes", "errors", "attention_weights"}


def test_the_public_names_are_those_of_the_rooms():
    import minilm_demo

    assert sorted(minilm_demo.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)) == (
        minilm_demo.__all__
    )
    assert all(getattr(minilm_demo, name) is not None for name in minilm_demo.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nobody'"):
        minilm_demo.nobody  # noqa: B018
