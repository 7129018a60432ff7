"""The number boxes of the page: each says its range, and a number outside it is refused in words that name the box."""

import gradio as gr
import pytest

from minilm_demo import ui
from minilm_demo.errors import DemoError
from minilm_demo.jobs.train_rows import default_rate
from minilm_demo.tasks import TASKS, get_task
from minilm_demo.ui import distil_panel, finetune_tab

BOXES = [*finetune_tab.NUMBERS.values(), *distil_panel.NUMBERS.values()]


def test_no_number_of_the_page_is_checked_by_gradio():
    """Its message has no name: "Value 9 is greater than maximum value 1.0."."""
    numbers = [block for block in ui.build_page().blocks.values() if isinstance(block, gr.Number)]
    assert len(numbers) == len(BOXES)
    assert all(number.minimum is None and number.maximum is None for number in numbers)
    assert all(" to " in number.info for number in numbers)


@pytest.mark.parametrize("box", BOXES, ids=lambda box: f"{box.config.__name__}.{box.name}")
def test_a_number_in_the_range_is_read_and_any_other_is_refused(box):
    field = box.config.__dataclass_fields__[box.name].metadata
    lowest, highest = field["min"], min(field["max"], box.limits.get(box.name, field["max"]))
    assert [box.read(lowest), box.read(highest), box.read(None)] == [lowest, highest, None]
    outside = [lowest - 1, highest + 1, highest * 1e6]
    if box.zero:
        assert box.read(0) is None
        outside.remove(lowest - 1) if lowest == 1 else None
    for number in outside:
        with pytest.raises(DemoError, match=f"^“{box.label.replace('(', '.').replace(')', '.')}” is .* it can be from"):
            box.read(number)


def config(**changes):
    values = {"data": "sample", "file": None, "budget": 30.0, "checkpoint": "bundled", "examples": 0, "epochs": 3,
              "rate": 0, "batch": 32, "length": 128, "method": "full", "seed": 0}  # fmt: skip
    return finetune_tab._config(*(values | changes).values())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rate": 9}, "“Learning rate” is 9; it can be from 0.0000001 to 1, or 0 for the task's own."),
        ({"budget": None, "epochs": 900}, "“Epochs (used with “By epochs”)” is 900; it can be from 0.01 to 20."),
        ({"batch": 0}, "“Batch size” is 0; it can be from 1 to 128."),
        ({"length": 9}, "“Length in tokens” is 9; it can be from 16 to 512."),
        ({"examples": -3}, "“Examples” is -3; it can be from 1 to 1,000,000, or 0 for all."),
    ],
)
def test_the_sentence_has_the_range_of_the_page(changes, sentence):
    with pytest.raises(DemoError) as raised:
        config(**changes)
    assert str(raised.value) == sentence


def test_a_length_that_is_being_written_is_answered_beside_the_data():
    said, *_, train = finetune_tab.look_at_data("sst2", "sample", None, max_length=1)
    assert said == "“Length in tokens” is 1; it can be from 16 to 512."
    assert train.interactive is False
    said, *_, train = finetune_tab.look_at_data("sst2", "sample", None, max_length=128)
    assert "rows to train on" in said and train.interactive


@pytest.mark.parametrize(
    ("task", "source", "start", "method"),
    [
        ("sst2", "sample", "sentiment", "full"),
        ("cola", "sample", "bundled", "full"),
        ("sst2", "mirror", "bundled", "lora"),
        ("squad", "sample", "qa", "full"),  # a start with a rate of its own
        ("squad", "sample", "qa", "head"),
        ("squad", "hub", "qa", "full"),
    ],
)
def test_the_learning_rate_of_task_start_and_method_is_shown(task, source, start, method):
    rate = default_rate(TASKS[task], method, start, source)
    label = finetune_tab._say_rate(task, source, start, method).label
    assert label.startswith("Learning rate (0: the task's own, 0.")
    assert float(label.removesuffix(")").rsplit(" ", 1)[1]) == pytest.approx(rate)


def test_the_rates_shown_are_those_of_the_table():
    task = get_task("squad")
    assert default_rate(task, "full", "qa", "sample") == task.start_rate
    assert default_rate(task, "full", "bundled", "sample") == default_rate(task, "full", "qa", "hub")
    assert default_rate(task, "lora", "qa", "sample") == 10 * task.learning_rate
