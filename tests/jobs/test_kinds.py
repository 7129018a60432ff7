"""The kinds as the jobs see them: rows of a training batch that came out right, and single answers that do."""

from types import SimpleNamespace

import pytest
import torch

from minilm_demo.jobs import kind_of
from minilm_demo.results import Prediction
from minilm_demo.tasks import TASKS


def one_hot(*positions):
    return torch.nn.functional.one_hot(torch.tensor(positions), 4).float()


def test_a_class_is_right_where_its_logit_is_the_largest():
    output = SimpleNamespace(logits=one_hot(0, 2, 1, 1))
    assert kind_of(TASKS["mnli"]).batch_accuracy(output, {"labels": torch.tensor([0, 2, 1, 0])}) == 0.75


def test_a_span_is_right_where_both_ends_are():
    output = SimpleNamespace(start_logits=one_hot(1, 1, 0, 2), end_logits=one_hot(2, 3, 0, 3))
    batch = {"start_positions": torch.tensor([1, 1, 0, 1]), "end_positions": torch.tensor([2, 2, 0, 3])}
    assert kind_of(TASKS["squad"]).batch_accuracy(output, batch) == 0.5


def test_a_score_is_never_right():
    kind = kind_of(TASKS["stsb"])
    assert kind.batch_accuracy(SimpleNamespace(logits=torch.ones(2, 1)), {"labels": torch.ones(2)}) is None
    assert not kind.is_right(Prediction("stsb", "tiny", 1.0, score=3.0), 3.0)


@pytest.mark.parametrize(
    ("task", "given", "expected", "right"),
    [
        ("sst2", {"label": "positive"}, "positive", True),
        ("sst2", {"label": "positive"}, "negative", False),
        ("squad_v2", {"answer": "the old keeper"}, ["Old keeper"], True),
        ("squad_v2", {"answer": "the keeper of bees"}, ["old bees"], False),
        ("squad_v2", {"answer": ""}, [], True),
        ("squad_v2", {"answer": "keeper"}, [], False),
    ],
)
def test_an_answer_counts_as_right(task, given, expected, right):
    assert kind_of(TASKS[task]).is_right(Prediction(task, "tiny", 1.0, **given), expected) == right
