"""The table of tasks against the data sets' own files and the rest of the program."""

import ast
import importlib
from pathlib import Path

import pyarrow.parquet
import pytest

from minilm_demo.errors import UnknownName
from minilm_demo.jobs import metrics
from minilm_demo.tasks import SKILLS, TASKS, get_task, skill_tasks, task_for_texts

PACKAGE = Path(__file__).resolve().parent.parent / "minilm_demo"

ALL = list(TASKS.values())


def by_name(task):
    return task.name


@pytest.mark.parametrize("task", ALL, ids=by_name)
def test_columns_and_row_counts_fit_the_data_set(task, real_data):
    """The local rows may be a part of the official ones, but never more."""
    folder = real_data / ("glue" if "glue" in task.dataset[0] else "") / task.name
    splits = {split: sorted(folder.glob(f"{split}-*.parquet")) for split in ("train", *task.eval_splits)}
    assert all(splits[split] for split in task.eval_splits)
    for split, files in splits.items():
        for file in files:
            assert set(task.columns) <= set(pyarrow.parquet.read_schema(file).names)
        assert sum(pyarrow.parquet.read_metadata(file).num_rows for file in files) <= task.official_rows[split]


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


KINDS = {task.kind for task in ALL}
ROOMS = ("models", "data", "jobs", "views")


def is_kind_module(file):
    return "kinds" in file.relative_to(PACKAGE).with_suffix("").parts


def by_kind(tree):
    """The lines on which a module decides by the kind of a task: a comparison or a table with a kind's name in it, or
    a look-up by `task.kind`."""
    for node in ast.walk(tree):
        table = node.keys if isinstance(node, ast.Dict) else ()
        decided = [node] if isinstance(node, ast.Compare | ast.MatchValue) else filter(None, table)
        named = [part for key in decided for part in ast.walk(key)]
        if any(isinstance(part, ast.Constant) and part.value in KINDS for part in named):
            yield node.lineno
        if isinstance(node, ast.Subscript | ast.Compare | ast.Match):
            asked = {ast.Subscript: "slice", ast.Compare: "left", ast.Match: "subject"}[type(node)]
            source = ast.unparse(getattr(node, asked))
            if source.endswith(".kind") and "task" in source.casefold():
                yield node.lineno


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_other_module_decides_by_the_kind_of_a_task(file):
    if file == PACKAGE / "tasks.py" or is_kind_module(file):
        return
    assert list(by_kind(ast.parse(file.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        'if task.kind == "span": pass',
        'names = {"regression": 1}',
        'span = kind in ("span", "regression")',
        "answer = WORDS[TASKS[name].kind]",
        "match task.kind:\n    case other: pass",
        "same = task.kind == other.kind",
    ],
)
def test_a_decision_by_kind_is_seen(source):
    assert list(by_kind(ast.parse(source)))


@pytest.mark.parametrize("source", ['fields = {"problem_type": "regression"}', 'payload = {"kind": task.kind}'])
def test_the_name_of_a_kind_may_be_said(source):
    assert not list(by_kind(ast.parse(source)))


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_knows_every_kind(room):
    kinds = importlib.import_module(f"minilm_demo.{room}.kinds")
    assert set(kinds.KINDS) == KINDS
    for task in ALL:
        assert kinds.kind_of(task) is kinds.KINDS[task.kind]
