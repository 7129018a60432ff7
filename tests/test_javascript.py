"""The page's JavaScript: its pure modules by node's own test runner, and how modules are put together."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from minilm_demo import views
from minilm_demo.views.bundle import STATIC, bundle, graph, styles, version
from minilm_demo.views.components import ALL, served_file

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def node() -> str:
    """The path of node. Where browser tests must run, it must be there too."""
    found = shutil.which("node")
    if found is None:
        missing = pytest.fail if os.environ.get("MINILM_REQUIRE_BROWSER") else pytest.skip
        missing("node is not installed")
    return found


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "js").glob("*.test.mjs")), ids=lambda file: file.name)
def test_pure_modules(node, file):
    ran = subprocess.run([node, "--test", file], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"pass [1-9]", ran.stdout)


@pytest.mark.parametrize("component", ALL, ids=lambda component: component.name)
def test_what_is_served_is_a_module(node, component, tmp_path):
    """It parses, needs no other file, and exports mount."""
    media_type, text = served_file(f"{component.name}.js")
    assert media_type == "text/javascript"
    file = tmp_path / "served.mjs"
    file.write_text(text, encoding="utf-8")
    subprocess.run([node, "--check", file], check=True, timeout=60)
    assert not re.search(r"^import\b", text, re.MULTILINE)
    assert text.endswith(f"export const {{ mount }} = {component.name};\n")


# -- the bundler ---------------------------------------------------------------------------------------------------


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        file = folder / f"{name.replace('__', '/')}.js"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def test_a_bundle_is_one_constant_with_what_the_entry_exports(node, tmp_path):
    folder = write(
        tmp_path,
        shared__numbers="const hidden = 2;\nexport const three = 3;\nexport function twice(n) { return hidden * n; }\n",
        shared__words='import * as N from "./numbers.js";\n\nexport const word = "x".repeat(N.three);\n',
        page__main='import { three as many, twice } from "../shared/numbers.js";\nimport {\n  word,\n} from '
        '"../shared/words.js";\n\nexport async function mount() { return word + twice(many); }\n',
    )
    assert graph("page/main.js", folder) == ["shared/numbers.js", "shared/words.js", "page/main.js"]
    script = bundle("page/main.js", "picture", folder) + "picture.mount().then(console.log);"
    ran = subprocess.run([node, "-e", script], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "xxx6\n"


def test_a_circle_of_modules_is_refused(tmp_path):
    folder = write(tmp_path, a='import { b } from "./b.js";\n', b='import { a } from "./a.js";\n')
    with pytest.raises(ValueError, match=r"circle: a\.js -> b\.js -> a\.js"):
        graph("a.js", folder)


@pytest.mark.parametrize("text", ["export default 1;\n", 'import x from "./b.js";\n', 'export { y } from "./b.js";\n'])
def test_an_import_or_export_of_another_form_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"a\.js: cannot be bundled"):
        bundle("a.js", "a", write(tmp_path, a=text))


def test_every_module_belongs_to_a_component():
    """But for payloads.js, which has types alone."""
    used = {module for component in ALL for module in graph(component.entry)}
    assert {file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*.js")} - used == {"payloads.js"}


def test_styles_stand_in_the_order_of_the_modules():
    css = styles(views.ANSWERS.entry)
    places = [css.index(words) for words in ("What all components share", ".mlm-prediction", ".mlm-answers")]
    assert places == sorted(places)


def test_the_version_is_a_short_hash():
    assert re.fullmatch(r"[0-9a-f]{16}", version())
