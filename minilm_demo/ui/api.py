"""The named HTTP endpoints, usable from `gradio_client` and curl: the same jobs as the page, typed and documented."""

from __future__ import annotations

import gradio as gr

from ..errors import DemoError
from ..jobs import DistillConfig, TrainConfig
from ..results import DISTILL, FINETUNE
from ..serving import (
    AT_ONCE,
    FIRST_PAIRING,
    MOST_AT_ONCE,
    Look,
    Pairing,
    Question,
    boxed_texts,
    default_answerer,
    default_start,
    open_data,
    resolve,
    text_to_watch,
)
from ..tasks import get_task
from ..views.documents import attention_with_arrays, prediction_document, targets_with_arrays
from .choices import EVAL_EXAMPLES
from .following import run_document, run_view, stop_run
from .handlers import QUEUE, says_errors


def add_endpoints() -> None:
    """Register all endpoints with the page being built."""
    for endpoint in (predict_sentiment, predict_nli, predict_paraphrase, answer_question):
        gr.api(says_errors(endpoint), concurrency_id="predict", concurrency_limit=MOST_AT_ONCE)
    gr.api(says_errors(trace_attention), concurrency_id="attention", concurrency_limit=AT_ONCE)
    gr.api(says_errors(distillation_targets), concurrency_id="distillation", concurrency_limit=AT_ONCE)
    for endpoint in (start_finetune, start_distillation, run_status, stop_run_by_id):
        gr.api(says_errors(endpoint), api_name=endpoint.__name__.removesuffix("_by_id"))


def predict_sentiment(sentence: str, checkpoint: str = "") -> dict:
    """Is the sentence positive or negative? `checkpoint`: a catalog name or run id, "" for the shipped skill."""
    return _answer("sentiment", checkpoint, sentence)


def predict_nli(premise: str, hypothesis: str, checkpoint: str = "") -> dict:
    """Does the hypothesis follow from the premise? Probabilities of entailment, neutral, contradiction."""
    return _answer("nli", checkpoint, premise, hypothesis)


def predict_paraphrase(text1: str, text2: str, checkpoint: str = "") -> dict:
    """Do the two sentences or questions mean the same?"""
    return _answer("paraphrase", checkpoint, text1, text2)


def answer_question(question: str, context: str, checkpoint: str = "") -> dict:
    """The answer as a span of the context: character offsets, end exclusive; null without an answer."""
    return _answer("qa", checkpoint, question, context)


def _answer(skill: str, checkpoint: str, *texts: str) -> dict:
    name = checkpoint or default_answerer(skill)
    if name is None:
        raise DemoError(f"No model for {skill} here yet. Start one with /start_finetune, or name a checkpoint.")
    return prediction_document(Question(skill, texts, name).prediction())


def trace_attention(text: str, text_pair: str = "", checkpoint: str = "bundled") -> dict:
    """The attention of every layer and head. `attentions` is base64 of little-endian float32 with the shape `shape`:
    layers, heads, tokens from, tokens to; every row sums to 1."""
    return attention_with_arrays(Look(boxed_texts((text, text_pair)), checkpoint).trace)


def distillation_targets(
    text: str,
    text_pair: str = "",
    teacher: str = FIRST_PAIRING.teacher,
    student: str = FIRST_PAIRING.student,
    recipe: str = FIRST_PAIRING.recipe,
) -> dict:
    """What the teacher asks of the student on one text. For each relation its loss, and in base64 of little-endian
    float32: `teacher` and `student` with the shape `shape` (heads, tokens from, tokens to; every row sums to 1) and
    `divergence`, KL(teacher ‖ student) in nats, of heads x tokens."""
    pairing = Pairing(boxed_texts((text, text_pair)), teacher, student, recipe)
    return targets_with_arrays(pairing.targets, pairing.badge)


def start_finetune(task: str, seconds: float = 0, data: str = "auto", train_examples: int = 0, seed: int = 0) -> dict:
    """Put a fine-tune in line. Returns {"run": id}; the id is the only key to it. `train_examples` 0 means all,
    `seconds` 0 the task's own time. On the bundled sample a run starts from the shipped skill that suits the task, if
    there is one."""
    row = get_task(task)
    source = open_data(row, data)
    config = TrainConfig(
        checkpoint=default_start(row, source),
        data=source,
        time_budget=seconds or row.sample_seconds,
        train_examples=train_examples or None,
        seed=seed,
        eval_examples=EVAL_EXAMPLES,
    )
    return {"run": QUEUE.start(FINETUNE, row, config)}


def start_distillation(
    task: str = "sst2",
    seconds: float = 30,
    data: str = "auto",
    teacher: str = "",
    layers: int = 0,
    hidden: int = 0,
    heads: int = 0,
    init: str = "random",
    recipe: str = FIRST_PAIRING.recipe,
    loss: str = "",
    probe: str = "",
    seed: int = 0,
) -> dict:
    """Put a distillation on the texts of a task in line. Returns {"run": id}; the id is the only key to it, and the
    student's name afterwards. `teacher`: a catalog name or run id, "" for the default; sizes of 0: what suits the
    teacher; `init`: "random" or "teacher"; `loss`: "at", "vr", "qq,kk", …, "" for all; `probe`: a sentence to watch."""
    row = get_task(task)
    config = DistillConfig(
        task=row.name,
        data=open_data(row, data),
        teacher=resolve(teacher, trained=False).name if teacher else "",
        layers=layers or None,
        hidden=hidden or None,
        heads=heads or None,
        init=init,
        recipe=recipe,
        loss=loss,
        time_budget=seconds,
        probe=text_to_watch(probe),
        seed=seed,
    )
    return {"run": QUEUE.start(DISTILL, row, config)}


def run_status(run: str, since: int = 0) -> dict:
    """Where a run stands, with what is new since event number `since`, and its result once there is one."""
    return run_document(run) | run_view(run, since)


def stop_run_by_id(run: str) -> dict:
    """Stop a run and keep its best checkpoint."""
    return run_document(run) | stop_run({"run": run})
