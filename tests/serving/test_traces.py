"""The cache of traces: the same question is answered from memory, and memory has a limit."""

import time
from concurrent.futures import ThreadPoolExecutor

from minilm_demo import TASKS
from minilm_demo.serving import traces


def test_the_same_question_is_traced_once(tiny_checkpoint):
    first = traces.cached_trace(str(tiny_checkpoint), ("A joy.",))
    assert traces.cached_trace(str(tiny_checkpoint), ("A joy.",)) is first
    assert traces.cached_trace(str(tiny_checkpoint), ("A joy!",)) is not first
    assert traces.cached_trace(str(tiny_checkpoint), ("A joy.",), None, (1,)) is not first
    assert first.queries is not None, "rows of a trace in memory are answered without the model"


def test_explanations_take_turns_with_the_traces(tiny_checkpoint_for, monkeypatch):
    """A hundred variants of a long text take gigabytes: thirty people at once would take all there is."""
    at_once, most = [], []

    def explain(task, checkpoint, *texts):
        at_once.append(texts)
        most.append(len(at_once))
        time.sleep(0.05)
        at_once.pop()
        return texts

    monkeypatch.setattr(traces, "explain", explain)
    checkpoint = str(tiny_checkpoint_for("sst2"))
    with ThreadPoolExecutor(8) as pool:
        texts = [(f"text {number}",) for number in range(8)]
        asked = [pool.submit(traces.explained_answer, TASKS["sst2"], checkpoint, one) for one in texts]
        assert [one.result(30) for one in asked] == texts
    assert max(most) == traces.AT_ONCE


def test_the_oldest_go_when_there_is_too_much(tiny_checkpoint, monkeypatch):
    monkeypatch.setattr(traces, "MAX_BYTES", 1)
    first = traces.cached_trace(str(tiny_checkpoint), ("One.",))
    traces.cached_trace(str(tiny_checkpoint), ("Two.",))
    assert len(traces._traces) == 1
    assert traces.cached_trace(str(tiny_checkpoint), ("One.",)) is not first
