"""Word importance against `predict` on shortened texts and against plain transformers; the model stays as it was."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import transformers

from minilm_demo.data.reading import word_spans
from minilm_demo.errors import DataError, UnknownName
from minilm_demo.jobs import importance as module
from minilm_demo.jobs.forward import forward
from minilm_demo.jobs.importance import word_importance
from minilm_demo.jobs.kinds import MAX_LEFT_OUT
from minilm_demo.jobs.kinds import span as span_module
from minilm_demo.jobs.kinds import texts as texts_module
from minilm_demo.jobs.kinds.texts import without
from minilm_demo.jobs.metrics import spearman
from minilm_demo.jobs.prediction import predict
from minilm_demo.models.loading import Checkpoint, load_checkpoint
from minilm_demo.results import WordImportance, from_dict, to_dict
from minilm_demo.tasks import TASKS

SENTENCE = "the über-movie isn't dull 😀, is it ? no , unbelievably not ."
FIELDS = {
    "sst2": {"sentence": SENTENCE},
    "mnli": {"premise": SENTENCE, "hypothesis": "it is a good movie"},
    "stsb": {"sentence1": "a good movie", "sentence2": "the movie was not that good , was it"},
    "squad_v2": {"question": "  who fed the bees ?", "context": "in spring the old keeper fed the bees at noon ."},
}


def make_lively(model):
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)


@pytest.fixture(scope="module")
def checkpoint_for(tiny_checkpoint_for):
    """Task name -> the tiny checkpoint with weights so large that every word moves its outputs."""
    loaded = {}

    def checkpoint_for(name):
        if name not in loaded:
            checkpoint = load_checkpoint(str(tiny_checkpoint_for(name)), TASKS[name])
            make_lively(checkpoint.model)
            loaded[name] = checkpoint
        return loaded[name]

    return checkpoint_for


@pytest.fixture(scope="module")
def roberta(roberta_tokenizer):
    """Task name -> a random two-layer RoBERTa with a byte-level tokenizer."""

    def checkpoint_for(name):
        labels = {"classification": len(TASKS[name].labels), "regression": 1, "span": 2}[TASKS[name].kind]
        config = transformers.RobertaConfig(
            vocab_size=len(roberta_tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=400, type_vocab_size=1, pad_token_id=1,
            num_labels=labels, attn_implementation="eager",
        )  # fmt: skip
        span = TASKS[name].kind == "span"
        kind = transformers.RobertaForQuestionAnswering if span else transformers.RobertaForSequenceClassification
        model = kind(config).eval()
        make_lively(model)
        return Checkpoint("roberta", roberta_tokenizer, model, None)

    return checkpoint_for


# -- leave-one-out -------------------------------------------------------------------------------------------------


def value_of(importance, prediction):
    return prediction.probabilities[importance.target] if importance.target else prediction.score


@pytest.mark.parametrize("name", ["sst2", "mnli", "stsb"])
@pytest.mark.parametrize("family", ["checkpoint_for", "roberta"])
def test_leaving_a_word_out_is_predicting_without_it(name, family, request):
    checkpoint = request.getfixturevalue(family)(name)
    fields = FIELDS[name]
    importance = word_importance(name, checkpoint, fields)
    whole = predict(name, checkpoint, fields)
    assert importance.target == (whole.label or "")
    assert importance.value == value_of(importance, whole)
    for word in importance.words:
        text = fields[word.field]
        assert text[word.start : word.end] == word.word
        shorter = fields | {word.field: without(text, word.start, word.end)}
        expected = importance.value - value_of(importance, predict(name, checkpoint, shorter))
        assert word.left_out == pytest.approx(expected, abs=5e-6)
    assert max(abs(word.left_out) for word in importance.words) > 5e-4


@pytest.mark.parametrize(
    "text, word, shorter",
    [
        ("a good movie", "good", "a movie"),
        ("good movie", "good", "movie"),
        ("  good movie", "good", "movie"),
        ("a movie", "movie", "a"),
        ("not dull.", "dull", "not ."),
        ('say "good" now', '"', 'say good" now'),
        ("one\ntwo\nthree", "two", "one\nthree"),
        ("alone", "alone", ""),
    ],
)
def test_a_word_leaves_no_double_space(text, word, shorter):
    start = text.index(word)
    assert without(text, start, start + len(word)) == shorter


def test_a_span_is_followed_through_the_shortened_context(checkpoint_for):
    """The same characters are scored without the word: each number equals one call of the plain model."""
    checkpoint, fields = checkpoint_for("squad_v2"), FIELDS["squad_v2"]
    importance = word_importance("squad_v2", checkpoint, fields)
    best = predict("squad_v2", checkpoint, fields).candidates[0]
    assert (importance.value, importance.start, importance.end) == (best.score, best.start, best.end)
    question, context = fields["question"], fields["context"]
    for word in importance.words:
        if word.field == "context" and word.start < best.end and word.end > best.start:
            assert word.left_out is None
            continue
        shorter, shift = dict(fields), 0
        shorter[word.field] = without(fields[word.field], word.start, word.end)
        if word.field == "context" and word.start < best.start:
            shift = len(context) - len(shorter["context"])
        span = best.start - shift, best.end - shift
        inputs = checkpoint.tokenizer(shorter["question"].strip(), shorter["context"], return_tensors="pt")
        with torch.no_grad():
            output = checkpoint.model(**inputs)
        first, last = inputs.char_to_token(0, span[0], 1), inputs.char_to_token(0, span[1] - 1, 1)
        left = float(output.start_logits[0, first] + output.end_logits[0, last])
        assert word.left_out == pytest.approx(importance.value - left, abs=1e-4), word
    assert {word.field for word in importance.words} == {"question", "context"}
    assert all(fields[word.field][word.start : word.end] == word.word for word in importance.words)
    assert question[importance.words[0].start :].startswith("who")


@pytest.mark.parametrize("name", ["sst2", "squad_v2"])
def test_all_variants_go_through_one_call(name, checkpoint_for, monkeypatch):
    calls = []
    for asking in (module, span_module):
        monkeypatch.setattr(asking, "forward", lambda *a, **k: calls.append(len(a[1])) or forward(*a, **k))
    importance = word_importance(name, checkpoint_for(name), FIELDS[name])
    assert calls[-1] == sum(word.left_out is not None for word in importance.words)
    assert len(calls) == (2 if name == "squad_v2" else 1)  # the windows that hold the answer are looked at once more


# -- gradient × input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("family", ["checkpoint_for", "roberta"])
def test_the_gradient_is_that_of_a_plain_model(name, family, request):
    checkpoint, fields = request.getfixturevalue(family)(name), FIELDS[name]
    importance = word_importance(name, checkpoint, fields)
    texts = [text.lstrip() for text in fields.values()]
    inputs = checkpoint.tokenizer(*texts, return_tensors="pt", return_offsets_mapping=True)
    offsets, parts = inputs.pop("offset_mapping")[0].tolist(), inputs.sequence_ids(0)
    embedded = checkpoint.model.get_input_embeddings().weight[inputs.pop("input_ids")[0]][None]
    embedded = embedded.detach().clone().requires_grad_()
    model = checkpoint.model
    output = model(inputs_embeds=embedded, **inputs)
    if TASKS[name].kind == "span":
        tokens = [i for i, part in enumerate(parts) if part == 1]
        first = [i for i in tokens if offsets[i][0] == importance.start]
        last = [i for i in tokens if offsets[i][1] == importance.end]
        target = max(output.start_logits[0, i] + output.end_logits[0, j] for i in first for j in last if i <= j)
        assert target.item() == pytest.approx(importance.value, abs=1e-4)
    else:
        target = output.logits[0, TASKS[name].label2id.get(importance.target, 0)]
    (gradient,) = torch.autograd.grad(target, embedded)
    products = (gradient * embedded).sum(-1)[0].tolist()
    fields_in_order = list(fields)
    cut = [len(text) - len(text.lstrip()) for text in fields.values()]
    for word in importance.words:
        part = fields_in_order.index(word.field)
        text, start, end = texts[part], word.start - cut[part], word.end - cut[part]
        own = []
        for index, (a, b) in enumerate(offsets):
            if parts[index] == part and (start <= a < end or (text[a:start].isspace() and a == b)):
                own.append(products[index])
        assert word.gradient == pytest.approx(sum(own), abs=1e-4), word
    assert max(abs(word.gradient) for word in importance.words) > 1e-4


def test_the_model_is_left_as_it_was(checkpoint_for):
    model = checkpoint_for("mnli").model
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    word_importance("mnli", checkpoint_for("mnli"), FIELDS["mnli"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())
    assert not model.training


def test_gradients_that_were_there_stay(tiny_checkpoint_for):
    """Another thread may be in the middle of its own work with these weights."""
    checkpoint = load_checkpoint(str(tiny_checkpoint_for("sst2")), TASKS["sst2"])
    weight = checkpoint.model.classifier.weight
    weight.grad = torch.ones_like(weight)
    word_importance("sst2", checkpoint, FIELDS["sst2"])
    assert torch.equal(weight.grad, torch.ones_like(weight))


def test_it_works_where_gradients_are_off(checkpoint_for):
    usual = word_importance("sst2", checkpoint_for("sst2"), FIELDS["sst2"])
    with torch.no_grad():
        off = word_importance("sst2", checkpoint_for("sst2"), FIELDS["sst2"])
    assert [word.gradient for word in off.words] == [word.gradient for word in usual.words]


def test_threads_that_share_a_checkpoint_do_not_disturb_each_other(checkpoint_for):
    checkpoint = checkpoint_for("sst2")
    texts = [{"sentence": "a very long film " * 60}, {"sentence": "short and good"}]
    alone = [word_importance("sst2", checkpoint, text) for text in texts]

    def ask(index):
        if index % 3 == 2:
            return predict("sst2", checkpoint, texts[index % 2])
        return word_importance("sst2", checkpoint, texts[index % 2])

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(12)))
    for index, answer in enumerate(answers):
        if isinstance(answer, WordImportance):
            expected = alone[index % 2]
            assert [word.word for word in answer.words] == [word.word for word in expected.words]
            for one, other in zip(answer.words, expected.words, strict=True):
                assert (one.left_out, one.gradient) == pytest.approx((other.left_out, other.gradient), abs=1e-5)


# -- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Don't go, well-known 3.5.", ["Don't", "go", ",", "well-known", "3.5", "."]),
        ("(good) -- “bad”!", ["(", "good", ")", "-", "-", "“", "bad", "”", "!"]),
        ("Größe Maß Ü", ["Größe", "Maß", "Ü"]),
        ("u\u0308ber alles", ["u\u0308ber", "alles"]),
        ("so 👨\u200d👩\u200d👧 ❤\ufe0f ok", ["so", "👨\u200d👩\u200d👧", "❤\ufe0f", "ok"]),
        ("  two\n lines ", ["two", "lines"]),
        ("", []),
    ],
)
@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_words(text, expected, family, checkpoint_for, roberta_tokenizer):
    tokenizer = checkpoint_for("sst2").tokenizer if family == "bert" else roberta_tokenizer
    if family == "roberta" and "--" in text:
        expected = ["(", "good", ")", "--", "“", "bad", "”!"]  # its own words: marks in a row are one
    assert [text[start:end] for start, end in word_spans(tokenizer, text)] == expected


def test_offsets_count_characters_as_python_does(checkpoint_for):
    text = "😀😀 Ärger 🐝 fun"
    words = word_importance("sst2", checkpoint_for("sst2"), {"sentence": text}).words
    assert [(one.word, one.start, one.end) for one in words] == [
        ("😀😀", 0, 2), ("Ärger", 3, 8), ("🐝", 9, 10), ("fun", 11, 14),
    ]  # fmt: skip


def test_one_word_alone(checkpoint_for):
    """It is compared with an empty text, which `predict` would refuse."""
    checkpoint = checkpoint_for("sst2")
    importance = word_importance("sst2", checkpoint, {"sentence": "good"})
    (word,) = importance.words
    with torch.no_grad():
        empty = checkpoint.model(**checkpoint.tokenizer("", return_tensors="pt")).logits[0].softmax(-1)
    expected = importance.value - float(empty[TASKS["sst2"].label2id[importance.target]])
    assert word.left_out == pytest.approx(expected, abs=1e-5)
    assert importance.rank_correlation is None


def test_a_word_that_is_half_cut_off_is_left_out_whole(checkpoint_for):
    text = "good " * 125 + "unbelievable charm " * 40
    importance = word_importance("sst2", checkpoint_for("sst2"), {"sentence": text})
    assert importance.truncated
    assert importance.words[-1].word in ("unbelievable", "good")
    assert importance.words[-1].end <= text.index("unbelievable") + len("unbelievable")
    assert len(importance.words) <= 126


def test_what_is_beyond_the_limit_has_a_gradient_only(checkpoint_for, monkeypatch):
    monkeypatch.setattr(texts_module, "MAX_LEFT_OUT", 3)
    words = word_importance("sst2", checkpoint_for("sst2"), {"sentence": "one two three four five"}).words
    assert [one.left_out is None for one in words] == [False, False, False, True, True]
    assert all(one.gradient for one in words)


def test_a_long_context_leaves_out_the_words_near_the_answer(checkpoint_for):
    checkpoint = checkpoint_for("squad_v2")
    context = " ".join(f"w{index}" for index in range(300))
    importance = word_importance("squad_v2", checkpoint, {"question": "who " * 80, "context": context})
    asked = [one for one in importance.words if one.field == "question"]
    read = [one for one in importance.words if one.field == "context"]
    tried = [one for one in read if one.left_out is not None]
    assert importance.num_windows > 1
    assert sum(one.left_out is not None for one in asked) == MAX_LEFT_OUT - 60
    assert len(tried) == 20  # a window of 384 tokens is dear
    near = [one for one in read if tried[0].start <= one.start <= tried[-1].start and one not in tried]
    assert all(one.start < importance.end and one.end > importance.start for one in near)
    assert len(read) < 300  # words of other windows are not in the result


def test_a_short_context_leaves_out_sixty(checkpoint_for):
    context = " ".join("abcdefghij"[index % 10] for index in range(150))
    importance = word_importance("squad_v2", checkpoint_for("squad_v2"), {"question": "who", "context": context})
    assert sum(one.left_out is not None for one in importance.words if one.field == "context") == 60


# -- the result ----------------------------------------------------------------------------------------------------


def test_the_rank_correlation_is_over_the_words_left_out(checkpoint_for):
    importance = word_importance("squad_v2", checkpoint_for("squad_v2"), FIELDS["squad_v2"])
    both = [(one.left_out, one.gradient) for one in importance.words if one.left_out is not None]
    assert importance.rank_correlation == spearman(*np.array(both).T)
    assert -1 <= importance.rank_correlation <= 1


@pytest.mark.parametrize("name", FIELDS)
def test_the_result_is_plain_json_and_comes_back(name, checkpoint_for):
    importance = word_importance(name, checkpoint_for(name), FIELDS[name])
    assert from_dict(WordImportance, to_dict(importance)) == importance
    assert importance.milliseconds > 0
    assert dict(importance.fields) == FIELDS[name]


def test_a_checkpoint_by_name(tiny_checkpoint_for):
    folder = str(tiny_checkpoint_for("sst2"))
    by_name = word_importance("sst2", folder, {"sentence": "a good movie"})
    by_object = word_importance(TASKS["sst2"], load_checkpoint(folder, TASKS["sst2"]), {"sentence": "a good movie"})
    assert dataclasses.replace(by_name, milliseconds=0) == dataclasses.replace(by_object, milliseconds=0)


def test_what_predict_refuses_is_refused(checkpoint_for):
    with pytest.raises(DataError, match="The sentence is empty"):
        word_importance("sst2", "bundled", {"sentence": " "})
    with pytest.raises(UnknownName, match="checkpoint 'bundeld'"):
        word_importance("sst2", "bundeld", {"sentence": "fine"})
    with pytest.raises(DataError, match="no word the model can read"):
        word_importance("sst2", checkpoint_for("sst2"), {"sentence": "\ufffd"})
    with pytest.raises(DataError, match="no word the model can read"):
        word_importance("squad_v2", checkpoint_for("squad_v2"), {"question": "who?", "context": "\ufffd"})


def test_half_a_surrogate_pair_is_a_question_mark(checkpoint_for):
    importance = word_importance("sst2", checkpoint_for("sst2"), {"sentence": "fun \ud83d"})
    assert importance.fields["sentence"] == "fun ?"
