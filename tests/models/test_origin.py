"""Where a checkpoint comes from: beside its weights, in the run above them, and nowhere."""

import json
import shutil

import pytest

from minilm_demo import models
from minilm_demo.models import SavedOrigin, is_made_of_bundled, locate, read_origin, write_origin
from minilm_demo.models.origin import NOT_PUBLIC
from minilm_demo.runs.lineage import badge_of, origins
from minilm_demo.tasks import TASKS

MNLI = TASKS["mnli"]


@pytest.fixture
def weights(tmp_path, tiny_checkpoint):
    """The folder of a run's weights, without a run.json above it."""
    folder = tmp_path / "mine" / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    return folder


def test_what_is_written_is_read(weights):
    write_origin(weights, locate("bundled"), "distilled", "minilm_v2")
    assert read_origin(weights) == SavedOrigin("distilled", "bundled", True, "minilm_v2")
    assert is_made_of_bundled(locate(str(weights)))
    assert models.seen_by_base(locate(str(weights)), MNLI) == MNLI.seen_by_bundled


@pytest.mark.parametrize(
    ("base", "saved"),
    [
        ("nli", SavedOrigin("tuned", "nli", True)),
        ("bert-base", SavedOrigin("tuned", "bert-base", False)),
        ("owner/model", SavedOrigin("tuned", "owner/model", False)),
        (models.BUNDLED_REPO, SavedOrigin("tuned", models.BUNDLED_REPO, True)),
    ],
)
def test_a_public_base_is_named(base, saved, weights):
    write_origin(weights, locate(base), "tuned")
    assert read_origin(weights) == saved
    (weights / "origin.json").unlink()
    (weights.parent / "run.json").write_text(json.dumps({"config": {"checkpoint": base}}))
    assert read_origin(weights) == saved, "a run of before says the same"


def test_it_goes_with_the_weights_over_several_runs_and_names_no_run(weights, tmp_path):
    write_origin(weights, locate("bundled"), "distilled", "minilm_v1")
    second = tmp_path / "second"
    shutil.copytree(weights, second)
    write_origin(second, locate(str(weights)), "tuned")
    shutil.rmtree(weights)
    assert read_origin(second) == SavedOrigin("tuned", NOT_PUBLIC, True)
    assert str(tmp_path) not in (second / "origin.json").read_text()
    assert is_made_of_bundled(locate(str(second)))


def test_nothing_is_claimed_where_nothing_is_known(weights):
    assert read_origin(weights) is None
    assert not is_made_of_bundled(locate(str(weights)))
    for foreign in ("[]", "{}", "no JSON"):
        (weights / "origin.json").write_text(foreign)
        assert read_origin(weights) is None
    (weights / "origin.json").unlink()
    (weights.parent / "run.json").write_text(json.dumps({"config": {"teacher": "gone", "recipe": "minilm_v1"}}))
    assert read_origin(weights) == SavedOrigin("distilled", NOT_PUBLIC, False, "minilm_v1")


def test_a_copied_student_still_knows_its_teacher(weights):
    assert origins(str(weights)) == []
    write_origin(weights, locate("bundled"), "distilled", "minilm_v1")
    step = origins(str(weights))[0]
    assert (step.how, step.source) == ("distilled", "bundled")
    assert badge_of("bundled", str(weights), "minilm_v1").title == "distilled here"
    assert badge_of("bert-base", str(weights), "minilm_v1").kind == "proxy"
