"""The cache of traces: the same question is answered from memory, and memory has a limit."""

from minilm_demo import traces


def test_the_same_question_is_traced_once(tiny_checkpoint):
    first = traces.cached_trace(str(tiny_checkpoint), ("A joy.",))
    assert traces.cached_trace(str(tiny_checkpoint), ("A joy.",)) is first
    assert traces.cached_trace(str(tiny_checkpoint), ("A joy!",)) is not first
    assert traces.cached_trace(str(tiny_checkpoint), ("A joy.",), None, (1,)) is not first
    assert first.queries is not None, "rows of a trace in memory are answered without the model"


def test_the_oldest_go_when_there_is_too_much(tiny_checkpoint, monkeypatch):
    monkeypatch.setattr(traces, "MAX_BYTES", 1)
    first = traces.cached_trace(str(tiny_checkpoint), ("One.",))
    traces.cached_trace(str(tiny_checkpoint), ("Two.",))
    assert len(traces._traces) == 1
    assert traces.cached_trace(str(tiny_checkpoint), ("One.",)) is not first
