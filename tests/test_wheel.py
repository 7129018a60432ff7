"""The wheel, built without a network: it holds what the code reads, and works in a folder without the checkout."""

import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_READ = (".py", "screenshot.png")  # of assets/: scripts that make the others, and the README's pictures
SCRIPT = """
import time
import minilm_demo
from minilm_demo import TASKS, TrainConfig, runs, views

if __name__ == "__main__":
    queue = runs.RunQueue()
    config = TrainConfig(checkpoint="sentiment", data="sample", method="head", max_steps=1, eval_examples=8)
    run = queue.start("finetune", TASKS["sst2"], config)  # in a process of its own
    while (state := queue.state(run)).status not in ("completed", "failed", "interrupted"):
        time.sleep(0.1)
    print([minilm_demo.__file__, state.status, "<script" in views.show(state.result).html])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with the content of the wheel, as pip would install it."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("minilm_demo-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files_below(folder: Path) -> set[str]:
    found = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return {name for name in found if "__pycache__" not in name}


def test_the_wheel_holds_the_package_and_what_it_reads(site):
    assert files_below(ROOT / "minilm_demo") <= files_below(site / "minilm_demo")
    assert files_below(site / "minilm_demo" / "examples") == {
        f"datasets/{name}" for name in files_below(ROOT / "examples" / "datasets")
    }
    read = {name for name in files_below(ROOT / "assets") if not name.endswith(NOT_READ)}
    assert files_below(site / "minilm_demo" / "assets") == read
    assert {path.name.split("-")[0] for path in site.iterdir()} == {"minilm_demo"}, "nothing else comes onto the path"


def test_its_metadata_asks_for_the_pinned_packages(site):
    (metadata,) = site.glob("minilm_demo-*.dist-info/METADATA")
    asked = {
        line.removeprefix("Requires-Dist: ") for line in metadata.read_text().splitlines() if "Requires-Dist" in line
    }
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {line.split("#")[0].strip() for line in lines} - {""}
    normal = {name.lower().replace("_", "-") for name in pinned}
    assert {name.lower().replace("_", "-") for name in asked} == normal
    assert all("==" in name for name in asked)


def test_the_tools_that_build_it_are_those_of_the_tests():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(needed) <= set((ROOT / "tests" / "requirements.txt").read_text().splitlines())


def test_a_run_works_in_a_folder_without_the_checkout(site, tmp_path, own_home):
    """It reads a shipped skill and the bundled sample; its process finds the package."""
    script = tmp_path / "use.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(site), "MINILM_HOME": str(own_home)}
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    package, *found = ast.literal_eval(done.stdout.splitlines()[-1])
    assert Path(package).is_relative_to(site)
    assert found == ["completed", True]
