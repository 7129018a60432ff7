"""Which words mattered for one answer: two well-known methods, next to each other, neither the whole truth.

*Leave-one-out* (occlusion; Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation Erasure"):
the model's value minus its value without the word. All shortened inputs go through one batched forward pass.
*Gradient × input* (Simonyan, Vedaldi & Zisserman 2013; Shrikumar et al. 2016): the gradient of the value with respect
to the word's embedding, times the embedding, summed over the word's pieces. One backward pass.

What is explained, and in which unit, depends on the kind of task:

==============  ==========================================  ===================================
kind            leave-one-out                               gradient × input
==============  ==========================================  ===================================
classification  probability of the predicted label, 0..1    logit of the predicted label
regression      the score, in points of the task's scale    the same
span            start logit + end logit of the best span    the same
==============  ==========================================  ===================================

Both are positive where the word speaks for the answer. Texts are shortened as a person would do it, in the text; for
span tasks the word's tokens are taken out of the window in which the answer was found, so that one window stays one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..data import PlacedWord, encodable, features, place_words, word_spans
from ..errors import DataError
from ..models import Checkpoint, cached_checkpoint
from ..results import Prediction, WordImportance, WordWeight
from ..tasks import Task, get_task
from .metrics import spearman
from .prediction import forward, predict, softmax

MAX_LEFT_OUT = 128  # words left out one by one
MAX_CONTEXT_LEFT_OUT = 60  # of them in the context of a span task, the nearest to the answer
MIN_CONTEXT_LEFT_OUT = 20
MAX_SPAN_TOKENS = 12_000  # read in all for a span task, a few seconds on two cores: long windows leave out fewer words
MIN_WORDS_TO_RANK = 3  # two orders of fewer words say nothing about each other


def word_importance(task: Task | str, checkpoint: Checkpoint | str, fields: Mapping[str, str]) -> WordImportance:
    """How much each word of one input mattered for what `predict` answers; `fields` as there.

    Words that the model does not read (cut off, or outside the window of the answer) are not in the result. A span
    task explains its best span even where "no answer" wins. Raises what `predict` raises, and `DataError` for a text
    without a single token."""
    started = time.perf_counter()
    task = get_task(task) if isinstance(task, str) else task
    prediction = predict(task, checkpoint, fields)
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = cached_checkpoint(str(checkpoint), task)
    row = {field: encodable(fields[field]) for field in task.text_fields}
    case = (_span_case if task.kind == "span" else _text_case)(task, checkpoint, row, prediction)
    left_out = _leave_one_out(checkpoint, case)
    gradient = _gradient_times_input(checkpoint.model, case)
    both = [(left_out[index], gradient[index]) for index in sorted(left_out)]
    best = prediction.candidates[0] if task.kind == "span" else None
    return WordImportance(
        task=task.name,
        checkpoint=checkpoint.name,
        milliseconds=(time.perf_counter() - started) * 1000,
        fields=row,
        target=prediction.label or "",
        value=case.value,
        words=tuple(
            WordWeight(word.field, row[word.field][word.start : word.end], word.start, word.end, left_out.get(index), g)
            for index, (word, g) in enumerate(zip(case.words, gradient, strict=True))
        ),
        rank_correlation=spearman(*zip(*both, strict=True)) if len(both) >= MIN_WORDS_TO_RANK else None,
        start=best and best.start,
        end=best and best.end,
        no_answer=task.kind == "span" and not prediction.answer,
        truncated=prediction.truncated,
        num_windows=prediction.num_windows,
    )


def without(text: str, start: int, end: int) -> str:
    """The text with the characters start..end deleted, and the space that would be left over beside them."""
    before, after = text[:start], text[end:]
    if not before.strip():
        return after.lstrip()
    return (before.rstrip() if not after or after[0].isspace() else before) + after


@dataclass(frozen=True)
class _Case:
    """One input, its words, and the one number that is explained."""

    inputs: Mapping[str, list[int]]  # input_ids [num_tokens], token_type_ids
    words: Sequence[PlacedWord]
    value: float  # of the whole input
    differentiable: Callable  # model outputs of a batch of one -> the scalar whose gradient is taken
    variants: Mapping[int, Mapping[str, list[int]]]  # index of a word -> the inputs without it
    value_without: Callable[[int, Mapping[str, np.ndarray]], float]  # (index of the word, outputs without it) -> value


def _text_case(task: Task, checkpoint: Checkpoint, row: Mapping[str, str], prediction: Prediction) -> _Case:
    length = features.input_length(task, checkpoint.model.config)
    tokenizer = checkpoint.tokenizer
    with checkpoint.lock:
        spans = [word_spans(tokenizer, text) for text in row.values()]
        encoded = tokenizer(*row.values(), truncation=True, max_length=length, return_offsets_mapping=True)
        parts = list(zip(encoded.sequence_ids(0), enumerate(encoded["offset_mapping"]), strict=True))
        words = [
            word
            for number, (field, text) in enumerate(row.items())
            for word in place_words(field, text, spans[number], [token for part, token in parts if part == number])
        ]
        _check_words(task, words)
        shortened = [
            {**row, word.field: without(row[word.field], word.start, word.end)} for word in words[:MAX_LEFT_OUT]
        ]
        inputs, *variants = features.encode_texts(task, tokenizer, [row, *shortened], length)
    label = task.label2id[prediction.label] if task.kind == "classification" else 0

    def value_without(_: int, output: Mapping[str, np.ndarray]) -> float:
        logits = output["logits"].astype(np.float64)
        return float((softmax(logits) if task.kind == "classification" else logits)[label])

    return _Case(
        inputs,
        words,
        prediction.probabilities[prediction.label] if task.kind == "classification" else prediction.score,
        lambda outputs: outputs.logits[0, label],
        dict(enumerate(variants)),
        value_without,
    )


def _span_case(task: Task, checkpoint: Checkpoint, row: Mapping[str, str], prediction: Prediction) -> _Case:
    if not prediction.candidates:
        raise DataError(
            f"The {task.text_fields[1]} holds no word the model can read, so there is no answer to explain."
        )
    (question_field, question), (context_field, context) = row.items()
    best = prediction.candidates[0]
    window, first, last = _window_of(task, checkpoint, row, best.start, best.end)
    with checkpoint.lock:
        asked = _question_words(checkpoint.tokenizer, question_field, question)
        inside = [(position, span) for position, span in enumerate(window.offsets) if span is not None]
        read = place_words(context_field, context, word_spans(checkpoint.tokenizer, context), inside)
    words = [*asked, *read]
    in_question = range(len(asked))[: MAX_LEFT_OUT - MAX_CONTEXT_LEFT_OUT]
    affordable = MAX_SPAN_TOKENS // len(window.offsets) - len(in_question)
    limit = max(MIN_CONTEXT_LEFT_OUT, min(MAX_CONTEXT_LEFT_OUT, affordable))
    near = _nearest(read, best.start, best.end, limit)
    chosen = [*in_question, *(len(asked) + index for index in near)]

    def value_without(index: int, output: Mapping[str, np.ndarray]) -> float:
        gone = words[index].tokens
        start, end = (position - sum(token < position for token in gone) for position in (first, last))
        return float(output["start_logits"][start] + output["end_logits"][end])

    return _Case(
        window.inputs,
        words,
        best.score,
        lambda outputs: outputs.start_logits[0, first] + outputs.end_logits[0, last],
        {index: _without_tokens(window.inputs, words[index].tokens) for index in chosen},
        value_without,
    )


def _check_words(task: Task, words: Sequence[PlacedWord]) -> None:
    if not words:
        raise DataError(f"The {' and the '.join(task.text_fields)} hold no word the model can read. Write some words.")


def _window_of(task: Task, checkpoint: Checkpoint, row: Mapping[str, str], start: int, end: int):
    """The window in which characters start..end of the context score highest, and their first and last token."""
    length = features.input_length(task, checkpoint.model.config)
    with checkpoint.lock:
        windows = features.encode_windows(
            task, checkpoint.tokenizer, [row], length, min(task.doc_stride, length // 3)
        )  # fmt: skip
    places = []
    for window in windows:
        spans = [(position, span) for position, span in enumerate(window.offsets) if span is not None]
        starts = [position for position, span in spans if span[0] == start]
        ends = [position for position, span in spans if span[1] == end]
        places += [(window, first, last) for first in starts for last in ends if first <= last]
    distinct = list({id(window): window for window, _, _ in places}.values())
    outputs = dict(zip(map(id, distinct), forward(checkpoint, [w.inputs for w in distinct]), strict=True))

    def score(place) -> float:
        window, first, last = place
        return float(outputs[id(window)]["start_logits"][first] + outputs[id(window)]["end_logits"][last])

    return max(places, key=score)


def _question_words(tokenizer, field: str, question: str) -> list[PlacedWord]:
    """The question stands right behind the one token that every input begins with, its leading spaces taken off."""
    text = question.lstrip()
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    shift = len(question) - len(text)
    placed = place_words(field, text, word_spans(tokenizer, text), enumerate(encoded["offset_mapping"], start=1))
    return [PlacedWord(field, word.start + shift, word.end + shift, word.tokens) for word in placed]


def _nearest(words: Sequence[PlacedWord], start: int, end: int, limit: int) -> list[int]:
    """Indices of the `limit` context words nearest to the answer, in order of the text. The answer's own words are not
    among them: without them there is another answer, and its logits do not compare."""
    answer = [index for index, word in enumerate(words) if word.start < end and word.end > start]
    others = [index for index in range(len(words)) if index not in answer]
    return sorted(sorted(others, key=lambda index: min(abs(index - own) for own in answer))[:limit])


def _without_tokens(inputs: Mapping[str, list[int]], gone: Sequence[int]) -> dict[str, list[int]]:
    return {
        name: [value for position, value in enumerate(values) if position not in gone]
        for name, values in inputs.items()
    }


def _leave_one_out(checkpoint: Checkpoint, case: _Case) -> dict[int, float]:
    """Index of a word -> the value minus the value without it, for the words that were left out."""
    outputs = forward(checkpoint, list(case.variants.values()))
    return {
        index: case.value - case.value_without(index, output)
        for index, output in zip(case.variants, outputs, strict=True)
    }


def _gradient_times_input(model, case: _Case) -> list[float]:
    """For each word the sum over its pieces t of ∂value/∂e_t · e_t, e_t [hidden_size] being the word embedding.

    Only the gradient of the embeddings is asked for, so the weights get none, and others may use the model meanwhile.
    """
    import torch

    batch = features.collate([case.inputs], model.config.pad_token_id)
    batch = {name: tensor.to(model.device) for name, tensor in batch.items()}
    embeddings = model.get_input_embeddings()(batch.pop("input_ids")).detach().requires_grad_()
    with torch.enable_grad():
        value = case.differentiable(model(inputs_embeds=embeddings, **batch))
        (gradient,) = torch.autograd.grad(value, embeddings)
    per_token = (gradient * embeddings.detach()).sum(-1)[0].double().cpu().numpy()  # [num_tokens]
    return [float(per_token[list(word.tokens)].sum()) for word in case.words]
