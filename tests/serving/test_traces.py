"""The cache of traces: the same question is answered from memory, and memory has a limit."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

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


@pytest.fixture
def sizes(monkeypatch):
    """Text -> bytes of its trace, which takes no memory; the cache is empty before and after."""
    sizes = {}

    def trace_attention(checkpoint, text, **options):
        return SimpleNamespace(queries=np.broadcast_to(np.uint8(0), sizes[text]), tokens=(text,))

    monkeypatch.setattr(traces, "trace_attention", trace_attention)
    traces.cached_trace.cache_clear()
    yield sizes
    traces.cached_trace.cache_clear()


def test_the_oldest_go_when_there_is_too_much(tiny_checkpoint, sizes):
    sizes |= {"One.": traces.MAX_BYTES // 2, "Two.": traces.MAX_BYTES // 2, "Three.": 1}
    one, two = (traces.cached_trace(str(tiny_checkpoint), (text,)) for text in ("One.", "Two."))
    assert traces.cached_trace(str(tiny_checkpoint), ("One.",)) is one
    traces.cached_trace(str(tiny_checkpoint), ("Three.",))
    assert traces.cached_trace(str(tiny_checkpoint), ("One.",)) is one
    assert traces.cached_trace(str(tiny_checkpoint), ("Two.",)) is not two


def test_a_trace_larger_than_the_cache_is_kept_alone(tiny_checkpoint, sizes):
    sizes |= {"One.": 1, "Large.": 3 * traces.MAX_BYTES}
    one, large = (traces.cached_trace(str(tiny_checkpoint), (text,)) for text in ("One.", "Large."))
    assert traces.cached_trace(str(tiny_checkpoint), ("Large.",)) is large
    assert traces.cached_trace(str(tiny_checkpoint), ("One.",)) is not one


def test_arrays_within_mappings_count():
    layers = {"QK": np.zeros(10, np.uint8), "VR": np.zeros(5, np.uint8)}
    assert traces._bytes(SimpleNamespace(tokens=("a",), relations=layers, steps=None)) == 15


def test_threads_that_ask_the_same_wait_for_one_trace(tiny_checkpoint, monkeypatch):
    traced, go_on = [], threading.Event()

    def trace_attention(checkpoint, *texts, **options):
        traced.append(texts)
        assert go_on.wait(10)
        return SimpleNamespace(tokens=texts)

    monkeypatch.setattr(traces, "trace_attention", trace_attention)
    traces.cached_trace.cache_clear()
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(traces.cached_trace, str(tiny_checkpoint), ("A joy.",)) for _ in range(6)]
        go_on.set()
        assert len({id(answer.result(30)) for answer in answers}) == 1
    assert traced == [("A joy.",)]
    traces.cached_trace.cache_clear()
