"""The named HTTP endpoints, usable from `gradio_client` and curl: the same jobs as the page, typed and documented."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import gradio as gr
from gradio.utils import get_function_description, get_upload_folder, is_in_or_equal

from .. import serving
from ..data import LabelMeaning
from ..errors import DataError, DemoError
from ..jobs import DistillConfig, TrainConfig, with_rows_of_own
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
from ..views.documents import (
    attention_with_arrays,
    evaluation_document,
    importance_document,
    prediction_document,
    targets_with_arrays,
)
from .choices import EVAL_EXAMPLES
from .following import run_document
from .handlers import QUEUE, says_errors


def add_endpoints() -> None:
    """Register all endpoints with the page being built."""
    for endpoint in (predict_sentiment, predict_nli, predict_paraphrase, answer_question, predict_own):
        _add(endpoint, concurrency_id="predict", concurrency_limit=MOST_AT_ONCE)
    _add(explain_words, concurrency_id="importance", concurrency_limit=2)
    _add(trace_attention, concurrency_id="attention", concurrency_limit=AT_ONCE)
    _add(distillation_targets, concurrency_id="distillation", concurrency_limit=AT_ONCE)
    _add(score_file, concurrency_id="scoring", concurrency_limit=1)
    _add(start_finetune, TrainConfig)
    _add(start_distillation, DistillConfig)
    _add(run_status)
    _add(stop_run_by_id, api_name="stop_run")


def _add(endpoint: Callable[..., dict], config: type | None = None, **options) -> None:
    """Register an endpoint, described by its docstring: its own lines, one for each argument, and the answer's.

    An argument that is a field of `config` and is not in the docstring is described by the field's help text. `gr.api`
    numbers arguments and answers ("1st") and leaves out what is said of them."""
    dependency = gr.api(says_errors(endpoint), **options)
    registered = gr.context.Context.root_block.fns[dependency["id"]]
    helps = {option.name: option.metadata.get("help", "") for option in fields(config)} if config else {}
    _, arguments, returns = get_function_description(endpoint)
    inputs = [(name, description or helps[name]) for name, description in arguments.items()]
    (answer,) = registered.outputs
    described = [*zip(registered.inputs, inputs, strict=True), (answer, ("answer", " ".join(returns)))]
    for component, (name, description) in described:
        component.label = name
        component._api_info |= {"description": description, "additional_description": description}


def predict_sentiment(sentence: str, checkpoint: str = "") -> dict:
    """Is the sentence positive or negative?

    Args:
        sentence: the text, in English.
        checkpoint: a shipped skill, a model of the catalog or a run's id; "" for the shipped skill.
    Returns:
        `label`, `probabilities` (label -> 0 to 1), `checkpoint`, `milliseconds`, and what was read of the text.
    """
    return _answer("sentiment", checkpoint, sentence)


def predict_nli(premise: str, hypothesis: str, checkpoint: str = "") -> dict:
    """Does the second sentence follow from the first?

    Args:
        premise: the first sentence, taken as true.
        hypothesis: the second sentence.
        checkpoint: a shipped skill, a model of the catalog or a run's id; "" for the shipped skill.
    Returns:
        `label` (entailment, neutral or contradiction), `probabilities` (label -> 0 to 1), `checkpoint`, `milliseconds`.
    """
    return _answer("nli", checkpoint, premise, hypothesis)


def predict_paraphrase(text1: str, text2: str, checkpoint: str = "") -> dict:
    """Do the two sentences, or two questions, mean the same?

    Args:
        text1: one sentence or question.
        text2: the other one.
        checkpoint: a shipped skill, a model of the catalog or a run's id; "" for the shipped skill.
    Returns:
        `label`, `probabilities` (label -> 0 to 1), `checkpoint`, `milliseconds`, and what was read of the texts.
    """
    return _answer("paraphrase", checkpoint, text1, text2)


def answer_question(question: str, context: str, checkpoint: str = "") -> dict:
    """The answer to a question as a part of a text, or none.

    Args:
        question: one question.
        context: the text with the answer, of any length.
        checkpoint: a shipped skill, a model of the catalog or a run's id; "" for the shipped skill.
    Returns:
        `answer`, `start`, `end` (characters of the context, end exclusive; null without an answer), `no_answer_score`.
    """
    return _answer("qa", checkpoint, question, context)


def predict_own(text: str, checkpoint: str, second_text: str = "") -> dict:
    """What does a model trained on a table of one's own make of a text?

    Args:
        text: the text, or the first of a pair.
        checkpoint: the id of the run that trained the model.
        second_text: the second text; "" for a model of single texts.
    Returns:
        `label` and `probabilities` (label -> 0 to 1), or `score` for numbers; `checkpoint`, `milliseconds`, and what
        was read of the text.
    """
    return _answer("own", checkpoint, *boxed_texts((text, second_text)))


def _answer(skill: str, checkpoint: str, *texts: str) -> dict:
    return prediction_document(_question(skill, checkpoint, *texts).prediction())


def _question(skill: str, checkpoint: str, *texts: str) -> Question:
    name = checkpoint or default_answerer(skill)
    if name is None:
        raise DemoError(f"No model for {skill} here yet. Start one with /start_finetune, or name a checkpoint.")
    return Question(skill, texts, name)


def explain_words(skill: str, text: str, second_text: str = "", checkpoint: str = "") -> dict:
    """Which words mattered for an answer, by leaving each out and by gradient times input?

    Args:
        skill: sentiment, nli, paraphrase, qa, a task, or own for a model of one's own classes.
        text: the text, or the first of a pair.
        second_text: the second text; "" for a single one.
        checkpoint: a shipped skill, a model of the catalog or a run's id; "" for the shipped skill.
    Returns:
        `target` (the label), `value` (its probability), and for each word in `words` its `field`, `start`, `end`,
        `left_out` (how much the value falls without it; null if it was not left out) and `gradient`.
    """
    return importance_document(_question(skill, checkpoint, *boxed_texts((text, second_text))).importance())


def score_file(
    file: dict, checkpoint: str, task: str = "", columns: dict | None = None, labels: dict | None = None
) -> dict:
    """How often is a model right on the labelled rows of a file?

    Args:
        file: an uploaded file, {"path": as /upload answers}; of more than 2,000 rows, so many are drawn.
        checkpoint: a shipped skill, a model of the catalog or a run's id.
        task: one of the tasks; "" for the one that the model was trained on.
        columns: which column of the file is which, {"text": …, "label": …}.
        labels: what the values of its label column mean, {"1": "negative", "2": "positive"}; "" leaves a value out.
    Returns:
        `metrics`, `intervals` and `baseline` (split -> metric -> value), `confusion`, `rows`, `data_source`,
        `data_notes`, `data_facts`.
    """
    reference, upload = resolve(checkpoint), uploaded_file(file)
    if upload is None:
        raise DataError('No file came. Send one to /upload first, and give {"path": …} as that answers.')
    if not (task or reference.has_output_layer):
        raise DemoError(f"{reference.title} was trained for no task, so it answers none. Name a fine-tuned model.")
    asked = get_task(task or reference.tasks[0])
    meaning = LabelMeaning(columns=columns or {}, labels=labels or {})
    scored = serving.score_file(reference, reference.task_for([asked]), upload, meaning)
    return evaluation_document(scored.evaluation, reference.seen(asked))


def trace_attention(text: str, text_pair: str = "", checkpoint: str = "bundled") -> dict:
    """The attention of every layer and head on a text, or on a pair of texts.

    Args:
        text: the text, or the first of a pair.
        text_pair: the second text; "" for a single one.
        checkpoint: a model of the catalog, a shipped skill or a run's id.
    Returns:
        `tokens`, `shape` (layers, heads, tokens from, tokens to), `attentions` (base64 of little-endian float32 of that
        shape, every row sums to 1), `finding` (a sentence).
    """
    return attention_with_arrays(Look(boxed_texts((text, text_pair)), checkpoint).trace)


def distillation_targets(
    text: str,
    text_pair: str = "",
    teacher: str = FIRST_PAIRING.teacher,
    student: str = FIRST_PAIRING.student,
    recipe: str = FIRST_PAIRING.recipe,
) -> dict:
    """What a teacher asks of a student on one text: the relations of both, and how far apart they are.

    Args:
        text: the text, or the first of a pair.
        text_pair: the second text; "" for a single one.
        teacher: a model of the catalog or a run's id.
        student: a model of the catalog or a run's id.
        recipe: minilm_v1 (attention, value relation) or minilm_v2 (query, key and value relation).
    Returns:
        `losses`, and for each relation in `relations` its `loss` and in base64 of little-endian float32: `teacher` and
        `student` of the shape `shape` (heads, tokens from, tokens to; every row sums to 1) and `divergence`,
        KL(teacher ‖ student) in nats, of heads x tokens.
    """
    pairing = Pairing(boxed_texts((text, text_pair)), teacher, student, recipe)
    return targets_with_arrays(pairing.targets, pairing.badge)


def start_finetune(
    task: str,
    seconds: float = 0,
    data: str = "auto",
    train_examples: int = 0,
    seed: int = 0,
    checkpoint: str = "",
    method: str = TrainConfig.method,
    learning_rate: float = 0,
    batch_size: int = 0,
    max_length: int = 0,
    max_steps: int = 0,
    epochs: float = 0,
    file: dict | None = None,
    columns: dict | None = None,
    target: str = "auto",
    labels: dict | None = None,
    score_range: list | None = None,
) -> dict:
    """Put a fine-tune in line. 0 and "" stand for the task's own value.

    Args:
        task: one of the tasks, like sst2; own for classes or scores of one's own.
        seconds: how long the run may take, unless `max_steps` or `epochs` say it.
        data: auto, mirror, hub or sample.
        checkpoint: a model of the catalog, a shipped skill or a run's id to begin with.
        file: an uploaded file, {"path": as /upload answers}, instead of `data`.
        columns: which column of the file is which, {"text": …, "label": …}.
        labels: what the values of its label column mean, {"1": "negative", "2": "positive"}; "" leaves a value out.
        score_range: the lowest and the highest possible score, [0, 1].
    Returns:
        `run`, the id of the run: the only key to it, and the name of its model afterwards.
    """
    row, upload = get_task(task), uploaded_file(file)
    source = str(upload) if upload else open_data(row, data)
    config = TrainConfig(
        checkpoint=resolve(checkpoint, trained=False).name if checkpoint else default_start(row, source),
        data=source,
        time_budget=seconds or (None if max_steps or epochs else row.sample_seconds),
        max_steps=max_steps or None,
        epochs=epochs or None,
        columns=columns or None,
        target=target,
        labels=labels or None,
        score_range=tuple(score_range) if score_range else None,
        train_examples=train_examples or None,
        batch_size=batch_size or None,
        learning_rate=learning_rate or None,
        max_length=max_length or None,
        method=method,
        seed=seed,
        eval_examples=EVAL_EXAMPLES,
    )
    row, config = with_rows_of_own(row, config)
    return {"run": QUEUE.start(FINETUNE, row, config, upload=upload)}


def uploaded_file(file: dict | None) -> Path | None:
    """The file that a client uploaded before. Raises `DataError` for any other path of this machine."""
    if not file:
        return None
    path = Path(str(file.get("path", ""))).resolve()
    if not is_in_or_equal(path, get_upload_folder()) or not path.is_file():
        raise DataError('file is no uploaded file. Send it to /upload first, and give {"path": …} as that answers.')
    return path


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
    learning_rate: float = 0,
    batch_size: int = DistillConfig.batch_size,
    max_length: int = DistillConfig.max_length,
    steps: int = 0,
    assistant: bool = False,
) -> dict:
    """Put a distillation on the texts of a task in line. 0 and "" stand for what suits the teacher.

    Args:
        seconds: how long the run may take, unless `steps` says it.
        data: auto, mirror, hub or sample.
        teacher: a model of the catalog or a run's id.
    Returns:
        `run`, the id of the run: the only key to it, and the name of the student afterwards.
    """
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
        steps=steps or None,
        time_budget=None if steps else seconds,
        batch_size=batch_size,
        max_length=max_length,
        learning_rate=learning_rate or None,
        assistant=assistant,
        probe=text_to_watch(probe),
        seed=seed,
    )
    return {"run": QUEUE.start(DISTILL, row, config)}


def run_status(run: str) -> dict:
    """Where a run stands, and its result once there is one.

    Args:
        run: the id of the run.
    Returns:
        `status` (queued, starting, running, stopping, completed, stopped, failed, interrupted), `step`, `steps`,
        `seconds_left`, `metrics` (split -> metric -> value, the latest), `result` (null before the end), `error` (a
        sentence, else null), `message`, `task`, `created`, `run_id`.
    """
    return run_document(run)


def stop_run_by_id(run: str) -> dict:
    """Stop a run and keep its best checkpoint.

    Args:
        run: the id of the run.
    Returns:
        The same as /run_status.
    """
    QUEUE.stop(run)
    return run_document(run)
