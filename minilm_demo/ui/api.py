"""The named HTTP endpoints, usable from `gradio_client` and curl: the same jobs as the page, typed and documented."""

from __future__ import annotations

import gradio as gr

from .. import views
from ..data import local_sources
from ..errors import DemoError
from ..jobs import DistillConfig, TrainConfig
from ..results import DISTILL, FINETUNE, to_dict
from ..serving import AT_ONCE, MOST_AT_ONCE, allowed_checkpoint, default_answerer, predict_together, run_task
from ..tasks import Task, get_task, skill_tasks
from .attention_tab import look
from .distil_panel import checked_probe
from .distillation_tab import FIRST_RECIPE, FIRST_STUDENT, FIRST_TEACHER, pairing
from .finetune_tab import EVAL_EXAMPLES
from .following import run_view, stop_run
from .handlers import QUEUE, says_errors

OPEN_DATA = ("auto", "mirror", "hub", "sample")  # what a visitor may name; never a path of the server


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
    candidates = skill_tasks(skill)
    checkpoint = checkpoint or default_answerer(skill)
    if checkpoint is None:
        raise DemoError(f"No model for {skill} here yet. Start one with /start_finetune, or name a checkpoint.")
    checkpoint = allowed_checkpoint(checkpoint)
    task = run_task(checkpoint, candidates, texts)
    fields = dict(zip(task.text_fields, texts, strict=True))
    values = to_dict(predict_together(task, checkpoint, fields))
    return {name: value for name, value in values.items() if value not in (None, (), [])} | _spans(task, values)


def _spans(task, values: dict) -> dict:
    """Offsets are given as null when there is no answer, not left out."""
    return {name: values[name] for name in ("answer", "start", "end")} if task.kind == "span" else {}


def trace_attention(text: str, text_pair: str = "", checkpoint: str = "bundled") -> dict:
    """The attention of every layer and head. `attentions` is base64 of little-endian float32 with the shape `shape`:
    layers, heads, tokens from, tokens to; every row sums to 1."""
    trace = look(text, text_pair, checkpoint).trace()
    return {
        "checkpoint": checkpoint,
        "tokens": list(trace.tokens),
        "segment_ids": list(trace.segment_ids),
        "shape": list(trace.attentions.shape),
        "attentions": views.floats(trace.attentions),
        "truncated": trace.truncated,
    }


def distillation_targets(
    text: str,
    text_pair: str = "",
    teacher: str = FIRST_TEACHER,
    student: str = FIRST_STUDENT,
    recipe: str = FIRST_RECIPE,
) -> dict:
    """What the teacher asks of the student on one text. For each relation its loss, and in base64 of little-endian
    float32: `teacher` and `student` with the shape `shape` (heads, tokens from, tokens to; every row sums to 1) and
    `divergence`, KL(teacher ‖ student) in nats, of heads x tokens."""
    wanted = pairing(text, text_pair, teacher, student, recipe)
    targets = wanted.targets()
    return {
        "teacher": teacher,
        "student": student,
        "recipe": recipe,
        "badge": wanted.badge().title,
        "tokens": list(targets.tokens),
        "segment_ids": list(targets.segment_ids),
        "shape": [targets.num_relation_heads, len(targets.tokens), len(targets.tokens)],
        "relations": {
            name: {
                "loss": loss,
                "teacher": views.floats(targets.teacher[name]),
                "student": views.floats(targets.student[name]),
                "divergence": views.floats(targets.divergence[name]),
            }
            for name, loss in targets.losses.items()
        },
        "truncated": targets.truncated,
    }


def start_finetune(task: str, seconds: float = 30, data: str = "auto", train_examples: int = 0, seed: int = 0) -> dict:
    """Put a fine-tune in line. Returns {"run": id}; the id is the only key to it. `train_examples` 0 means all."""
    row = get_task(task)
    config = TrainConfig(
        data=_open_data(row, data),
        time_budget=seconds,
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
    recipe: str = FIRST_RECIPE,
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
        data=_open_data(row, data),
        teacher=allowed_checkpoint(teacher, trained=False) if teacher else "",
        layers=layers or None,
        hidden=hidden or None,
        heads=heads or None,
        init=init,
        recipe=recipe,
        loss=loss,
        time_budget=seconds,
        probe=checked_probe(probe),
        seed=seed,
    )
    return {"run": QUEUE.start(DISTILL, row, config)}


def _open_data(task: Task, data: str) -> str:
    """What a visitor names, "auto" as the best source that needs no network."""
    if data not in OPEN_DATA:
        raise DemoError(f"data is '{data}'; it must be one of {', '.join(OPEN_DATA)}.")
    return local_sources(task)[0] if data == "auto" else data


def run_status(run: str, since: int = 0) -> dict:
    """Where a run stands, with what is new since event number `since`."""
    return run_view(run, since)


def stop_run_by_id(run: str) -> dict:
    """Stop a run and keep its best checkpoint."""
    return stop_run({"run": run})
