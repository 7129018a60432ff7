"""Which words mattered for one answer, by two methods. Neither is the whole truth.

*Leave-one-out* (occlusion; Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation Erasure"):
the model's value minus its value without the word. All shortened inputs go through the model in batches.
*Gradient × input* (Simonyan, Vedaldi & Zisserman 2013; Shrikumar et al. 2016): the gradient of the value with respect
to the word's embedding, times the embedding, summed over the word's pieces. One backward pass.

The explained value and its unit depend on the kind of task:

==============  ==========================================  ===================================
kind            leave-one-out                               gradient × input
==============  ==========================================  ===================================
classification  probability of the predicted label, 0..1    logit of the predicted label
regression      the score, in points of the task's scale    the same
span            start logit + end logit of the best span    the same
==============  ==========================================  ===================================

Both are positive if the word supports the answer. Leave-one-out deletes the word from the text; in span tasks it
removes the word's tokens from the window of the answer, because a shorter text could fall into other windows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..data import encodable, features
from ..models import Checkpoint, answered_task, cached_checkpoint
from ..results import WordImportance, WordWeight
from ..tasks import Task, get_task
from .forward import forward
from .kinds import Case, kind_of
from .metrics import spearman
from .prediction import predict

MIN_WORDS_TO_RANK = 3  # a rank correlation of fewer words means nothing


def word_importance(task: Task | str, checkpoint: Checkpoint | str, fields: Mapping[str, str]) -> WordImportance:
    """How much each word of one input mattered for the answer of `predict`, whose arguments these are.

    The result has no words that the model does not read (truncated, or outside the window of the answer). In span tasks
    the best span is explained, even if "no answer" wins. Raises what `predict` raises, and `DataError` for a text
    without a token."""
    started = time.perf_counter()
    task = answered_task(get_task(task) if isinstance(task, str) else task, checkpoint)
    prediction = predict(task, checkpoint, fields)
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = cached_checkpoint(str(checkpoint), task)
    row = {field: encodable(fields[field]) for field in task.text_fields}
    case = kind_of(task).case(task, checkpoint, row, prediction)
    start, end = case.span
    left_out = _leave_one_out(checkpoint, case)
    gradient = _gradient_times_input(checkpoint.model, case)
    pairs = [(left_out[index], gradient[index]) for index in sorted(left_out)]
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
        rank_correlation=spearman(*zip(*pairs, strict=True)) if len(pairs) >= MIN_WORDS_TO_RANK else None,
        start=start,
        end=end,
        no_answer=case.no_answer,
        truncated=prediction.truncated,
        num_windows=prediction.num_windows,
    )


def _leave_one_out(checkpoint: Checkpoint, case: Case) -> dict[int, float]:
    """Index of a word -> the value minus the value without it, for every variant of the case."""
    outputs = forward(checkpoint, list(case.variants.values()))
    return {
        index: case.value - case.value_without(index, output)
        for index, output in zip(case.variants, outputs, strict=True)
    }


def _gradient_times_input(model, case: Case) -> list[float]:
    """For each word the sum over its pieces t of ∂value/∂e_t · e_t, e_t [hidden_size] being the word embedding.

    Only the gradient of the embeddings is computed. The weights get none, so other threads may use the model meanwhile.
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
