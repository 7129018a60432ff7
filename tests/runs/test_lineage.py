"""What may be said of a teacher beside a student: true, proxy, distilled here, or no distillation at all."""

import pytest

from minilm_demo.jobs.configs import DistillConfig, TrainConfig
from minilm_demo.models.catalog import CATALOG
from minilm_demo.runs.folder import create_run
from minilm_demo.runs.lineage import ORIGINS, Origin, badge, origins, plain_name
from minilm_demo.tasks import get_task

TAUGHT_HERE = Origin("distilled", "bundled", "minilm_v1", here=True)
ATTENTION_ONLY = Origin("distilled", "bundled", "minilm_v1", here=True, only=("QK",))
FOURTH_LAYER = Origin("distilled", "bundled", "minilm_v2", here=True, teacher_layer=3)


@pytest.mark.parametrize(
    ("teacher", "student", "recipe", "steps", "kind", "title", "said"),
    [
        ("bundled", "sst2-run", "minilm_v1", [TAUGHT_HERE], "here", "distilled here", "made the student from this"),
        ("bundled", "sst2-run", "minilm_v2", [TAUGHT_HERE], "here", "distilled here", "other relations: MiniLM:"),
        ("bundled", "r", "minilm_v1", [ATTENTION_ONLY], "here", "distilled here", "It learned the attention alone."),
        ("bundled", "r", "minilm_v2", [FOURTH_LAYER], "here", "distilled here", "from layer 4 of the teacher."),
        ("bert-base", "sst2-run", "minilm_v1", [TAUGHT_HERE], "proxy", "proxy teacher", "all-MiniLM-L6-v2"),
        (
            "bundled",
            "mnli-run",
            "minilm_v1",
            [Origin("tuned", "sst2-run"), TAUGHT_HERE],
            "here",
            "distilled here",
            "trained further",
        ),
        ("bert-base", "minilmv2-l6-h384", "minilm_v2", None, "true", "true teacher", "published"),
        ("bundled", "minilmv2-l6-h384", "minilm_v2", None, "proxy", "proxy teacher", "own teacher was BERT-base"),
        ("bundled", "minilm-l12", "minilm_v1", None, "proxy", "proxy teacher", "never published"),
        ("bert-base", "bundled", "minilm_v1", None, "proxy", "proxy teacher", "never published"),
        ("bert-base", "nli", "minilm_v1", None, "proxy", "proxy teacher", "never published"),
        ("bundled", "nli", "minilm_v1", None, "other", "not a distillation", "made of this very model"),
        ("minilm-l12", "bundled", "minilm_v1", None, "other", "not a distillation", "made of this very model"),
        ("bundled", "bundled", "minilm_v1", None, "other", "the same model", "divergence is 0"),
        ("bundled", "bert-base", "minilm_v1", None, "proxy", "proxy teacher", "No teacher of BERT-base is known"),
        ("bundled", "somebody's", "minilm_v1", [], "proxy", "proxy teacher", "No teacher of another model is known"),
    ],
)
def test_a_teacher_is_called_true_only_where_that_is_known(teacher, student, recipe, steps, kind, title, said):
    found = badge(teacher, student, recipe, origins(student) if steps is None else steps)
    assert (found.kind, found.title) == (kind, title)
    assert said in found.about


def test_skills_come_from_the_bundled_model_and_that_from_the_papers():
    steps = origins("nli")
    assert [(step.how, step.source) for step in steps] == [
        ("tuned", "bundled"),
        ("cut", "minilm-l12"),
        ("distilled", ""),
    ]


def test_every_known_origin_is_of_the_catalog():
    assert set(ORIGINS) <= set(CATALOG)
    assert {origin.source for origin in ORIGINS.values()} - {""} <= set(CATALOG)


def test_names_come_to_one(tmp_path, monkeypatch):
    monkeypatch.setenv("MINILM_CHECKPOINT", "nli")
    assert plain_name("") == "nli"
    assert plain_name("bundled") == "bundled"
    assert plain_name("gone-sst2-0123456789abcdef0") == "gone-sst2-0123456789abcdef0"
    assert origins("a folder that is not there") == []


def test_a_run_tells_its_teacher():
    lesson = create_run("distill", get_task("sst2"), DistillConfig(teacher="bundled", recipe="minilm_v2"))
    assert origins(lesson.run_id)[0] == Origin("distilled", "bundled", "minilm_v2", here=True)
    assert badge("bundled", lesson.run_id, "minilm_v2", origins(lesson.run_id)).title == "distilled here"
    assert "other relations" in badge("bundled", lesson.run_id, "minilm_v1", origins(lesson.run_id)).about
    one_term = create_run("distill", get_task("sst2"), DistillConfig(teacher="bundled", loss="vr"))
    assert origins(one_term.run_id)[0].only == ("VV",)
    assert origins(create_run("distill", get_task("sst2"), DistillConfig(loss="vr,at")).run_id)[0].only == ()
    tuned = create_run("finetune", get_task("rte"), TrainConfig(checkpoint=lesson.run_id))
    assert [step.how for step in origins(tuned.run_id)][:2] == ["tuned", "distilled"]
    assert "trained further" in badge("bundled", tuned.run_id, "minilm_v2", origins(tuned.run_id)).about
