"""The payloads that cross from Python to the page: both sides name the same keys, and real payloads have them."""

import json
import re
import types
import typing
from pathlib import Path

import ablation_samples
import distill_samples
import pytest
import target_samples
import trace_samples
import view_samples as samples

from minilm_demo import views
from minilm_demo.results import Finished
from minilm_demo.tasks import TASKS
from minilm_demo.views import payloads
from minilm_demo.views.bundle import STATIC
from minilm_demo.views.distilled import distill_card

ASSETS = Path(__file__).parents[1] / "assets"
TYPES = {name: found for name, found in vars(payloads).items() if typing.is_typeddict(found)}
TYPEDEF = re.compile(r"@typedef \{Object\} (\w+)\n(.*?)\*/", re.DOTALL)
PROPERTY = re.compile(r"@property \{(.+)\} (\[?)(\w+)\]?\n")
FIELDS = {"question": samples.QUESTION, "context": samples.CONTEXT}
MNLI = TASKS["mnli"]


def in_javascript() -> dict[str, dict[str, tuple[bool, set[str]]]]:
    """{type: {key: (may it be missing, the words of its type)}} of payloads.js."""
    text = (STATIC / "payloads.js").read_text(encoding="utf-8")
    return {
        name: {
            key: (bool(bracket), words(written) - {"Object", "string", "number", "boolean", "unknown"})
            for written, bracket, key in PROPERTY.findall(body)
        }
        for name, body in TYPEDEF.findall(text)
    }


def words(written: str) -> set[str]:
    return set(re.findall(r'\w+|"[^"]*"', written))


def in_python() -> dict[str, dict[str, tuple[bool, set[str]]]]:
    return {
        name: {
            key: (key in found.__optional_keys__, type_words(annotation))
            for key, annotation in typing.get_type_hints(found).items()
        }
        for name, found in TYPES.items()
    }


def type_words(annotation) -> set[str]:
    """What a type says besides lists, dictionaries, numbers and texts: payloads, literals, null."""
    if typing.is_typeddict(annotation):
        return {annotation.__name__}
    if annotation is types.NoneType:
        return {"null"}
    if typing.get_origin(annotation) is typing.Literal:
        return {json.dumps(value) for value in typing.get_args(annotation)}
    return set().union(*map(type_words, typing.get_args(annotation)))


def test_both_sides_name_the_same_payloads_and_keys():
    assert in_javascript() == in_python()


# -- real payloads -------------------------------------------------------------------------------------------------


def check(value, annotation, where: str) -> None:
    """Fail unless `value` has exactly the keys of `annotation`, and in them what it says."""
    if typing.is_typeddict(annotation):
        assert isinstance(value, dict), where
        assert annotation.__required_keys__ <= value.keys(), f"{where}: {annotation.__required_keys__ - value.keys()}"
        hints = typing.get_type_hints(annotation)
        assert value.keys() <= hints.keys(), f"{where}: {value.keys() - hints.keys()}"
        for key, one in value.items():
            check(one, hints[key], f"{where}.{key}")
        return
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        assert isinstance(value, list), where
        for place, one in enumerate(value):
            check(one, arguments[0], f"{where}[{place}]")
    elif origin is dict:
        assert isinstance(value, dict), where
        for key, one in value.items():
            check(one, arguments[1], f"{where}[{key!r}]")
    elif origin is typing.Literal:
        assert value in arguments, f"{where}: {value!r}"
    elif origin in (types.UnionType, typing.Union):
        check_any(value, arguments, where)
    elif annotation is float:
        assert isinstance(value, int | float) and not isinstance(value, bool), f"{where}: {value!r}"
    elif annotation is not object:
        assert type(value) is annotation, f"{where}: {value!r}"


def check_any(value, annotations, where: str) -> None:
    troubles = []
    for annotation in annotations:
        try:
            return check(value, annotation, where)
        except AssertionError as error:
            troubles.append(str(error))
    raise AssertionError("; ".join(troubles) or where)


def run(events, task=MNLI, **options) -> dict:
    return views.run_payload(events, task, **{"status": "completed", "run_id": "run-1", **options})


def distilled(recipe: str) -> dict:
    return run(distill_samples.distillation(recipe), TASKS["sst2"], job="distill")


def answers() -> dict:
    lane = views.prediction_payload(MNLI, samples.nli_prediction(), {})
    fields = {"premise": "A man sleeps.", "hypothesis": "He is awake."}
    return views.answers_payload(
        "nli",
        MNLI,
        fields,
        [lane | {"title": "NLI skill", "card": views.markdown_blocks("# NLI\n\n| a |\n|---|\n| `b` |"), "code": "…"}],
    )


def importance(task: str, result) -> dict:
    return views.importance_payload(TASKS[task], result)


TRACE = trace_samples.made_up_trace()
TARGETS = target_samples.targets()
FRAMES = views.probed_frames(target_samples.probed(TARGETS))
REAL = {
    "a fine-tune": ("RunPayload", lambda: run(samples.mnli_run())),
    "a fine-tune on the sample": ("RunPayload", lambda: run(samples.sst2_sample_run(), TASKS["sst2"])),
    "a queued run": ("RunPayload", lambda: run([], status="queued", position=2, starts_in=40.0)),
    "a failed run": ("RunPayload", lambda: run([Finished("failed", "The disk is full.")], status="failed")),
    "a distillation": ("RunPayload", lambda: distilled("minilm_v1")),
    "a distillation by the second recipe": ("RunPayload", lambda: distilled("minilm_v2")),
    "scores of questions": ("ResultCard", lambda: views.result_card(TASKS["squad_v2"], samples.squad_evaluation())),
    "a student": (
        "ResultCard",
        lambda: distill_card(distill_samples.result("minilm_v1", ("attention",), {"attention": 0.2}, 50)),
    ),
    "classes": ("PredictionPayload", lambda: views.prediction_payload(MNLI, samples.nli_prediction(), {})),
    "a score": (
        "PredictionPayload",
        lambda: views.prediction_payload(TASKS["stsb"], samples.similarity_prediction(), {}),
    ),
    "a span": (
        "PredictionPayload",
        lambda: views.prediction_payload(TASKS["squad_v2"], samples.span_prediction(), FIELDS),
    ),
    "an error": ("Sentence", lambda: views.error_payload("The sentence is empty.")),
    "answers": ("AnswersPayload", answers),
    "scored rows": ("ScoredRowsPayload", lambda: views.scored_rows_payload(MNLI, samples.mnli_rows())),
    "scored points": ("ScoredRowsPayload", lambda: views.scored_rows_payload(TASKS["stsb"], samples.stsb_rows())),
    "scored spans": ("ScoredRowsPayload", lambda: views.scored_rows_payload(TASKS["squad_v2"], samples.squad_rows())),
    "words": ("ImportancePayload", lambda: importance("sst2", samples.sentiment_importance())),
    "words of a pair": ("ImportancePayload", lambda: importance("mnli", samples.nli_importance())),
    "words for a span": ("ImportancePayload", lambda: importance("squad_v2", samples.span_importance())),
    "a trace": ("AttentionPayload", lambda: views.attention_payload(TRACE, alone=True)),
    "a long trace": ("AttentionPayload", lambda: views.attention_payload(trace_samples.long_trace(140))),
    "two traces": (
        "AttentionPayload",
        lambda: views.attention_payload(TRACE, before=TRACE, explanation=trace_samples.explanation()),
    ),
    "a trace that learns": (
        "AttentionPayload",
        lambda: views.attention_payload(TRACE, frames=trace_samples.learning()),
    ),
    "the first trace": (
        "AttentionPayload",
        lambda: json.loads((ASSETS / "first_attention.json").read_text(encoding="utf-8")),
    ),
    "targets": ("MicroscopePayload", lambda: views.microscope_payload(TARGETS, alone=True)),
    "targets while it learned": ("MicroscopePayload", lambda: views.microscope_payload(TARGETS, frames=FRAMES)),
    "the first targets": (
        "MicroscopePayload",
        lambda: json.loads((ASSETS / "first_microscope.json").read_text(encoding="utf-8")),
    ),
    "an experiment": ("AblationPayload", lambda: views.ablation_payload(ablation_samples.experiment())),
    "an experiment under way": (
        "AblationPayload",
        lambda: views.ablation_payload(None, run=views.experiment_state([], status="queued", run_id="r"), paper=False),
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_a_real_payload_has_exactly_these_keys(name):
    kind, make = REAL[name]
    check(make(), TYPES[kind], kind)


def test_a_key_too_many_or_too_few_is_found():
    payload = views.error_payload("No.")
    with pytest.raises(AssertionError, match="more"):
        check(payload | {"more": 1}, TYPES["Sentence"], "Sentence")
    with pytest.raises(AssertionError, match="sentence"):
        check({"kind": "error"}, TYPES["Sentence"], "Sentence")
