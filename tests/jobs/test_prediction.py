"""Predictions against plain model calls, spans against an exhaustive search, and inputs that are refused."""

import dataclasses
import json
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers

from minilm_demo.data.encoding import Window, encode_texts, encode_windows
from minilm_demo.data.reading import MAX_TEXT_CHARACTERS
from minilm_demo.data.sources import open_source
from minilm_demo.errors import DataError, UnknownName
from minilm_demo.jobs import forward as forward_module
from minilm_demo.jobs import prediction as prediction_module
from minilm_demo.jobs.forward import forward, softmax
from minilm_demo.jobs.kinds.span import decode_span
from minilm_demo.jobs.prediction import predict, predict_rows
from minilm_demo.models import cache
from minilm_demo.models.loading import Checkpoint, load_checkpoint
from minilm_demo.results import to_dict
from minilm_demo.tasks import TASKS

SST2, MNLI, STSB, SQUAD, SQUAD_2 = (TASKS[name] for name in ("sst2", "mnli", "stsb", "squad", "squad_v2"))
SENTENCES = [{"sentence": text} for text in ("good " * 40, "a", "the movie is dull, is it not?", "Ça va 😀", "no " * 9)]
PAIRS = [{"premise": row["sentence"], "hypothesis": "it is a good movie"} for row in SENTENCES]


@pytest.fixture(scope="module")
def checkpoint_for(tiny_checkpoint_for):
    """Task name -> the tiny checkpoint with an output layer whose logits differ visibly."""
    loaded = {}

    def checkpoint_for(name):
        if name not in loaded:
            checkpoint = load_checkpoint(str(tiny_checkpoint_for(name)), TASKS[name])
            layer = checkpoint.model.qa_outputs if TASKS[name].kind == "span" else checkpoint.model.classifier
            torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(0))
            loaded[name] = checkpoint
        return loaded[name]

    return checkpoint_for


def unbatched(checkpoint, *texts, **options):
    """One input through plain transformers."""
    inputs = checkpoint.tokenizer(*texts, return_tensors="pt", **options)
    with torch.no_grad():
        return checkpoint.model(**inputs)


# -- the forward pass ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [[], [5], [512] * 9, [3, 400, 8, 512, 90, 91], list(range(1, 200))])
def test_a_batch_of_long_inputs_has_fewer_rows(lengths):
    batches = list(forward_module._grouped(lengths, 64))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or len(batch) * longest**2 <= forward_module.MOST_WEIGHTS
    ordered = [lengths[index] for batch in batches for index in batch]
    assert ordered == sorted(lengths), "little padding"


def test_long_inputs_have_few_lengths_and_no_position_beyond_the_models():
    assert {forward_module.padded_length(length) for length in range(129, 513)} == set(range(160, 513, 32))
    assert [forward_module.padded_length(length) for length in (1, 13, 128)] == [1, 13, 128]
    model = SimpleNamespace(config=SimpleNamespace(pad_token_id=0, max_position_embeddings=300))
    inputs = [{"input_ids": [5] * length} for length in (140, 299, 20)]
    batches = list(forward_module._batches(SimpleNamespace(model=model), inputs, 1))
    shapes = [(indices, batch["input_ids"].shape[1], int(batch["attention_mask"].sum())) for indices, batch in batches]
    assert shapes == [([2], 20, 20), ([0], 160, 140), ([1], 300, 299)]


def test_short_inputs_fill_their_batches():
    assert [len(batch) for batch in forward_module._grouped([128] * 130, 64)] == [64, 64, 2]


@pytest.mark.parametrize("task", ["sst2", "squad_v2"])
def test_rows_read_in_parts_have_the_answers_of_rows_read_at_once(task, checkpoint_for, monkeypatch):
    """In order, with every row counted once along the way; outputs of one part are gone before the next is read."""
    checkpoint = checkpoint_for(task)
    rows = open_source(TASKS[task], "sample").read("validation")[:40]
    rows = [{field: row[field] for field in TASKS[task].text_fields} for row in rows]
    at_once = predict_rows(TASKS[task], checkpoint, rows)
    monkeypatch.setattr(prediction_module, "ROWS_READ_TOGETHER", 7)
    most, count = [], prediction_module.forward

    def counted(checkpoint, inputs, **options):
        most.append(len(inputs))
        return count(checkpoint, inputs, **options)

    monkeypatch.setattr(prediction_module, "forward", counted)
    done = []
    in_parts = predict_rows(TASKS[task], checkpoint, rows, batch_size=2, on_batch=done.append)
    assert len(most) == 6 and (task != "sst2" or most == [7, 7, 7, 7, 7, 5])
    assert done == sorted(done) and done[-1] == 40
    for one, other in zip(at_once, in_parts, strict=True):
        assert (one.label, one.answer, one.start, one.tokens_read) == (
            other.label, other.answer, other.start, other.tokens_read
        )  # fmt: skip
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_a_batch_gives_what_each_input_gives_alone(batch_size, checkpoint_for):
    checkpoint = checkpoint_for("mnli")
    inputs = encode_texts(MNLI, checkpoint.tokenizer, PAIRS, 128)
    outputs = forward(checkpoint, inputs, batch_size=batch_size)
    for row, output in zip(PAIRS, outputs, strict=True):
        expected = unbatched(checkpoint, *row.values()).logits[0].numpy()
        np.testing.assert_allclose(output["logits"], expected, atol=1e-5)
        assert output["logits"].dtype == np.float32
    assert len({output["logits"].tobytes() for output in outputs}) == len(PAIRS)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_span_logits_have_the_length_of_their_input(batch_size, checkpoint_for):
    checkpoint = checkpoint_for("squad_v2")
    rows = [{"question": "who is it?", "context": row["sentence"]} for row in SENTENCES]
    windows = encode_windows(SQUAD_2, checkpoint.tokenizer, rows, 384, 128)
    outputs = forward(checkpoint, [window.inputs for window in windows], batch_size=batch_size)
    for row, output in zip(rows, outputs, strict=True):
        expected = unbatched(checkpoint, *row.values())
        np.testing.assert_allclose(output["start_logits"], expected.start_logits[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(output["end_logits"], expected.end_logits[0].numpy(), atol=1e-5)


def test_softmax_is_torchs_and_does_not_overflow():
    logits = np.array([[1000.0, 999.0, -1000.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(softmax(logits), torch.tensor(logits).softmax(-1).numpy())


# -- classification and regression ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name, rows", [("sst2", SENTENCES), ("mnli", PAIRS)])
def test_probabilities(name, rows, checkpoint_for):
    checkpoint, task = checkpoint_for(name), TASKS[name]
    for row, prediction in zip(rows, predict_rows(task, checkpoint, rows, batch_size=2), strict=True):
        expected = unbatched(checkpoint, *row.values()).logits[0].softmax(-1).tolist()
        assert list(prediction.probabilities) == list(task.labels)
        assert list(prediction.probabilities.values()) == pytest.approx(expected, abs=1e-5)
        assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-12)
        assert prediction.label == task.labels[int(np.argmax(expected))]
        assert (prediction.task, prediction.checkpoint) == (name, checkpoint.name)
        assert prediction.milliseconds > 0
        assert prediction.score is prediction.answer is None


def test_a_regression_gives_the_number_of_the_model(checkpoint_for):
    checkpoint = checkpoint_for("stsb")
    rows = [dict(zip(STSB.text_fields, row.values(), strict=True)) for row in PAIRS]
    for row, prediction in zip(rows, predict_rows(STSB, checkpoint, rows), strict=True):
        assert prediction.score == pytest.approx(float(unbatched(checkpoint, *row.values()).logits[0, 0]), abs=1e-5)
        assert prediction.label is prediction.probabilities is None


@pytest.mark.parametrize("words, cut", [(125, False), (126, False), (127, True), (700, True)])
def test_a_cut_text_is_marked(words, cut, checkpoint_for):
    checkpoint = checkpoint_for("sst2")
    (prediction,) = predict_rows(SST2, checkpoint, [{"sentence": "good " * words}])
    assert prediction.truncated == cut
    first = unbatched(checkpoint, "good " * min(words, 126)).logits[0].softmax(-1).tolist()
    assert list(prediction.probabilities.values()) == pytest.approx(first, abs=1e-5)


@pytest.mark.parametrize("words, cut", [((100, 25), False), ((100, 26), True)])
def test_a_cut_pair_is_marked(words, cut, checkpoint_for):
    row = {"premise": "good " * words[0], "hypothesis": "bad " * words[1]}
    (prediction,) = predict_rows(MNLI, checkpoint_for("mnli"), [row])
    assert prediction.truncated == cut


def test_one_input_by_names(tiny_checkpoint_for):
    folder = str(tiny_checkpoint_for("sst2"))
    by_name = predict("sst2", folder, {"sentence": "a good movie", "label": 1})
    by_object = predict(SST2, load_checkpoint(folder, SST2), {"sentence": "a good movie"})
    assert dataclasses.replace(by_name, milliseconds=0) == dataclasses.replace(by_object, milliseconds=0)


def test_bf16_stays_close(checkpoint_for):
    checkpoint = checkpoint_for("mnli")
    exact, short = (predict_rows(MNLI, checkpoint, PAIRS, precision=p) for p in ("fp32", "bf16"))
    for a, b in zip(exact, short, strict=True):
        assert a.probabilities != b.probabilities
        assert a.probabilities == pytest.approx(b.probabilities, abs=0.05)


def test_no_rows_make_no_predictions(checkpoint_for):
    assert predict_rows(SST2, checkpoint_for("sst2"), []) == []
    assert predict_rows(SQUAD_2, checkpoint_for("squad_v2"), []) == []


# -- spans ---------------------------------------------------------------------------------------------------------


def random_window(rng, length):
    """A window with four tokens in front and one behind, each token three characters and a space, and random logits."""
    shift = rng.randrange(0, 40)
    inside = [(4 * (shift + index), 4 * (shift + index) + 3) for index in range(length)]
    logits = {name: np.array([rng.gauss(0, 3) for _ in range(length + 5)], np.float32) for name in ("start", "end")}
    outputs = {f"{name}_logits": values for name, values in logits.items()}
    return Window(0, {}, (None, None, None, None, *inside, None)), outputs


def all_spans(windows, outputs, longest, n_best):
    """Every allowed span of every window, the best first; written without the module under test."""
    found = {}
    for window, output in zip(windows, outputs, strict=True):
        inside = [index for index, span in enumerate(window.offsets) if span]
        starts = sorted(inside, key=lambda i: -output["start_logits"][i])[:n_best]
        ends = sorted(inside, key=lambda i: -output["end_logits"][i])[:n_best]
        for first in starts:
            for last in ends:
                if 0 <= last - first < longest:
                    key = window.offsets[first][0], window.offsets[last][1]
                    score = float(output["start_logits"][first] + output["end_logits"][last])
                    found[key] = max(score, found.get(key, score))
    return sorted(((score, span) for span, score in found.items()), key=lambda one: -one[0])


CONTEXT = "".join(f"{index:03d} " for index in range(500))


@pytest.mark.parametrize("lengths", [(1,), (20,), (20, 20), (7, 20, 13), (200,), (150, 300)])
@pytest.mark.parametrize("seed", range(5))
def test_spans_equal_an_exhaustive_search(seed, lengths):
    rng = random.Random(f"{seed}{lengths}")
    windows, outputs = zip(*(random_window(rng, length) for length in lengths), strict=True)
    n_best = None if max(lengths) <= 20 else 20  # up to 20 tokens, the 20 best are all there are
    expected = all_spans(windows, outputs, SQUAD_2.max_answer_length, n_best)
    null = min(float(output["start_logits"][0] + output["end_logits"][0]) for output in outputs)
    value = decode_span(SQUAD_2, CONTEXT, windows, outputs, threshold=0.0)
    best, (start, end) = expected[0]
    assert value["no_answer_score"] == pytest.approx(null - best, abs=1e-5)
    assert value["score"] == pytest.approx(best - null, abs=1e-5)
    assert value["num_windows"] == len(lengths)
    found = [(one.score, (one.start, one.end)) for one in value["candidates"]]
    apart = []  # of overlapping spans the best alone
    for score, (first, last) in expected:
        if not any(first < other_last and other_first < last for _, (other_first, other_last) in apart):
            apart.append((score, (first, last)))
    assert [span for _, span in found] == [span for _, span in apart[:5]]
    assert [score for score, _ in found] == pytest.approx([score for score, _ in apart[:5]])
    assert all(one.text == CONTEXT[one.start : one.end] for one in value["candidates"])
    if null > best:
        assert value["answer"] == ""
        assert "start" not in value
    else:
        assert (value["answer"], value["start"], value["end"]) == (CONTEXT[start:end], start, end)


def flat_window(length, best_start, best_end, height=5.0):
    window, outputs = random_window(random.Random(0), length)
    for name, position in (("start_logits", best_start), ("end_logits", best_end)):
        outputs[name][:] = 0
        outputs[name][4 + position] = height
    return window, outputs


@pytest.mark.parametrize("last, whole", [(29, True), (30, False)])
def test_an_answer_has_at_most_thirty_tokens(last, whole):
    window, output = flat_window(60, 0, last)
    value = decode_span(SQUAD_2, CONTEXT, [window], [output], 0.0)
    spans = [(one.start, one.end) for one in value["candidates"]]
    assert ((window.offsets[4][0], window.offsets[4 + last][1]) in spans) == whole
    assert value["score"] == (10.0 if whole else 5.0)


def test_no_span_ends_before_it_starts():
    window, output = flat_window(10, 7, 2)
    value = decode_span(SQUAD_2, CONTEXT, [window], [output], 0.0)
    assert value["score"] == 5.0
    assert all(one.start < one.end for one in value["candidates"])


def test_there_is_a_span_where_the_best_positions_make_none():
    window, output = random_window(random.Random(0), 100)
    output["start_logits"][:] = np.arange(105)  # the best starts at the end, the best ends at the start
    output["end_logits"][:] = -np.arange(105)
    value = decode_span(SQUAD, CONTEXT, [window], [output], 0.0)
    ((best, _), *_) = all_spans([window], [output], 30, None)
    assert value["candidates"][0].score == best == 0.0
    assert value["answer"]
    json.dumps([value["score"], value["no_answer_score"]], allow_nan=False)


@pytest.mark.parametrize(
    "task, threshold, answered",
    [(SQUAD_2, 0.0, False), (SQUAD_2, 1.9, False), (SQUAD_2, 2.0, True), (SQUAD_2, 50.0, True), (SQUAD, 0.0, True)],
)
def test_no_answer_wins_above_the_threshold_only(task, threshold, answered):
    window, output = flat_window(10, 3, 4)
    output["start_logits"][0] = 12.0  # against 10 of the best span
    value = decode_span(task, CONTEXT, [window], [output], threshold)
    assert value["no_answer_score"] == 2.0
    assert value["threshold"] == threshold
    assert bool(value["answer"]) == answered
    assert value["candidates"][0].score == 10.0


def test_the_smallest_null_score_of_all_windows_counts():
    windows, outputs = zip(flat_window(10, 3, 4), flat_window(10, 3, 4), strict=True)
    outputs[0]["start_logits"][0], outputs[1]["start_logits"][0] = 30.0, 4.0
    value = decode_span(SQUAD_2, CONTEXT, windows, outputs, 0.0)
    assert value["no_answer_score"] == -6.0
    assert value["answer"]


class Finder(torch.nn.Module):
    """A model that points at two tokens wherever it sees them, and a little at [CLS]."""

    def __init__(self, first, last, config):
        super().__init__()
        self.first, self.last, self.config, self.device = first, last, config, torch.device("cpu")

    def forward(self, input_ids, **_):
        start, end = 10.0 * (input_ids == self.first), 10.0 * (input_ids == self.last)
        start[:, 0] = 3.0
        return transformers.modeling_outputs.QuestionAnsweringModelOutput(start_logits=start, end_logits=end)


@pytest.fixture
def finder(tiny_checkpoint):
    """A checkpoint that finds "man … woman"."""
    plain = load_checkpoint(str(tiny_checkpoint))
    first, last = plain.tokenizer.convert_tokens_to_ids(["man", "woman"])
    return Checkpoint("finder", plain.tokenizer, Finder(first, last, plain.model.config), plain.location)


@pytest.mark.parametrize("before", [0, 50, 700, 1500])
def test_an_answer_far_down_a_long_context(before, finder):
    context = "Café 😀 ok. " * (before // 11) + "The Man,  and the\tWOMAN! " + "Zoë. " * 300
    (prediction,) = predict_rows(SQUAD_2, finder, [{"question": "  Who?", "context": context}])
    assert prediction.answer == "Man,  and the\tWOMAN"
    assert context[prediction.start : prediction.end] == prediction.answer
    assert prediction.no_answer_score == 3.0 - 20.0
    assert prediction.num_windows > 2


def test_every_row_gets_its_own_windows(finder):
    contexts = ["zoo " * 300 + "man woman", "no", "man and woman " + "zoo " * 300, "woman man"]
    rows = [{"question": "Who?", "context": context} for context in contexts]
    predictions = predict_rows(SQUAD_2, finder, rows, batch_size=2)
    assert [one.answer for one in predictions] == ["man woman", "", "man and woman", "woman"]
    assert [one.num_windows > 1 for one in predictions] == [True, False, True, False]
    assert predictions[1].start is predictions[1].end is None


def test_the_threshold_of_the_checkpoint_is_the_default(finder):
    row = {"question": "Who?", "context": "nobody"}
    assert predict(SQUAD_2, finder, row).answer == ""
    finder.model.config.no_answer_threshold = 4.0
    assert predict(SQUAD_2, finder, row).threshold == 4.0
    assert predict(SQUAD_2, finder, row).answer != ""
    assert predict(SQUAD_2, finder, row, threshold=1.0).answer == ""


def test_a_context_without_a_token_has_no_answer(finder):
    prediction = predict(SQUAD_2, finder, {"question": "Who?", "context": "\ufffd\ufffd"})
    assert prediction.answer == ""
    assert prediction.no_answer_score is None
    json.dumps(to_dict(prediction), allow_nan=False)


# -- progress and refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sst2", "squad_v2"])
def test_progress_counts_rows(name, checkpoint_for):
    task, done = TASKS[name], []
    rows = [dict.fromkeys(task.text_fields, "a good movie")] * 7
    if task.kind == "span":
        rows[3] = {"question": "Who?", "context": "good " * 2000}
    predict_rows(task, checkpoint_for(name), rows, batch_size=3, on_batch=done.append)
    assert done == sorted(done)
    assert done[-1] == 7
    assert max(done) == 7
    assert len(done) >= 3


@pytest.mark.parametrize(
    "name, fields, words",
    [
        ("sst2", {"sentence": ""}, "The sentence is empty. sst2 needs: sentence."),
        ("sst2", {"sentence": " \n\t "}, "The sentence is empty"),
        ("sst2", {"text": "fine"}, "The sentence is empty"),
        ("sst2", {"sentence": None}, "The sentence is empty"),
        ("mnli", {"premise": "fine", "hypothesis": " "}, "The hypothesis is empty. mnli needs: premise, hypothesis."),
        ("sst2", {"sentence": "x" * (MAX_TEXT_CHARACTERS + 1)}, "has 100,001 characters; at most 100,000"),
        ("squad_v2", {"question": "why " * 300, "context": "fine"}, "The question has"),
    ],
)
def test_inputs_that_are_refused(name, fields, words, checkpoint_for):
    with pytest.raises(DataError) as caught:
        predict(name, checkpoint_for(name), fields)
    assert words in str(caught.value)


def test_an_empty_text_is_refused_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(cache, "load_checkpoint", lambda *_: pytest.fail("loaded for nothing"))
    with pytest.raises(DataError, match="is empty"):
        predict("sst2", "bundled", {"sentence": ""})


def test_unknown_names_are_refused():
    with pytest.raises(UnknownName, match="task 'mlni'"):
        predict("mlni", "bundled", {"sentence": "fine"})
    with pytest.raises(UnknownName, match="checkpoint 'bundeld'"):
        predict("sst2", "bundeld", {"sentence": "fine"})


def test_half_a_surrogate_pair_is_read_as_a_question_mark(checkpoint_for):
    broken, plain = predict_rows(SST2, checkpoint_for("sst2"), [{"sentence": "fun \ud83d"}, {"sentence": "fun ?"}])
    assert broken.probabilities == pytest.approx(plain.probabilities)


def test_threads_that_share_a_checkpoint_do_not_disturb_each_other(tiny_checkpoint_for):
    """Counting and cutting tokens changes a state of the tokenizer; a long text must stay cut all the same."""
    from concurrent.futures import ThreadPoolExecutor

    task = TASKS["sst2"]
    checkpoint = load_checkpoint(str(tiny_checkpoint_for("sst2")), task)
    rows = [{"sentence": "a very long film " * 200}, {"sentence": "short"}]
    alone = [predict_rows(task, checkpoint, [row])[0].probabilities for row in rows]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda index: predict_rows(task, checkpoint, [rows[index % 2]])[0], range(60)))
    for index, answer in enumerate(answers):
        assert answer.probabilities == pytest.approx(alone[index % 2], abs=1e-5)
        assert answer.truncated == (index % 2 == 0)
