"""What is read out of attention weights, against plain loops and hand-made matrices."""

import dataclasses

import numpy as np
import pytest

from minilm_demo.attention_weights import (
    BEHAVIOURS,
    MIXED,
    answer_tokens,
    check_comparable,
    crossing_heads,
    head_behaviours,
    merge_words,
    pair_mass,
    pool,
    raw_scores,
    rollout,
    span_mass,
    tokens_of,
    word_groups,
)
from minilm_demo.errors import DemoError
from minilm_demo.results import AttentionTrace, Prediction, WordSpan

WORDS = ["[CLS]", "w0", "w1", "##x", "[SEP]", "v0", "v1", "[SEP]"]
SEGMENTS = [0, 0, 0, 0, 0, 1, 1, 1]
WORD_IDS = [None, 0, 1, 1, None, 2, 3, None]
OFFSETS = [None, (0, 2), (3, 5), (5, 6), None, (0, 2), (3, 5), None]
SPANS = [WordSpan(0, 0, 2, "w0"), WordSpan(0, 3, 6, "w1x"), WordSpan(1, 0, 2, "v0"), WordSpan(1, 3, 5, "v1")]
CONTENT = [1, 2, 3, 5, 6]


def random_attentions(layers=2, heads=3, tokens=8, seed=0) -> np.ndarray:
    weights = np.random.default_rng(seed).gamma(0.3, size=(layers, heads, tokens, tokens)) + 1e-9
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def trace_of(attentions, pair=True, **changes) -> AttentionTrace:
    """A trace of the eight tokens above, or of the first five of them alone."""
    number = 8 if pair else 5
    special = [word is None for word in WORD_IDS[:number]]
    values = {
        "checkpoint": "made",
        "texts": ("w0 w1x", "v0 v1") if pair else ("w0 w1x",),
        "tokens": tuple(WORDS[:number]),
        "segment_ids": tuple(SEGMENTS[:number]),
        "special_tokens_mask": tuple(special),
        "separators": tuple(word == "[SEP]" for word in WORDS[:number]),
        "word_ids": tuple(WORD_IDS[:number]),
        "words": tuple(SPANS if pair else SPANS[:2]),
        "attentions": np.asarray(attentions, dtype=np.float32),
        "queries": None,
        "keys": None,
        "values": None,
        "prediction": None,
        "milliseconds": 1.0,
        "truncated": False,
        "offsets": tuple(OFFSETS[:number]),
    }
    return AttentionTrace(**{**values, **changes})


# -- coarser pictures ----------------------------------------------------------------------------------------------


def plain_merge(weights, groups):
    size = max(groups) + 1
    merged = np.zeros((size, size))
    for a in range(size):
        queries = [token for token, group in enumerate(groups) if group == a]
        for b in range(size):
            keys = [token for token, group in enumerate(groups) if group == b]
            merged[a, b] = np.mean([sum(weights[query, key] for key in keys) for query in queries])
    return merged


def test_words_are_summed_over_keys_and_averaged_over_queries():
    trace = trace_of(random_attentions())
    groups, labels = word_groups(trace)
    assert groups == (0, 1, 2, 2, 3, 4, 5, 6)
    assert labels == ("[CLS]", "w0", "w1x", "[SEP]", "v0", "v1", "[SEP]")
    merged = merge_words(trace.attentions, groups)
    assert merged.shape == (2, 3, 7, 7)
    assert np.allclose(merged.sum(-1), 1, atol=1e-6)
    for layer in range(2):
        for head in range(3):
            assert np.allclose(merged[layer, head], plain_merge(trace.head(layer, head), groups), atol=1e-6)
    assert np.allclose(merge_words(trace.head(0, 0), groups), merged[0, 0])


def test_tokens_that_are_words_stay_as_they_are():
    weights = random_attentions()
    assert np.allclose(merge_words(weights, range(8)), weights, atol=1e-7)


@pytest.mark.parametrize(("tokens", "size"), [(10, 3), (8, 8), (512, 32), (33, 32), (5, 1), (100, 7)])
def test_pooling_is_that_of_a_loop(tokens, size):
    weights = random_attentions(1, 2, tokens)
    pooled = pool(weights, size)
    assert pooled.shape == (1, 2, size, size)
    assert np.allclose(pooled.sum(-1), 1, atol=1e-5)
    borders = [int(cell * tokens / size) for cell in range(size + 1)]
    assert borders == [cell * tokens // size for cell in range(size + 1)]
    for a in range(size):
        for b in range(size):
            block = weights[0, 1, borders[a] : borders[a + 1], borders[b] : borders[b + 1]].astype(np.float64)
            assert pooled[0, 1, a, b] == pytest.approx(block.sum(1).mean(), abs=1e-6)


@pytest.mark.parametrize("size", [0, 9])
def test_there_is_no_cell_without_a_token(size):
    with pytest.raises(ValueError, match=f"8 tokens cannot be pooled to {size} cells"):
        pool(random_attentions(), size)


def test_rollout_is_that_of_a_loop():
    attentions = random_attentions(4, 3, 6)
    rolled = rollout(attentions)
    expected = np.zeros((6, 6))
    for start in range(6):  # follow one position of the last layer down to the tokens
        shares = [float(position == start) for position in range(6)]
        for layer in reversed(attentions.astype(np.float64)):
            below = [0.0] * 6
            for query in range(6):
                for key in range(6):
                    below[key] += shares[query] * (0.5 * layer[:, query, key].mean() + 0.5 * (query == key))
            shares = below
        expected[start] = shares
    assert rolled.dtype == np.float32
    assert np.allclose(rolled, expected, atol=1e-6)
    assert np.allclose(rolled.sum(-1), 1, atol=1e-6)


def test_the_rollout_of_looking_at_oneself_is_staying_there():
    assert np.array_equal(rollout(np.tile(np.eye(5), (3, 2, 1, 1))), np.eye(5))


# -- one head ------------------------------------------------------------------------------------------------------


def test_raw_scores_are_scaled_products():
    generator = np.random.default_rng(1)
    queries, keys = generator.normal(size=(2, 2, 3, 8, 16)).astype(np.float32)
    trace = trace_of(random_attentions(), queries=queries, keys=keys)
    scores = raw_scores(trace, 1, 2)
    assert (scores.shape, scores.dtype) == ((8, 8), np.float32)
    assert scores[3, 5] == pytest.approx(sum(queries[1, 2, 3] * keys[1, 2, 5]) / 4, abs=1e-5)


def test_raw_scores_need_queries_and_keys():
    with pytest.raises(DemoError, match=r"holds no queries and keys\. Trace the text with with_qkv=True"):
        raw_scores(trace_of(random_attentions()), 0, 0)


# -- two texts, an answer ------------------------------------------------------------------------------------------


def test_pair_mass_is_that_of_a_loop():
    trace = trace_of(random_attentions())
    mass = pair_mass(trace)
    own = {0: [1, 2, 3], 1: [5, 6]}
    assert mass.shape == (2, 3, 2, 2)
    for a in (0, 1):
        for b in (0, 1):
            block = trace.attentions[1, 2][np.ix_(own[a], own[b])].astype(np.float64)
            assert mass[1, 2, a, b] == pytest.approx(block.sum(1).mean(), abs=1e-6)
    specials = trace.attentions[1, 2][:, [0, 4, 7]].sum(1)
    assert mass[1, 2, 0].sum() + specials[own[0]].mean() == pytest.approx(1, abs=1e-6)


def test_pair_mass_of_one_text_has_one_block():
    mass = pair_mass(trace_of(random_attentions(tokens=5), pair=False))
    assert mass[..., 0, 0].all()
    assert not mass[..., 1].any() and not mass[..., 1, :].any()


def test_the_heads_that_cross_most_come_first():
    trace = trace_of(random_attentions())
    mass = pair_mass(trace)
    both = {(layer, head): mass[layer, head, [0, 1], [1, 0]].mean() for layer in range(2) for head in range(3)}
    found = crossing_heads(trace, number=4)
    assert [place[:2] for place in found] == sorted(both, key=both.get, reverse=True)[:4]
    assert [value for *_, value in found] == pytest.approx([both[place[:2]] for place in found])
    assert all(type(value) in (int, float) for place in found for value in place)
    assert len(crossing_heads(trace)) == 5
    assert crossing_heads(trace_of(random_attentions(tokens=5), pair=False)) == []


def test_the_mass_on_an_answer():
    prediction = Prediction("squad_v2", "made", 1.0, answer="v1", start=3, end=5)
    trace = trace_of(random_attentions(), prediction=prediction)
    assert answer_tokens(trace) == (6,)
    assert np.allclose(span_mass(trace, (6,)), trace.attentions[:, :, [1, 2, 3], 6].mean(-1), atol=1e-6)
    both = trace.attentions[:, :, [1, 2, 3]][..., [5, 6]].sum(-1).mean(-1)
    assert np.allclose(span_mass(trace, (5, 6)), both, atol=1e-6)
    assert np.allclose(span_mass(trace, (2, 3)), trace.attentions[:, :, 1, 2:4].sum(-1), atol=1e-6)  # not from itself
    assert not span_mass(trace, ()).any()
    assert not span_mass(trace, (1, 2, 3)).any()


@pytest.mark.parametrize(("start", "end", "tokens"), [(3, 6, (2, 3)), (5, 6, (3,)), (0, 6, (1, 2, 3)), (2, 3, ())])
def test_tokens_of_some_characters(start, end, tokens):
    assert tokens_of(trace_of(random_attentions()), 0, start, end) == tokens


# -- what a head does ----------------------------------------------------------------------------------------------


def spread(target, strength, tokens=8):
    """Each row gives `strength` to its target column, if it has one, and the rest evenly to [CLS] and itself."""
    weights = np.zeros((tokens, tokens))
    for row in range(tokens):
        weights[row, 0] += (1 - strength) / 2
        weights[row, row] += (1 - strength) / 2
        weights[row, target(row)] += strength
    return weights


MADE = {
    "previous": spread(lambda row: max(row - 1, 0), 0.8),
    "next": spread(lambda row: min(row + 1, 7), 0.8),
    "same": spread(lambda row: row, 0.8),
    "separator": spread(lambda row: 4, 0.8),
    "cross_sentence": spread(lambda row: 6 if row < 4 else 2, 0.8),
    "broad": np.full((8, 8), 1 / 8),
    MIXED: spread(lambda row: 0, 0.9),
}


@pytest.mark.parametrize("name", MADE)
def test_a_head_is_named_after_what_it_does(name):
    """Content rows only: what [CLS] and [SEP] look at does not count."""
    weights = MADE[name].copy()
    weights[[0, 4, 7]] = np.eye(8)[0]
    ((found,),) = head_behaviours(trace_of(weights[None, None]))
    assert found.label == name
    assert set(found.scores) == {kind.name for kind in BEHAVIOURS}
    assert all(0 <= score <= 1.0001 for score in found.scores.values())


def test_scores_are_those_of_a_loop():
    trace = trace_of(random_attentions())
    scores = head_behaviours(trace)[1][2].scores
    rows = [trace.attentions[1, 2, query].astype(np.float64) for query in CONTENT]
    other = [[5, 6], [5, 6], [5, 6], [1, 2, 3], [1, 2, 3]]
    expected = {
        "previous": [row[query - 1] for query, row in zip(CONTENT, rows, strict=True)],
        "next": [row[query + 1] for query, row in zip(CONTENT, rows, strict=True)],
        "same": [row[query] for query, row in zip(CONTENT, rows, strict=True)],
        "separator": [row[4] + row[7] for row in rows],
        "cross_sentence": [row[keys].sum() for keys, row in zip(other, rows, strict=True)],
        "broad": [-sum(w * np.log(w) for w in row) / np.log(8) for row in rows],
    }
    assert scores == pytest.approx({name: np.mean(values) for name, values in expected.items()}, abs=1e-5)


def test_another_behaviour_goes_before_broad():
    """Even weights over a pair cross the border of the texts as well."""
    even = np.zeros((8, 8))
    even[:, CONTENT] = 0.2
    ((found,),) = head_behaviours(trace_of(even[None, None]))
    assert found.scores["cross_sentence"] == pytest.approx(0.48)
    assert found.label == "cross_sentence"


def test_a_single_text_has_nothing_to_cross():
    ((found,),) = head_behaviours(trace_of(np.full((1, 1, 5, 5), 0.2), pair=False))
    assert found.scores["cross_sentence"] is None
    assert found.label == "broad"


def test_one_token_says_nothing_about_a_head():
    trace = trace_of(
        np.eye(3)[None, None], pair=False, tokens=("[CLS]", "w0", "[SEP]"), segment_ids=(0, 0, 0),
        special_tokens_mask=(True, False, True), separators=(False, False, True), word_ids=(None, 0, None),
    )  # fmt: skip
    ((found,),) = head_behaviours(trace)
    assert (found.label, found.scores["same"], found.scores["broad"]) == (MIXED, 1, 0)


# -- two traces ----------------------------------------------------------------------------------------------------


def test_what_is_compared_needs_one_shape_and_one_text():
    trace = trace_of(random_attentions())
    check_comparable(trace, trace_of(random_attentions(seed=2)))
    wider = trace_of(random_attentions(heads=4), checkpoint="wider")
    with pytest.raises(DemoError, match="made has 2 layers of 3 heads, wider 2 layers of 4 heads"):
        check_comparable(trace, wider)
    with pytest.raises(DemoError, match="The traces have 8 and 5 tokens"):
        check_comparable(trace, trace_of(random_attentions(tokens=5), pair=False))
    another = dataclasses.replace(trace, tokens=(*trace.tokens[:5], "u0", *trace.tokens[6:]))
    with pytest.raises(DemoError, match="Token 5 is 'v0' in one trace and 'u0' in the other"):
        check_comparable(trace, another)
