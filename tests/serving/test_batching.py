"""Questions that come together are answered together, each with its own answer or its own error."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from small_runs import wait_for

from minilm_demo import TASKS, predict
from minilm_demo.errors import DataError
from minilm_demo.serving import batching as serving
from minilm_demo.serving.batching import Batcher, predict_together

SST2 = TASKS["sst2"]


def test_those_who_wait_share_one_call():
    calls, first_is_in, go = [], threading.Event(), threading.Event()

    def answer(key, rows):
        calls.append((key, list(rows)))
        first_is_in.set()
        assert go.wait(10)
        return [row * 10 for row in rows]

    batcher = Batcher(answer, most=4)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher.ask, "a", 0)
        assert first_is_in.wait(10)
        others = [pool.submit(batcher.ask, "a", number) for number in range(1, 7)]
        wait_for(lambda: len(batcher._waiting["a"]) == 6)
        go.set()
        assert [one.result(10) for one in [first, *others]] == [0, 10, 20, 30, 40, 50, 60]
    assert [len(rows) for _, rows in calls] == [1, 4, 2]


def test_keys_are_not_mixed():
    batcher = Batcher(lambda key, rows: [(key, row) for row in rows])
    with ThreadPoolExecutor(16) as pool:
        asked = [(f"k{number % 3}", number) for number in range(60)]
        assert list(pool.map(lambda one: batcher.ask(*one), asked)) == asked


def test_an_error_reaches_whoever_asked_and_nobody_else():
    first_is_in, go = threading.Event(), threading.Event()

    def answer(key, rows):
        if rows == ["first"]:
            first_is_in.set()
            assert go.wait(10)
        if bad := [row for row in rows if row.startswith("bad")]:
            raise ValueError(f"broken: {bad[0]}")
        return rows

    batcher = Batcher(answer)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher.ask, "a", "first")
        assert first_is_in.wait(10)
        asked = {row: pool.submit(batcher.ask, "a", row) for row in ("good", "bad one", "fine", "bad two")}
        wait_for(lambda: len(batcher._waiting["a"]) == 4)
        go.set()
        assert [first.result(10), asked["good"].result(10), asked["fine"].result(10)] == ["first", "good", "fine"]
        for row in ("bad one", "bad two"):
            with pytest.raises(ValueError, match=f"broken: {row}"):
                asked[row].result(10)
    assert batcher.ask("a", "good") == "good"


def test_answers_are_those_of_predict(tiny_checkpoint_for):
    checkpoint = str(tiny_checkpoint_for("sst2"))
    rows = [{"sentence": text} for text in ("a", "a longer sentence, longer by far", "so so", "b")] * 4
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda row: predict_together(SST2, checkpoint, row), rows))
    for row, one in zip(rows, together, strict=True):
        assert one.probabilities == pytest.approx(predict(SST2, checkpoint, row).probabilities, abs=1e-5)


def test_a_wrong_row_is_refused_before_it_joins_others(tiny_checkpoint_for, monkeypatch):
    monkeypatch.setattr(serving._BATCHER, "_answer", lambda *_: pytest.fail("it was asked"))
    with pytest.raises(DataError, match="The sentence is empty"):
        predict_together(SST2, str(tiny_checkpoint_for("sst2")), {"sentence": " "})
