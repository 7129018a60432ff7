"""The table of tasks against the data sets' own label names, the published facts, and the rest of the program."""

import ast
from pathlib import Path

import pyarrow.parquet
import pytest

from minilm_demo.errors import UnknownName
from minilm_demo.jobs import metrics
from minilm_demo.tasks import SKILLS, TASKS, get_task, skill_tasks, task_for_texts

PACKAGE = Path(__file__).resolve().parent.parent / "minilm_demo"

# Data-set cards of nyu-mll/glue, rajpurkar/squad and rajpurkar/squad_v2: columns, labels in the order of their ids,
# rows of train and of the validation splits, metrics.
FACTS = {
    "cola": (("sentence",), ("unacceptable", "acceptable"), (8551, 1043), {"matthews"}),
    "sst2": (("sentence",), ("negative", "positive"), (67349, 872), {"accuracy"}),
    "mrpc": (("sentence1", "sentence2"), ("not_equivalent", "equivalent"), (3668, 408), {"accuracy", "f1"}),
    "qqp": (("question1", "question2"), ("not_duplicate", "duplicate"), (363846, 40430), {"accuracy", "f1"}),
    "stsb": (("sentence1", "sentence2"), (), (5749, 1500), {"pearson", "spearman"}),
    "mnli": (
        ("premise", "hypothesis"),
        ("entailment", "neutral", "contradiction"),
        (392702, 9815, 9832),
        {"accuracy"},
    ),
    "qnli": (("question", "sentence"), ("entailment", "not_entailment"), (104743, 5463), {"accuracy"}),
    "rte": (("sentence1", "sentence2"), ("entailment", "not_entailment"), (2490, 277), {"accuracy"}),
    "wnli": (("sentence1", "sentence2"), ("not_entailment", "entailment"), (635, 71), {"accuracy"}),
    "squad": (("question", "context"), (), (87599, 10570), {"f1", "exact_match"}),
    "squad_v2": (("question", "context"), (), (130319, 11873), {"f1", "exact_match"}),
}
ALL = list(TASKS.values())


def by_name(task):
    return task.name


@pytest.mark.parametrize("name", FACTS)
def test_a_row_says_what_the_data_set_card_says(name):
    text_fields, labels, rows, official_metrics = FACTS[name]
    task = TASKS[name]
    assert task.text_fields == text_fields
    assert task.labels == labels
    assert tuple(task.official_rows[split] for split in ("train", *task.eval_splits)) == rows
    assert official_metrics <= set(task.metrics)


def test_the_table_is_complete():
    assert list(TASKS) == list(FACTS)


def test_mnli_is_scored_on_both_validation_sets():
    assert TASKS["mnli"].eval_splits == ("validation_matched", "validation_mismatched")
    others = {task.eval_splits for task in ALL if task.name != "mnli"}
    assert others == {("validation",)}


def test_wnli_turns_the_labels_of_rte_around():
    assert TASKS["wnli"].labels == TASKS["rte"].labels[::-1] == TASKS["qnli"].labels[::-1]


@pytest.mark.parametrize("name", [task.name for task in ALL if task.labels])
def test_labels_stand_in_the_order_of_the_data_set(name, real_data):
    import datasets

    (file,) = (real_data / "glue" / name).glob("train-*.parquet")
    label = datasets.Features.from_arrow_schema(pyarrow.parquet.read_schema(file))["label"]
    assert tuple(label.names) == TASKS[name].labels


@pytest.mark.parametrize("task", ALL, ids=by_name)
def test_a_row_fits_itself(task):
    assert set(task.example) == set(task.text_fields)
    assert all(text.strip() for text in task.example.values())
    assert task.columns == (*task.text_fields, task.label_field)
    assert {task.label2id[label] for label in task.labels} == set(range(len(task.labels)))
    assert [task.id2label[index] for index in range(len(task.labels))] == list(task.labels)
    assert bool(task.labels) == (task.kind == "classification")
    assert bool(task.doc_stride) == (task.kind == "span")
    assert set(task.metrics) <= set(metrics.METRICS) | set(metrics.ANSWER_METRICS)
    assert bool(task.paper) == bool(task.paper_metric)
    assert not task.paper or task.paper_metric in task.metrics


@pytest.mark.parametrize("task", ALL, ids=by_name)
def test_the_example_is_no_row_of_the_sample(task):
    """What is on screen before the first click must not be something the checkpoint was tuned on."""
    from minilm_demo.data.sources import sample_source

    source = sample_source(task)
    for split in ("train", *task.eval_splits):
        assert tuple(task.example.values()) not in {
            tuple(row[f] for f in task.text_fields) for row in source.read(split)
        }


def test_unknown_task_lists_the_known():
    with pytest.raises(UnknownName, match=r"Unknown task 'mlni'\. Known: cola, .*squad_v2"):
        get_task("mlni")


@pytest.mark.parametrize("skill", SKILLS.values(), ids=by_name)
def test_skills_stand_on_the_table(skill):
    tasks = skill_tasks(skill.name)
    assert tuple(task.name for task in tasks) == skill.tasks
    assert len({task.kind for task in tasks}) == 1
    for preset in skill.presets:
        assert len(preset.texts) == len(tasks[0].text_fields)
        task = task_for_texts(tasks, preset.texts)
        assert preset.answer in (task.labels or preset.texts[-1])


def test_a_task_stands_for_itself_as_a_skill():
    assert skill_tasks("rte") == (TASKS["rte"],)
    with pytest.raises(UnknownName, match="skill or task 'moods'"):
        skill_tasks("moods")


def decisions(tree):
    """The expressions on which a module decides: conditions, comparisons, cases."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While):
            yield node.test
        elif isinstance(node, ast.Compare | ast.MatchValue):
            yield node


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_other_module_decides_by_the_name_of_a_task(file):
    if file == PACKAGE / "tasks.py":
        return
    named = {
        (node.lineno, node.value)
        for decision in decisions(ast.parse(file.read_text(encoding="utf-8")))
        for node in ast.walk(decision)
        if isinstance(node, ast.Constant) and node.value in TASKS
    }
    assert named == set()
