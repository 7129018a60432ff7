"""What the attention explorer computes in the browser, against attention_weights.py, numpy and scipy on the same random
numbers."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

from minilm_demo.attention_weights import merge_words, rollout, word_groups
from minilm_demo.views.bundle import bundle

LAYERS, HEADS, SIZE = 3, 4, 11
SHAPE = {"layers": LAYERS, "heads": HEADS, "size": SIZE}
WORDS = [{"text": text, "segment": segment} for text, segment in (("unbelievable", 0), ("heat", 0), ("rewarmed", 1))]
TOKENS = {
    "texts": ["[CLS]", "un", "##believ", "##able", "heat", "[SEP]", "re", "##warm", "##ed", "☃", "[SEP]"],
    "segments": [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
    "special": [True, False, False, False, False, True, False, False, False, False, True],
    "words": [None, 0, 0, 0, 1, None, 2, 2, 2, None, None],  # one token that no word holds
}
GROUP_OF = [0, 1, 1, 1, 2, 3, 4, 4, 4, 5, 6]
SURFACE, TEAL, BLUE, ORANGE = [255, 255, 255], [13, 148, 136], [37, 99, 235], [234, 88, 12]

# Arrays of numbers come as {float32: [..]}; typed arrays leave as lists.
CALL = """([name, given]) => {
  const arrays = (value) => (value && value.float32 ? Float32Array.from(value.float32) : value);
  const result = weights[name](...given.map(arrays));
  return ArrayBuffer.isView(result) ? Array.from(result) : result;
}"""


@pytest.fixture
def weights(page):
    """weights(name, *arguments): what weights[name] returns; numpy arrays arrive as Float32Array."""
    page.goto("about:blank")
    page.add_script_tag(content=bundle("shared/weights.js", "weights"))

    def call(name, *arguments):
        given = [{"float32": one.ravel().tolist()} if isinstance(one, np.ndarray) else one for one in arguments]
        return page.evaluate(CALL, [name, given])

    return call


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture
def attentions(random):
    """[LAYERS, HEADS, SIZE, SIZE], as peaky as real ones, every row summing to 1."""
    return softmax(2.5 * random.normal(size=(LAYERS, HEADS, SIZE, SIZE)), axis=-1).astype(np.float32)


def square(values) -> np.ndarray:
    return np.reshape(values, (int(len(values) ** 0.5), -1))


# -- from the payload ----------------------------------------------------------------------------------------------


def test_decode_squares_bytes(weights):
    every_byte = base64.b64encode(bytes(range(256))).decode()
    assert weights("decode", every_byte) == pytest.approx((np.arange(256) / 255) ** 2, abs=1e-7)
    assert weights("decode", "") == []


def test_decode_floats_is_exact(weights, random):
    values = np.concatenate([random.normal(size=20), [0, -1e-38, 3e38]]).astype("<f4")
    assert weights("decodeFloats", base64.b64encode(values.tobytes()).decode()) == values.tolist()


def test_groups_of_words_and_of_tokens(weights):
    words = [SimpleNamespace(text=word["text"]) for word in WORDS]
    trace = SimpleNamespace(tokens=TOKENS["texts"], word_ids=TOKENS["words"], words=words)
    group_of, labels = word_groups(trace)
    found = weights("groups", TOKENS, True, WORDS)
    assert tuple(found["of"]) == group_of
    assert tuple(label["text"] for label in found["labels"]) == labels
    assert [label["tokens"] for label in found["labels"]] == [[0], [1, 2, 3], [4], [5], [6, 7, 8], [9], [10]]
    assert [label["segment"] for label in found["labels"]] == [0, 0, 0, 0, 1, 1, 1]
    assert [label["special"] for label in found["labels"]] == [True, False, False, True, False, False, True]

    single = weights("groups", TOKENS, False, WORDS)
    assert single["of"] == list(range(SIZE))
    assert [label["text"] for label in single["labels"]] == TOKENS["texts"]
    assert [label["tokens"] for label in single["labels"]] == [[token] for token in range(SIZE)]


# -- choosing and combining heads ----------------------------------------------------------------------------------


def test_head_is_a_view_of_one_head(weights, attentions, page):
    assert weights("head", attentions, SHAPE, 2, 1) == attentions[2, 1].ravel().tolist()
    shares = """(shape) => {
      const all = new Float32Array(shape.layers * shape.heads * shape.size ** 2);
      return weights.head(all, shape, 1, 2).buffer === all.buffer;
    }"""
    assert page.evaluate(shares, SHAPE)


@pytest.mark.parametrize("layer, head", [(1, "mean"), ("mean", 3), ("mean", "mean"), (2, 0)])
def test_average_over_heads_or_layers(weights, attentions, layer, head):
    layers = slice(None) if layer == "mean" else [layer]
    heads = slice(None) if head == "mean" else [head]
    expected = attentions[layers][:, heads].mean(axis=(0, 1))
    found = weights("average", attentions, SHAPE, {"layer": layer, "head": head})
    assert square(found) == pytest.approx(expected, abs=1e-6)


def test_rollout_is_the_product_of_halved_layers(weights, attentions):
    found = square(weights("rollout", attentions, SHAPE))
    assert found == pytest.approx(rollout(attentions), abs=1e-6)
    assert found.sum(axis=1) == pytest.approx(np.ones(SIZE), abs=1e-5)


# -- one matrix ----------------------------------------------------------------------------------------------------


def test_merge_keeps_the_sums_of_rows(weights, attentions):
    groups = weights("groups", TOKENS, True, WORDS)
    found = square(weights("merge", attentions[1, 2], SIZE, groups))
    assert found == pytest.approx(merge_words(attentions[1, 2], GROUP_OF), abs=1e-6)
    assert found.sum(axis=1) == pytest.approx(np.ones(7), abs=1e-5)


def test_merge_of_single_tokens_changes_nothing(weights, attentions):
    groups = weights("groups", TOKENS, False, WORDS)
    assert weights("merge", attentions[0, 0], SIZE, groups) == attentions[0, 0].ravel().tolist()


def test_visible_leaves_out_special_tokens(weights):
    labels = weights("groups", TOKENS, True, WORDS)["labels"]
    assert weights("visible", labels, True) == [1, 2, 4, 5]
    assert weights("visible", labels, False) == list(range(7))


def test_hidden_share_is_the_mass_that_is_not_shown(weights, attentions):
    labels = weights("groups", TOKENS, True, WORDS)["labels"]
    matrix = merge_words(attentions[0, 3], GROUP_OF)
    hidden = matrix[np.ix_([1, 2, 4, 5], [0, 3, 6])].sum(axis=1).mean()
    assert weights("hiddenShare", matrix, labels, [1, 2, 4, 5]) == pytest.approx(hidden, abs=1e-6)
    assert weights("hiddenShare", matrix, labels, list(range(7))) == 0
    assert weights("hiddenShare", matrix, labels, []) == 0


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9, 1])
@pytest.mark.parametrize("signed", [False, True])
def test_keep_top_is_the_smallest_set_that_covers_the_share(weights, attentions, share, signed):
    rows, columns = [1, 4, 7], [0, 1, 3, 4, 7, 9]
    matrix = attentions[1, 1] - attentions[0, 1] if signed else attentions[1, 1]
    expected = np.zeros_like(matrix)
    for row in rows:
        sizes = np.abs(matrix[row, columns]).astype(float)
        largest = np.argsort(-sizes)
        needed = 1 + np.argmax(np.cumsum(sizes[largest]) >= share * sizes.sum() - 1e-9)
        for place in largest[:needed]:
            expected[row, columns[place]] = matrix[row, columns[place]]
    assert np.array_equal(square(weights("keepTop", matrix, rows, columns, share)), expected)


def test_keep_top_of_equal_weights_keeps_no_more_than_needed(weights):
    even = np.full((4, 4), 0.25, np.float32)
    assert square(weights("keepTop", even, [2], [0, 1, 2, 3], 0.5)).tolist()[2] == [0.25, 0.25, 0, 0]
    assert not any(weights("keepTop", np.zeros((4, 4)), [0, 1], [0, 1], 1))


def test_sum_rows_is_the_mean_of_chosen_rows(weights, attentions):
    found = weights("sumRows", attentions[2, 2], [1, 5, 6])
    assert found == pytest.approx(attentions[2, 2][[1, 5, 6]].mean(axis=0), abs=1e-6)
    assert sum(found) == pytest.approx(1, abs=1e-5)


def test_subtract(weights, attentions):
    found = weights("subtract", attentions[0, 0], attentions[1, 0])
    assert found == (attentions[0, 0] - attentions[1, 0]).ravel().tolist()


@pytest.mark.parametrize("number", [1, 5, 1000])
def test_strongest_are_the_largest_weights_in_order(weights, attentions, number):
    rows, columns = [0, 2, 3, 9], [1, 2, 8, 10]
    matrix = attentions[0, 1] - attentions[0, 2]
    cells = sorted(((row, column) for row in rows for column in columns), key=lambda cell: -abs(matrix[cell]))
    found = weights("strongest", matrix, rows, columns, number)
    assert [(one["from"], one["to"]) for one in found] == cells[:number]
    assert [one["weight"] for one in found] == [float(matrix[cell]) for cell in cells[:number]]


def test_strongest_names_no_weight_of_nothing(weights):
    matrix = np.zeros((3, 3), np.float32)
    matrix[[0, 1, 2], [2, 1, 1]] = 0.25
    found = weights("strongest", matrix, [0, 1, 2], [0, 1, 2], 8)
    assert [(one["from"], one["to"]) for one in found] == [(0, 2), (1, 1), (2, 1)]


def test_softmax_of_a_row_shows_its_steps(weights, random):
    scores = [*random.normal(scale=5, size=8), 800.0]  # exp(800) alone would overflow
    scores = [None if key == 3 else float(score) for key, score in enumerate(scores)]
    found = weights("softmaxRow", scores)
    expected = softmax([-np.inf if score is None else score for score in scores])
    assert found["largest"] == 800
    assert found["weights"] == pytest.approx(expected)
    assert found["weights"][3] == found["exponentials"][3] == 0
    assert found["exponentials"][8] == 1
    assert found["sum"] == pytest.approx(sum(found["exponentials"]))


# -- two lists of numbers ------------------------------------------------------------------------------------------


# -- colours -------------------------------------------------------------------------------------------------------


def test_colour_goes_by_the_square_root(weights):
    assert weights("colour", 0, 0.5, [SURFACE, TEAL]) == SURFACE
    assert weights("colour", 0.5, 0.5, [SURFACE, TEAL]) == TEAL
    assert weights("colour", 0.9, 0.5, [SURFACE, TEAL]) == TEAL
    assert weights("colour", 0.125, 0.5, [SURFACE, TEAL]) == pytest.approx(np.mean([SURFACE, TEAL], axis=0), abs=0.5)
    assert weights("colour", 0, 0, [SURFACE, TEAL]) == SURFACE


def test_colour_of_differences_is_symmetric(weights):
    scheme, swapped = [BLUE, SURFACE, ORANGE], [ORANGE, SURFACE, BLUE]
    assert weights("colour", -0.2, 0.2, scheme) == BLUE
    assert weights("colour", 0, 0.2, scheme) == SURFACE
    assert weights("colour", 0.2, 0.2, scheme) == ORANGE
    for value in (-0.7, -0.1, 0.03, 0.4):
        assert weights("colour", value, 0.6, scheme) == weights("colour", -value, 0.6, swapped)
