"""Traces against plain transformers, switched-off heads against zeroed weights; other threads notice nothing."""

import copy
import dataclasses
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import peft
import pytest
import torch
import transformers

from minilm_demo import models, trace_attention
from minilm_demo.attention_weights import answer_tokens, raw_scores
from minilm_demo.errors import DataError, DemoError, UnknownName
from minilm_demo.jobs.attention import METHODS, explain, save_trace
from minilm_demo.jobs.forward import softmax
from minilm_demo.jobs.importance import word_importance
from minilm_demo.jobs.metrics import spearman
from minilm_demo.jobs.prediction import predict
from minilm_demo.models.loading import Checkpoint, load_checkpoint
from minilm_demo.tasks import TASKS

PAIR = ("A man isn't asleep on the 3.5 m long bench.", "Nobody is unbelievably awake.")
EMOJI = "so 👨\u200d👩\u200d👧 happy 😀"
HEBREW = "הסרט היה טוב מאוד"
FIELDS = {
    "sst2": ("a good movie , isn't it ?",),
    "mnli": ("a man is asleep", "nobody is awake"),
    "stsb": ("a cat sleeps", "the cat is asleep"),
    "squad_v2": ("who fed the bees ?", "in spring the old keeper's son fed the bees at noon ."),
}


@pytest.fixture(scope="module")
def bundled():
    return load_checkpoint("bundled")


@pytest.fixture(scope="module")
def plain():
    """The bundled weights as anybody would load them: tokenizer and eager model of plain transformers."""
    folder = models.bundled_folder()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return tokenizer, transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()


def plain_attentions(plain, *texts, **changes) -> np.ndarray:
    tokenizer, model = plain
    inputs = tokenizer(*texts, return_tensors="pt", truncation=True, max_length=512)
    with torch.inference_mode():
        return torch.cat(model(**{**inputs, **changes}, output_attentions=True).attentions).numpy()


@pytest.fixture(scope="module")
def tiny(tiny_checkpoint_for):
    """Task name -> the tiny checkpoint with weights so large that every head matters."""
    loaded = {}

    def tiny(name):
        if name not in loaded:
            loaded[name] = load_checkpoint(str(tiny_checkpoint_for(name)), TASKS[name])
            make_lively(loaded[name].model)
        return loaded[name]

    return tiny


@pytest.fixture(scope="module")
def roberta(roberta_tokenizer):
    """A random two-layer RoBERTa with a byte-level tokenizer and an output layer of two labels."""
    config = transformers.RobertaConfig(
        vocab_size=len(roberta_tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=130, type_vocab_size=1, pad_token_id=1, num_labels=2,
        attn_implementation="eager",
    )  # fmt: skip
    model = transformers.RobertaForSequenceClassification(config).eval()
    make_lively(model)
    return Checkpoint("roberta", roberta_tokenizer, model, None)


def make_lively(model):
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)


# -- exactness -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "texts", [PAIR, PAIR[:1], ("a",), (EMOJI, HEBREW), ("<img src=x onerror=alert(1)> ${document.title}",)]
)
def test_attentions_are_those_of_the_model(bundled, plain, texts):
    trace = trace_attention(bundled, *texts)
    expected = plain_attentions(plain, *texts)
    assert np.array_equal(trace.attentions, expected)
    assert trace.attentions.dtype == np.float32
    assert (trace.num_layers, trace.num_heads, trace.num_tokens) == expected.shape[:3]
    assert list(trace.tokens) == plain[0].convert_ids_to_tokens(plain[0](*texts)["input_ids"])
    assert np.allclose(trace.attentions.sum(-1), 1, atol=1e-5)


def test_a_checkpoint_by_name_is_the_same(bundled):
    assert np.array_equal(trace_attention("bundled", *PAIR).attentions, trace_attention(bundled, *PAIR).attentions)


@pytest.mark.parametrize("masked", [(), (2, 5)])
def test_queries_and_keys_make_the_weights(bundled, masked):
    trace = trace_attention(bundled, *PAIR, with_qkv=True, masked_tokens=masked)
    assert trace.queries.shape == trace.keys.shape == trace.values.shape == (6, 12, trace.num_tokens, 32)
    open_keys = np.setdiff1d(np.arange(trace.num_tokens), masked)
    for layer in range(6):
        for head in range(12):
            scores = raw_scores(trace, layer, head)
            assert scores.dtype == np.float32
            weights = trace.head(layer, head)
            assert np.abs(softmax(scores[:, open_keys]) - weights[:, open_keys]).max() < 1e-5
            assert not weights[:, list(masked)].any()


def test_queries_keys_and_values_are_the_projections_of_what_enters_the_layer(bundled, plain):
    trace = trace_attention(bundled, *PAIR, with_qkv=True)
    tokenizer, model = plain
    with torch.inference_mode():
        states = model(**tokenizer(*PAIR, return_tensors="pt"), output_hidden_states=True).hidden_states
        for layer, module in enumerate(model.encoder.layer):
            attention = module.attention.self
            pairs = zip((trace.queries, trace.keys, trace.values), ("query", "key", "value"), strict=True)
            for ours, name in pairs:
                whole = getattr(attention, name)(states[layer])[0].numpy()
                assert np.abs(np.concatenate(list(ours[layer]), axis=-1) - whole).max() < 1e-5


def test_without_asking_there_is_no_qkv(bundled):
    trace = trace_attention(bundled, "fine")
    assert trace.queries is trace.keys is trace.values is None
    assert trace.prediction is None


@pytest.mark.parametrize("masked", [(1,), (0,), (3, 9, 17)])
def test_masked_keys_are_those_of_an_attention_mask(bundled, plain, masked):
    trace = trace_attention(bundled, *PAIR, masked_tokens=masked)
    mask = torch.ones(1, trace.num_tokens, dtype=torch.long)
    mask[0, list(masked)] = 0
    assert np.array_equal(trace.attentions, plain_attentions(plain, *PAIR, attention_mask=mask))
    assert trace.masked_tokens == masked
    assert not trace.attentions[..., list(masked)].any()
    assert np.allclose(trace.attentions.sum(-1), 1, atol=1e-5)


# -- switched-off heads --------------------------------------------------------------------------------------------


def test_no_head_switched_off_changes_nothing(tiny):
    usual = trace_attention(tiny("mnli"), *FIELDS["mnli"], task="mnli")
    same = trace_attention(tiny("mnli"), *FIELDS["mnli"], task="mnli", ablated_heads=())
    assert np.array_equal(usual.attentions, same.attentions)
    assert usual.prediction.probabilities == same.prediction.probabilities


@pytest.mark.parametrize("heads", [[(2, head) for head in range(12)], [(0, 3)], [(5, 0), (1, 11), (1, 2)]])
def test_a_head_without_values_is_switched_off(bundled, plain, heads):
    """Independently: a copy of the model whose value projection of these heads is zero, so that they pass on zero."""
    tokenizer, model = plain
    silenced = copy.deepcopy(model)
    with torch.no_grad():
        for layer, head in heads:
            value = silenced.encoder.layer[layer].attention.self.value
            value.weight[32 * head : 32 * (head + 1)] = 0
            value.bias[32 * head : 32 * (head + 1)] = 0
    trace = trace_attention(bundled, *PAIR, ablated_heads=heads)
    assert np.abs(trace.attentions - plain_attentions((tokenizer, silenced), *PAIR)).max() < 1e-6
    assert trace.ablated_heads == tuple(sorted(heads))
    first = min(layer for layer, _ in heads)
    usual = trace_attention(bundled, *PAIR)
    assert np.array_equal(trace.attentions[: first + 1], usual.attentions[: first + 1])  # itself and all below
    assert first == 5 or not np.allclose(trace.attentions[first + 1 :], usual.attentions[first + 1 :], atol=1e-3)


def test_all_heads_of_a_layer_off_is_its_attention_output_without_context(tiny):
    """The layer's own output projection then sees zeros: its output is its bias."""
    checkpoint = tiny("sst2")
    seen = {}
    dense = checkpoint.model.base_model.encoder.layer[1].attention.output.dense
    handle = dense.register_forward_hook(lambda module, inputs, output: seen.update(output=output[0]))
    try:
        trace_attention(checkpoint, *FIELDS["sst2"], ablated_heads=[(1, 0), (1, 1)])
    finally:
        handle.remove()
    assert torch.equal(seen["output"], dense.bias.detach().expand_as(seen["output"]))


def test_the_model_is_left_without_hooks(tiny):
    checkpoint = tiny("sst2")
    usual = predict("sst2", checkpoint, {"sentence": FIELDS["sst2"][0]})
    changed = trace_attention(checkpoint, *FIELDS["sst2"], task="sst2", with_qkv=True, ablated_heads=[(0, 1), (1, 0)])
    again = predict("sst2", checkpoint, {"sentence": FIELDS["sst2"][0]})
    assert again.probabilities == usual.probabilities != changed.prediction.probabilities
    for layer in checkpoint.model.base_model.encoder.layer:
        for module in (layer.attention.self.query, layer.attention.output.dense):
            assert not module._forward_hooks and not module._forward_pre_hooks


def test_another_thread_predicts_as_ever_while_heads_are_off(tiny):
    """The tracing thread stands still in the middle of its pass, all hooks set, until the other has its answer."""
    checkpoint, fields = tiny("sst2"), {"sentence": FIELDS["sst2"][0]}
    heads = [(layer, head) for layer in range(2) for head in range(2)]
    alone = trace_attention(checkpoint, *FIELDS["sst2"], task="sst2", with_qkv=True, ablated_heads=heads)
    usual = predict("sst2", checkpoint, fields)
    assert usual.probabilities != alone.prediction.probabilities
    hooked, answered = threading.Event(), threading.Event()
    tracer = []

    def stand_still(module, inputs):
        if threading.get_ident() in tracer:
            hooked.set()
            assert answered.wait(60)

    def trace(_):
        tracer.append(threading.get_ident())
        return trace_attention(checkpoint, *FIELDS["sst2"], task="sst2", with_qkv=True, ablated_heads=heads)

    handle = checkpoint.model.base_model.encoder.layer[1].register_forward_pre_hook(stand_still)
    try:
        with ThreadPoolExecutor(1) as pool:
            traced = pool.submit(trace, None)
            assert hooked.wait(60)
            meanwhile = predict("sst2", checkpoint, fields)
            longer = predict("sst2", checkpoint, {"sentence": "another , much longer text " * 5})
            answered.set()
            trace = traced.result()
    finally:
        answered.set()
        handle.remove()
    assert meanwhile.probabilities == usual.probabilities
    assert (
        longer.probabilities
        == predict("sst2", checkpoint, {"sentence": "another , much longer text " * 5}).probabilities
    )
    assert np.array_equal(trace.attentions, alone.attentions)
    assert np.array_equal(trace.queries, alone.queries) and np.array_equal(trace.values, alone.values)
    assert trace.prediction.probabilities == alone.prediction.probabilities


def test_many_threads_trace_and_predict_at_once(tiny):
    checkpoint = tiny("sst2")
    texts = ["short and good", "a very long film " * 12]
    changes = [(), ((0, 0),), ((1, 1), (0, 1))]

    def trace(index):
        heads = changes[index % 3]
        return trace_attention(checkpoint, texts[index % 2], task="sst2", with_qkv=True, ablated_heads=heads)

    alone = [trace(index) for index in range(6)]
    with ThreadPoolExecutor(4) as pool:
        traces = list(pool.map(trace, range(24)))
    for index, found in enumerate(traces):
        expected = alone[index % 6]
        assert np.allclose(found.attentions, expected.attentions, atol=1e-6)
        assert np.allclose(found.keys, expected.keys, atol=1e-5)
        assert found.prediction.probabilities == pytest.approx(expected.prediction.probabilities, abs=1e-6)


# -- what was read -------------------------------------------------------------------------------------------------


def test_segments_words_and_special_tokens_of_a_pair(bundled):
    trace = trace_attention(bundled, *PAIR)
    words = [(word.segment, word.text) for word in trace.words]
    assert words == [
        *((0, word) for word in ["A", "man", "isn't", "asleep", "on", "the", "3.5", "m", "long", "bench", "."]),
        *((1, word) for word in ["Nobody", "is", "unbelievably", "awake", "."]),
    ]
    assert all(PAIR[word.segment][word.start : word.end] == word.text for word in trace.words)
    assert (trace.tokens[0], trace.tokens[-1], trace.is_pair) == ("[CLS]", "[SEP]", True)
    border = trace.tokens.index("[SEP]")
    assert trace.segment_ids == (0,) * (border + 1) + (1,) * (trace.num_tokens - border - 1)
    special = [0, border, trace.num_tokens - 1]
    assert [index for index, is_special in enumerate(trace.special_tokens_mask) if is_special] == special
    assert [index for index, is_separator in enumerate(trace.separators) if is_separator] == special[1:]
    assert [index for index, word in enumerate(trace.word_ids) if word is None] == special
    pieces = {}
    for token, word in zip(trace.tokens, trace.word_ids, strict=True):
        pieces.setdefault(word, []).append(token.removeprefix("##"))
    assert {word: "".join(own) for word, own in pieces.items() if word is not None} == {
        index: word.text.lower() for index, word in enumerate(trace.words)
    }
    assert (trace.texts, trace.checkpoint, trace.truncated) == (PAIR, "bundled", False)
    assert trace.milliseconds > 0


def test_the_segments_are_the_models_own_token_types(bundled, plain):
    assert list(trace_attention(bundled, *PAIR).segment_ids) == plain[0](*PAIR)["token_type_ids"]


@pytest.mark.parametrize("text", [EMOJI, HEBREW, "  two\n lines ", "Größe u\u0308ber"])
def test_characters_count_as_python_counts_them(bundled, text):
    trace = trace_attention(bundled, text)
    assert all(text[word.start : word.end] == word.text != "" for word in trace.words)
    for word, span in zip(trace.word_ids, trace.offsets, strict=True):
        assert (word is None) == (span is None)
        assert span is None or trace.words[word].start <= span[0] < span[1] <= trace.words[word].end


def test_a_separator_in_the_text_is_a_token_like_others(bundled):
    trace = trace_attention(bundled, "one [SEP] two")
    assert trace.tokens == ("[CLS]", "one", "[SEP]", "two", "[SEP]")
    assert trace.special_tokens_mask == (True, False, False, False, True)
    assert trace.separators == (False, False, False, False, True)


@pytest.mark.parametrize("texts", [("word " * 600,), ("word " * 600, "short one"), ("short one", "word " * 600)])
def test_512_tokens(bundled, plain, texts):
    trace = trace_attention(bundled, *texts)
    assert trace.attentions.shape == (6, 12, 512, 512)
    assert trace.truncated
    assert np.abs(trace.attentions - plain_attentions(plain, *texts)).max() < 1e-6
    assert {word.segment for word in trace.words} == set(range(len(texts)))
    assert sum(word.text in ("short", "one") for word in trace.words) == 2 * (len(texts) - 1)


def test_a_text_that_just_fits_is_not_cut(bundled):
    assert not trace_attention(bundled, "word " * 510).truncated
    assert trace_attention(bundled, "word " * 511).truncated


def test_half_a_surrogate_pair_is_a_question_mark(bundled):
    assert trace_attention(bundled, "fun \ud83d").texts == ("fun ?",)


def test_roberta(roberta):
    trace = trace_attention(roberta, "so good", "an ü 😀 end", task="mrpc", with_qkv=True)
    inputs = roberta.tokenizer("so good", "an ü 😀 end", return_tensors="pt")
    with torch.inference_mode():
        output = roberta.model(**inputs, output_attentions=True)
    assert np.array_equal(trace.attentions, torch.cat(output.attentions).numpy())
    logits = output.logits[0].double().softmax(-1).tolist()
    assert list(trace.prediction.probabilities.values()) == pytest.approx(logits)
    assert np.abs(softmax(raw_scores(trace, 1, 0)) - trace.head(1, 0)).max() < 1e-5
    first = trace.tokens.index("</s>")
    assert trace.tokens[first : first + 2] == ("</s>", "</s>")
    assert trace.segment_ids == (0,) * (first + 2) + (1,) * (trace.num_tokens - first - 2)
    assert sum(trace.separators) == 3 and sum(trace.special_tokens_mask) == 4
    assert [word.text for word in trace.words] == ["so", "good", "an", "ü", "😀", "end"]
    assert trace.tokens[4] == "Ġ" or trace.word_ids[3] == 1  # the space before a word is a token of the word's
    limit = trace_attention(roberta, "word " * 60)
    assert (limit.num_tokens, limit.truncated) == (128, True)  # two of 130 positions are reserved


# -- the answer of the same pass -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIELDS)
def test_the_prediction_is_that_of_predict(tiny, name):
    task = TASKS[name]
    trace = trace_attention(tiny(name), *FIELDS[name], task=name)
    expected = predict(task, tiny(name), dict(zip(task.text_fields, FIELDS[name], strict=True)))
    got, wanted = (dataclasses.asdict(one) for one in (trace.prediction, expected))
    for values in (got, wanted):
        values.pop("milliseconds")
    for field, value in wanted.items():
        if field == "candidates":
            assert [one["text"] for one in got[field]] == [one["text"] for one in value]
        elif isinstance(value, float | dict):
            assert got[field] == pytest.approx(value, abs=1e-5)
        else:
            assert got[field] == value
    assert trace.prediction.milliseconds == trace.milliseconds


def test_the_encoder_below_an_output_layer_is_the_same(tiny):
    with_task = trace_attention(tiny("mnli"), *FIELDS["mnli"], task=TASKS["mnli"])
    assert np.array_equal(with_task.attentions, trace_attention(tiny("mnli"), *FIELDS["mnli"]).attentions)


def test_the_answers_tokens(tiny):
    question, context = FIELDS["squad_v2"]
    checkpoint = tiny("squad_v2")
    trace = trace_attention(checkpoint, f"  {question}", context, task="squad_v2")
    assert trace.texts == (question, context)  # as `predict` reads a question
    best = trace.prediction.candidates[0]
    answered = dataclasses.replace(trace.prediction, answer=best.text, start=best.start, end=best.end)
    tokens = answer_tokens(dataclasses.replace(trace, prediction=answered))
    assert tokens and {trace.segment_ids[token] for token in tokens} == {1}
    said = "".join(trace.tokens[token].removeprefix("##") for token in tokens)
    assert said == best.text.replace(" ", "")
    nothing = dataclasses.replace(trace.prediction, answer="", start=None, end=None)
    assert answer_tokens(dataclasses.replace(trace, prediction=nothing)) == ()
    assert answer_tokens(dataclasses.replace(trace, prediction=None)) == ()


def test_a_long_context_is_cut_and_the_question_stays(tiny):
    trace = trace_attention(tiny("squad_v2"), "who fed the bees ?", "the bees " * 400, task="squad_v2")
    assert trace.truncated and trace.prediction.truncated
    assert [word.text for word in trace.words[:5]] == ["who", "fed", "the", "bees", "?"]


def test_a_masked_word_can_change_the_answer(tiny):
    trace = trace_attention(tiny("sst2"), *FIELDS["sst2"], task="sst2")
    masked = trace_attention(tiny("sst2"), *FIELDS["sst2"], task="sst2", masked_tokens=[3, 2, 3])
    assert masked.masked_tokens == (2, 3)
    assert masked.prediction.probabilities != trace.prediction.probabilities


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft 0.21's own
def test_a_model_with_an_adapter_in_training_is_traced(tiny):
    """As a run with `--method lora` sees its own model between two steps."""
    checkpoint = tiny("sst2")
    usual = trace_attention(checkpoint, *FIELDS["sst2"], task="sst2")
    config = peft.LoraConfig(r=2, target_modules=["query", "value"])
    model = peft.get_peft_model(copy.deepcopy(checkpoint.model), config).eval()
    trace = trace_attention(dataclasses.replace(checkpoint, model=model), *FIELDS["sst2"], task="sst2")
    assert np.allclose(trace.attentions, usual.attentions, atol=1e-6)  # a fresh adapter changes nothing


# -- is it an explanation? -----------------------------------------------------------------------------------------


def plain_rollout(attentions):
    rolled = np.eye(attentions.shape[-1])
    for layer in attentions.astype(np.float64):
        rolled = (0.5 * layer.mean(0) + 0.5 * np.eye(len(rolled))) @ rolled
    return rolled


@pytest.mark.parametrize("name", FIELDS)
def test_explain_sets_three_methods_side_by_side(tiny, name):
    checkpoint, task = tiny(name), TASKS[name]
    found = explain(name, checkpoint, *FIELDS[name])
    trace = trace_attention(checkpoint, *FIELDS[name], task=name)
    importance = word_importance(name, checkpoint, dict(zip(task.text_fields, FIELDS[name], strict=True)))
    assert [(word.segment, word.start, word.end, word.text) for word in found.words] == [
        (word.segment, word.start, word.end, word.text) for word in trace.words
    ]
    assert [word.index for word in found.words] == list(range(len(trace.words)))
    assert [word.left_out for word in found.words] == pytest.approx([w.left_out for w in importance.words], abs=1e-5)
    assert [word.gradient for word in found.words] == pytest.approx([w.gradient for w in importance.words], abs=1e-4)
    rolled = plain_rollout(trace.attentions)
    rows = [0]
    if name == "squad_v2":
        best = trace.prediction.candidates[0]
        answer = dataclasses.replace(trace.prediction, start=best.start, end=best.end)
        rows = list(answer_tokens(dataclasses.replace(trace, prediction=answer)))
    for word in found.words:
        tokens = [token for token, own in enumerate(trace.word_ids) if own == word.index]
        assert word.rollout == pytest.approx(rolled[rows].mean(0)[tokens].sum(), abs=1e-5)
    columns = [[getattr(word, field) for word in found.words] for field in ("rollout", "left_out", "gradient")]
    for index, column in enumerate(columns):
        known = {place: abs(value) for place, value in enumerate(column) if value is not None}
        assert found.top[index] == max(known, key=known.get)
    for (one, other), value in found.correlations.items():
        first, second = columns[METHODS.index(one)], columns[METHODS.index(other)]
        both = [(abs(a), abs(b)) for a, b in zip(first, second, strict=True) if None not in (a, b)]
        assert value == pytest.approx(spearman(*zip(*both, strict=True)))
    assert list(found.correlations) == [METHODS[:2], METHODS[::2], METHODS[1:]]
    assert (found.task, found.checkpoint, found.texts) == (name, checkpoint.name, FIELDS[name])


def test_fewer_than_three_words_have_no_order(tiny):
    found = explain("sst2", tiny("sst2"), "fine film")
    assert set(found.correlations.values()) == {None}
    assert None not in found.top


def test_a_long_text_is_read_as_far_by_every_method(tiny):
    found = explain("sst2", tiny("sst2"), "word " * 200)
    assert all(word.gradient is not None for word in found.words)
    assert all(word.rollout > 0 for word in found.words)


def test_words_that_only_the_trace_read_have_a_rollout_alone(tiny):
    """The answer's window of a long context is another one than the trace's, which begins at its start."""
    found = explain("squad_v2", tiny("squad_v2"), "who?", " ".join(["word"] * 600))
    read = [word for word in found.words if word.gradient is not None]
    assert 0 < len(read) < len(found.words)
    assert all(word.left_out is None for word in found.words if word.gradient is None)
    assert all(word.rollout > 0 for word in found.words)


# -- saving, errors ------------------------------------------------------------------------------------------------


def test_a_saved_trace_opens_without_pickle(bundled, tmp_path):
    trace = trace_attention(bundled, EMOJI, HEBREW)
    memory = io.BytesIO()
    save_trace(trace, memory)
    save_trace(trace, tmp_path / "trace.npz")
    for file in (tmp_path / "trace.npz", io.BytesIO(memory.getvalue())):
        with np.load(file, allow_pickle=False) as opened:
            assert set(opened.files) == {"tokens", "segment_ids", "attentions"}
            assert opened["tokens"].tolist() == list(trace.tokens)
            assert opened["segment_ids"].tolist() == list(trace.segment_ids)
            assert np.array_equal(opened["attentions"], trace.attentions)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("",), "The text is empty. Write some words"),
        ((" \n",), "The text is empty"),
        ((None,), "The text is empty"),
        (("fine", ""), "The second text is empty"),
        (("", "fine"), "The first text is empty"),
        (("a" * 100_001,), "The text has 100,001 characters; at most 100,000 are read"),
        (("\u200b\x07",), "The text is empty"),
        (("\ufffd",), "The text holds no word the model can read"),
        (("fine", "\ufffd"), "The second text holds no word the model can read"),
    ],
)
def test_a_text_that_cannot_be_read_is_one_sentence(bundled, texts, said):
    with pytest.raises(DataError, match=said):
        trace_attention(bundled, *texts)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"masked_tokens": [5]}, "There is no token 5 to mask: this input has tokens 0 to 4"),
        ({"masked_tokens": [-1]}, "There is no token -1 to mask"),
        ({"masked_tokens": range(5)}, "All 5 tokens are masked: leave at least one"),
        ({"ablated_heads": [(6, 0)]}, "no layer 6, head 0 to switch off: bundled has layers 0 to 5 and heads 0 to 11"),
        ({"ablated_heads": [(0, 12)]}, "no layer 0, head 12"),
        ({"ablated_heads": [(-1, 0)]}, "no layer -1, head 0"),
        ({"task": "mnli"}, r"mnli reads 2 texts \(premise, hypothesis\); 1 came"),
        ({"task": "sst3"}, "Unknown task 'sst3'"),
    ],
)
def test_what_is_not_there_is_one_sentence(bundled, changes, said):
    with pytest.raises(DemoError, match=said):
        trace_attention(bundled, "a good movie", **changes)


def test_a_checkpoint_that_is_not_there_or_has_no_output_layer():
    with pytest.raises(UnknownName, match="checkpoint 'bundeld'"):
        trace_attention("bundeld", "fine")
    with pytest.raises(DemoError, match="no trained output layer for sst2"):
        trace_attention("bundled", "fine", task="sst2")


def test_a_question_that_fills_the_window_is_refused(tiny):
    with pytest.raises(DataError, match="The question has 600 tokens; at most"):
        trace_attention(tiny("squad_v2"), "who " * 600, "a text", task="squad_v2")
