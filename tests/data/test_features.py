"""Features: what is cut, how windows overlap, where answers point, how batches are padded and mixed."""

import unicodedata

import pytest
import torch
import transformers

from minilm_demo import models
from minilm_demo.data.encoding import encode_texts, encode_windows
from minilm_demo.data.features import (
    LengthGroupedBatches,
    collate,
    count_tokens,
    train_features,
    window_size,
)
from minilm_demo.data.sources import open_source
from minilm_demo.data.splits import draw
from minilm_demo.errors import DataError
from minilm_demo.tasks import TASKS

SST2, MNLI, STSB, SQUAD_2 = (TASKS[name] for name in ("sst2", "mnli", "stsb", "squad_v2"))


@pytest.fixture(scope="module")
def tokenizer(tiny_checkpoint):
    """WordPiece, nearly one token per letter, so that a short text makes many windows."""
    return transformers.AutoTokenizer.from_pretrained(tiny_checkpoint)


@pytest.fixture(scope="module")
def bundled_tokenizer():
    return transformers.AutoTokenizer.from_pretrained(models.bundled_folder())


# -- texts ---------------------------------------------------------------------------------------------------------


def decoded(tokenizer, ids):
    return tokenizer.convert_ids_to_tokens(ids)


def test_a_single_text_is_cut_at_the_end(tokenizer):
    (short, long) = encode_texts(SST2, tokenizer, [{"sentence": "a good movie"}, {"sentence": "good " * 50}], 16)
    assert decoded(tokenizer, short["input_ids"]) == ["[CLS]", "a", "good", "movie", "[SEP]"]
    assert decoded(tokenizer, long["input_ids"]) == ["[CLS]", *["good"] * 14, "[SEP]"]
    assert set(short) == {"input_ids", "token_type_ids"}


@pytest.mark.parametrize(
    "premise, hypothesis, kept",
    [(3, 4, (3, 4)), (40, 4, (13, 4)), (4, 40, (4, 13)), (10, 7, (10, 7)), (10, 8, (9, 8)), (40, 40, (8, 9))],
)
def test_the_longer_text_of_a_pair_is_cut_first(premise, hypothesis, kept, tokenizer):
    row = {"premise": "good " * premise, "hypothesis": "bad " * hypothesis}
    (feature,) = encode_texts(MNLI, tokenizer, [row], 20)
    tokens = decoded(tokenizer, feature["input_ids"])
    assert tokens == ["[CLS]", *["good"] * kept[0], "[SEP]", *["bad"] * kept[1], "[SEP]"]
    assert feature["token_type_ids"] == [0] * (kept[0] + 2) + [1] * (kept[1] + 1)


def test_counting_tokens_cuts_nothing(tokenizer):
    assert count_tokens(SST2, tokenizer, {"sentence": "good " * 600}) == 602
    assert count_tokens(MNLI, tokenizer, {"premise": "good " * 400, "hypothesis": "bad"}) == 404


def test_no_rows_make_no_features(tokenizer):
    assert encode_texts(SST2, tokenizer, [], 16) == encode_windows(SQUAD_2, tokenizer, [], 64, 8) == []


def test_train_features_carry_the_label(tokenizer):
    rows = [{"sentence": "good", "label": 1}, {"sentence": "bad", "label": 0}]
    assert [feature["labels"] for feature in train_features(SST2, tokenizer, rows, 16, 0)] == [1, 0]
    rows = [{"sentence1": "good", "sentence2": "bad", "label": 3.25}]
    assert [feature["labels"] for feature in train_features(STSB, tokenizer, rows, 16, 0)] == [3.25]


@pytest.mark.parametrize(
    "config, asked, size",
    [
        (transformers.BertConfig(max_position_embeddings=512), None, 384),
        (transformers.BertConfig(max_position_embeddings=512), 600, 512),
        (transformers.BertConfig(max_position_embeddings=512), 64, 64),
        (transformers.BertConfig(max_position_embeddings=128), None, 128),
        (transformers.RobertaConfig(max_position_embeddings=514, pad_token_id=1), 600, 512),
        (transformers.XLMRobertaConfig(max_position_embeddings=130, pad_token_id=1), None, 128),
    ],
)
def test_the_window_fits_the_position_table(config, asked, size):
    assert window_size(SQUAD_2, config, asked) == size


def test_the_widest_roberta_window_runs():
    config = transformers.RobertaConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        max_position_embeddings=40, pad_token_id=1,
    )  # fmt: skip
    model = transformers.RobertaModel(config).eval()
    size = window_size(SST2, config)
    assert model(input_ids=torch.full((1, size), 5)).last_hidden_state.shape[1] == size == 38
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=torch.full((1, size + 1), 5))


# -- windows -------------------------------------------------------------------------------------------------------

CONTEXTS = {
    "plain": "The hall was finished in 1902. Its ceiling was painted by two students of the academy. " * 3,
    "accents": "Ça va? Zoë’s naïve café in São Paulo — “très bien” — coûte 3 £. Ünïcödé ﬁnally. " * 3,
    "emoji": "We 😀 laughed 👩‍👩‍👧 and 🎉🎉 danced 日本 until 5 am. " * 4,
    "spaces": "  Two  spaces,\ttabs\n\nand   line ends.   " * 5,
}


def plain(text):
    """As an uncased WordPiece model sees it: lower case, no accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")


@pytest.mark.parametrize("name", CONTEXTS)
@pytest.mark.parametrize("stride", [0, 8, 20])
def test_windows_cover_the_context_and_overlap_by_the_stride(name, stride, tokenizer):
    context = CONTEXTS[name]
    row = {"question": " Who painted?", "context": context}
    windows = encode_windows(SQUAD_2, tokenizer, [row], 80, stride)
    assert len(windows) > 1
    whole = tokenizer(context, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    question = tokenizer("Who painted?", add_special_tokens=False)["input_ids"]
    tokens, offsets = [], []
    for number, window in enumerate(windows):
        ids = window.inputs["input_ids"]
        assert len(ids) == len(window.offsets) <= 80
        assert ids[: len(question) + 2] == [tokenizer.cls_token_id, *question, tokenizer.sep_token_id]
        inside = [(token, span) for token, span in zip(ids, window.offsets, strict=True) if span is not None]
        assert len(inside) == len(ids) - len(question) - 3
        again = inside[:stride] if number else []
        assert again == list(zip(tokens, offsets, strict=True))[len(tokens) - len(again) :]
        assert len(again) == (stride if number else 0)
        tokens += [token for token, _ in inside[len(again) :]]
        offsets += [span for _, span in inside[len(again) :]]
    assert tokens == whole["input_ids"]
    assert offsets == whole["offset_mapping"]


@pytest.mark.parametrize("name", CONTEXTS)
def test_offsets_are_characters_of_the_context(name, tokenizer):
    context = CONTEXTS[name]
    for window in encode_windows(SQUAD_2, tokenizer, [{"question": "Who?", "context": context}], 80, 8):
        tokens = decoded(tokenizer, window.inputs["input_ids"])
        for token, span in zip(tokens, window.offsets, strict=True):
            if span is not None and token != "[UNK]":
                assert plain(context[slice(*span)]) == token.removeprefix("##")


def test_offsets_of_a_byte_level_tokenizer(roberta_tokenizer):
    """A character of several bytes is several tokens, all pointing at it; no offset holds the space before a word."""
    context = CONTEXTS["plain"] + CONTEXTS["accents"]
    windows = encode_windows(SQUAD_2, roberta_tokenizer, [{"question": "Who?", "context": context}], 100, 20)
    pointed = set()
    for window in windows:
        assert "token_type_ids" not in window.inputs
        assert sum(span is None for span in window.offsets) == len("Who?") + len(["<s>", "</s>", "</s>", "</s>"])
        spans = {span for span in window.offsets if span is not None and span[1] > span[0]}
        assert all(end == start + 1 for start, end in spans)
        pointed |= {start for start, _ in spans}
    assert len(windows) > 1
    assert pointed == {index for index, character in enumerate(context) if not character.isspace()}


def test_several_rows_keep_their_numbers(tokenizer):
    rows = [{"question": "Who?", "context": text} for text in ("good", CONTEXTS["plain"], "bad")]
    windows = encode_windows(SQUAD_2, tokenizer, rows, 80, 8)
    numbers = [window.row for window in windows]
    assert numbers == sorted(numbers)
    assert numbers.count(0) == numbers.count(2) == 1
    assert numbers.count(1) > 1


def test_a_question_without_room_for_the_text_is_refused(tokenizer):
    row = {"question": "what " * 30, "context": "good"}
    assert len(encode_windows(SQUAD_2, tokenizer, [row], 30 + 3 + 10 + 32, 10)) == 1
    with pytest.raises(DataError, match=r"The question has 30 tokens; at most 29 fit .* 74 tokens that overlap by 10"):
        encode_windows(SQUAD_2, tokenizer, [row], 30 + 3 + 10 + 31, 10)
    with pytest.raises(DataError, match="at most 0 fit"):
        encode_windows(SQUAD_2, tokenizer, [row], 16, 5)


# -- where answers point -------------------------------------------------------------------------------------------


def pointed_at(task, tokenizer, rows, max_length, stride):
    """For each row the texts its windows point at, None for a window that points at [CLS]."""
    found = [[] for _ in rows]
    windows = encode_windows(task, tokenizer, rows, max_length, stride)
    features = train_features(task, tokenizer, rows, max_length, stride)
    for window, feature in zip(windows, features, strict=True):
        assert feature["input_ids"] == window.inputs["input_ids"]
        first, last = feature["start_positions"], feature["end_positions"]
        text = rows[window.row]["context"][window.offsets[first][0] : window.offsets[last][1]] if first else None
        assert first or not last
        found[window.row].append(text)
    return found


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_answer_of_the_sample_is_pointed_at_exactly(split, bundled_tokenizer):
    rows = open_source(SQUAD_2, "sample").read(split)
    found = pointed_at(SQUAD_2, bundled_tokenizer, rows, SQUAD_2.max_length, SQUAD_2.doc_stride)
    assert max(map(len, found)) > 1
    for row, texts in zip(rows, found, strict=True):
        answers = row["answers"]["text"]
        assert set(texts) - {None} == set(answers[:1])


def test_answers_of_real_rows_are_pointed_at(real_data, bundled_tokenizer):
    source = open_source(SQUAD_2, str(real_data))
    rows, _ = draw(source.read("train+train_more"), 300, seed=0)
    found = pointed_at(SQUAD_2, bundled_tokenizer, rows, SQUAD_2.max_length, SQUAD_2.doc_stride)
    exact = 0
    for row, texts in zip(rows, found, strict=True):
        answer = row["answers"]["text"][:1]
        told = set(texts) - {None}
        assert len(told) == len(answer)
        if answer:
            (text,) = told
            assert answer[0].strip() in text  # an answer may end within a word: "1940" of "1940s"
            exact += text == answer[0].strip()
    answered = sum(bool(row["answers"]["text"]) for row in rows)
    assert exact >= 0.97 * answered


def test_a_window_without_the_whole_answer_points_at_cls(tokenizer):
    context = "good " * 60 + "Ada Lovelace " + "bad " * 60
    row = {"question": "Who?", "context": context, "answers": {"text": ["Ada Lovelace"], "answer_start": [300]}}
    (texts,) = pointed_at(SQUAD_2, tokenizer, [row], 64, 16)
    assert texts.count("Ada Lovelace") in (1, 2)
    assert texts.count(None) == len(texts) - texts.count("Ada Lovelace") >= 2
    (feature, *_) = train_features(SQUAD_2, tokenizer, [row], 64, 16)
    assert (feature["start_positions"], feature["end_positions"]) == (0, 0)


def test_an_answer_that_a_window_cuts_through_points_at_cls(tokenizer):
    context = "good " * 20 + "one two three four"
    row = {"question": "?", "context": context, "answers": {"text": ["one two three four"], "answer_start": [100]}}
    assert pointed_at(SQUAD_2, tokenizer, [row], 3 + 1 + 22 + 32, 0) == [["one two three four"]]
    long = {
        **row,
        "context": "good " * 52 + context,
        "answers": {"text": ["one two three four"], "answer_start": [360]},
    }
    assert pointed_at(SQUAD_2, tokenizer, [long], 4 + 74, 0) == [[None, None]]  # two words in each window
    assert pointed_at(SQUAD_2, tokenizer, [long], 4 + 74, 8) == [[None, "one two three four"]]


def test_the_first_of_several_answers_counts_and_no_answer_points_at_cls(tokenizer):
    answers = {"text": ["two", "one two"], "answer_start": [4, 0]}
    rows = [
        {"question": "?", "context": "one two three", "answers": answers},
        {"question": "?", "context": "one two three", "answers": {"text": [], "answer_start": []}},
    ]
    assert pointed_at(SQUAD_2, tokenizer, rows, 64, 8) == [["two"], [None]]


# -- batches -------------------------------------------------------------------------------------------------------


def test_a_batch_is_padded_to_its_own_longest():
    features = [
        {"input_ids": [5, 6, 7], "token_type_ids": [0, 1, 1], "labels": 1},
        {"input_ids": [8], "token_type_ids": [1], "labels": 0},
    ]
    batch = collate(features, pad_token_id=9)
    assert {name: tensor.tolist() for name, tensor in batch.items()} == {
        "input_ids": [[5, 6, 7], [8, 9, 9]],
        "token_type_ids": [[0, 1, 1], [1, 0, 0]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "labels": [1, 0],
    }
    assert batch["labels"].dtype == torch.int64
    assert collate([{"input_ids": [1], "labels": 2.5}], 0)["labels"].dtype == torch.float32


LENGTHS = [5 + (index * 7919) % 60 for index in range(1003)]


def grouped(lengths, *args, **options):
    return LengthGroupedBatches(len(lengths), lambda rows: [lengths[row] for row in rows], *args, **options)


def padding(batches):
    return sum(max(LENGTHS[i] for i in batch) * len(batch) - sum(LENGTHS[i] for i in batch) for batch in batches)


def test_every_row_comes_once_an_epoch():
    batches = grouped(LENGTHS, 32, seed=0)
    for epoch in range(3):
        batches.epoch = epoch
        made = list(batches)
        assert len(made) == len(batches) == 32
        assert sorted(index for batch in made for index in batch) == list(range(1003))
        assert sorted(map(len, made)) == [1003 % 32] + [32] * 31


def test_the_order_is_a_function_of_seed_and_epoch():
    def epoch(seed, number):
        batches = grouped(LENGTHS, 32, seed)
        batches.epoch = number
        return list(batches)

    assert epoch(0, 0) == epoch(0, 0)
    assert epoch(0, 1) == epoch(0, 1)
    different = [epoch(0, 0), epoch(0, 1), epoch(1, 0), epoch(1, 1)]
    assert all(a != b for number, a in enumerate(different) for b in different[:number])
    lengths = [max(LENGTHS[i] for i in batch) for batch in epoch(0, 0)]
    assert lengths not in (sorted(lengths), sorted(lengths, reverse=True))


def test_far_less_padding_than_at_random():
    by_length = list(grouped(LENGTHS, 32, seed=0))
    shuffled = torch.randperm(1003, generator=torch.Generator().manual_seed(0)).tolist()
    at_random = [shuffled[start : start + 32] for start in range(0, 1003, 32)]
    assert padding(by_length) < padding(at_random) / 5


@pytest.mark.parametrize("number", [1003, 1024, 64, 63])
def test_two_processes_share_no_row(number):
    ranks = [grouped((LENGTHS * 2)[:number], 16, 0, 2, rank) for rank in (0, 1)]
    for epoch in range(2):
        for one in ranks:
            one.epoch = epoch
        first, second = map(list, ranks)
        assert len(first) == len(second) == len(ranks[0]) == number // 32
        assert all(len(batch) == 16 for batch in first + second)
        rows = [index for batch in first + second for index in batch]
        assert len(rows) == len(set(rows)) == number // 32 * 32


def test_two_processes_wait_little_for_each_other():
    """At each step both have rows of about the same length."""
    first, second = (list(grouped(LENGTHS, 16, 0, 2, rank)) for rank in (0, 1))
    longest = [(max(LENGTHS[i] for i in a), max(LENGTHS[i] for i in b)) for a, b in zip(first, second, strict=True)]
    assert max(abs(a - b) for a, b in longest) <= 4
