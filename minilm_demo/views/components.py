"""Components: JavaScript and CSS from `static/`, with two thin adapters, a `gr.HTML` and a page of its own.

A component is `MiniLM.<name>.mount(element, value, callbacks)`, which returns `{update(value), destroy()}`. Values
are plain JSON (`run_payload`, `prediction_payload`, …); texts in them reach the page through `textContent` only. The
HTML template that Gradio gets is static, because Gradio executes what stands in a template.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..results import (
    AblationResult,
    AttentionTrace,
    Badge,
    DistillationTargets,
    DistillResult,
    Evaluation,
    FinetuneResult,
    Prediction,
    SliceResult,
    TrainingEvent,
    WordImportance,
)
from ..tasks import get_task
from .ablation import ablation_payload
from .attention import attention_payload
from .distillation import microscope_payload
from .distilled import distill_card
from .importance import importance_payload
from .prediction import prediction_payload
from .result import result_card
from .run import run_payload
from .slice import slice_payload

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Component:
    """One interactive picture: its name, its code, its style and, for Gradio, where its callbacks lead."""

    name: str
    js: str
    css: str
    callbacks: str = "{}"  # JavaScript, an object; in reach: trigger, props, server, upload


def load_component(name: str, parts: Sequence[str] = ("common",), callbacks: str = "{}") -> Component:
    """The component made of the files of `parts` and of `name` itself, in this order: `<part>.js`, `<part>.css`."""
    texts = {
        kind: "\n".join(
            (STATIC / f"{part}.{kind}").read_text(encoding="utf-8")
            for part in (*parts, name)
            if (STATIC / f"{part}.{kind}").is_file()
        )
        for kind in ("js", "css")
    }
    return Component(name, texts["js"], texts["css"], callbacks)


# The functions given as `server_functions` have these names: `poll_run({run, since})` and `stop_run({run})`. Gradio
# offers `finished` as an event of the component because its name stands quoted here.
RUN = load_component(
    "run",
    parts=("common", "following", "chart", "result"),
    callbacks="{poll: server.poll_run, stop: server.stop_run, finished: (end) => trigger('finished', end)}",
)
PREDICTION = load_component("prediction")
IMPORTANCE = load_component("importance")
ANSWERS = load_component(
    "answers", parts=("common", "prediction"), callbacks="{picked: (tries) => trigger('picked', tries)}"
)
ATTENTION = load_component(
    "attention",
    parts=(
        "common",
        "asking",
        "controls",
        "weights",
        "maps",
        "thumbnails",
        "lines",
        "frames",
        "attention_view",
        "attention_panels",
        "attention_heads",
        "attention_row",
        "attention_pictures",
        "attention_below",
        "attention_export",
    ),
    callbacks="""{
      look: server.attention_look, head: server.attention_head, row: server.attention_row, file: server.attention_file,
    }""",
)
MICROSCOPE_PARTS = (
    "common",
    "asking",
    "controls",
    "weights",
    "maps",
    "frames",
    "attention_view",
    "attention_export",
    "relations",
    "microscope_view",
    "microscope_panels",
    "microscope_export",
)
MICROSCOPE = load_component(
    "microscope",
    parts=MICROSCOPE_PARTS,
    callbacks="""{
      look: server.microscope_look, head: server.microscope_head, row: server.microscope_row,
      file: server.microscope_file,
    }""",
)
LESSON = load_component(
    "lesson",
    parts=(*MICROSCOPE_PARTS, "microscope", "following", "chart", "result", "run"),
    callbacks="""{
      poll: server.poll_run, stop: server.stop_run, maps: server.poll_maps,
      finished: (end) => trigger('finished', end),
    }""",
)
ABLATION = load_component(
    "ablation",
    parts=("common", "following", "result"),
    callbacks="{poll: server.poll_ablation, stop: server.stop_ablation}",
)
SLICE = load_component("slice", parts=("common", "result"), callbacks="{picked: (row) => trigger('picked', row)}")


# -- in Gradio -----------------------------------------------------------------------------------------------------


def gradio_parts(component: Component) -> dict:
    """Keyword arguments of a `gr.HTML` that shows the component: its value is the payload."""
    return {
        "html_template": f'<div class="mlm-{component.name}"></div>',
        "css_template": component.css,
        "js_on_load": f"{component.js}\n{_adapter(component)}",
        "apply_default_css": False,  # Gradio's text styles would restyle tables and headings
    }


def _adapter(component: Component) -> str:
    name = component.name
    return (
        f"const view = MiniLM.{name}.mount(element.querySelector('.mlm-{name}'), props.value, {component.callbacks});\n"
        "watch('value', () => view.update(props.value));\n"
    )


# -- on a page of its own ------------------------------------------------------------------------------------------

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{css}
</style>
</head>
<body>
<main><h1>{title}</h1><div class="mlm-{name}"></div></main>
<script type="application/json" id="value">{value}</script>
<script>
{js}
MiniLM.{name}.mount(document.querySelector(".mlm-{name}"), JSON.parse(document.getElementById("value").textContent));
</script>
</body>
</html>
"""


def standalone_html(component: Component, value, title: str) -> str:
    """One self-contained HTML page: no server, no other file, no network (its own policy forbids it)."""
    page_css = (STATIC / "page.css").read_text(encoding="utf-8")
    return PAGE.format(
        title=html.escape(title),
        name=component.name,
        css=f"{page_css}\n{component.css}",
        js=component.js,
        value=json_in_html(value),
    )


def json_in_html(value) -> str:
    """JSON that may stand within a script element: without `<` nothing in it can end the element or begin another."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


# -- in a notebook -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """A picture as HTML. A notebook shows it; `save` writes it to a file."""

    html: str
    height: int

    def _repr_html_(self) -> str:
        # The frame may run its own script and save files: it cannot touch the notebook around it.
        return (
            f'<iframe sandbox="allow-scripts allow-downloads" srcdoc="{html.escape(self.html)}" title="MiniLM Demo" '
            f'style="width: 100%; height: {self.height}px; border: 0"></iframe>'
        )

    def save(self, path: str | Path) -> Path:
        path = Path(path)
        path.write_text(self.html, encoding="utf-8")
        return path


def show(
    result: FinetuneResult
    | DistillResult
    | Evaluation
    | Prediction
    | SliceResult
    | WordImportance
    | AttentionTrace
    | DistillationTargets
    | AblationResult,
    *,
    fields: Mapping[str, str] | None = None,
    events: Sequence[TrainingEvent] = (),
    checkpoint: str = "",
    seen: str = "",
    badge: Badge | None = None,
    height: int | None = None,
) -> Page:
    """A result as a picture, for notebooks and files.

    A span prediction needs its texts in `fields`; a fine-tune or a distillation draws its curves if its `events` are
    given; else a fine-tune needs `checkpoint`, the one it started from, to say what that had already seen of the data
    (`seen`: see `result_card`). `badge` says what a teacher is to the student beside it (`lineage.badge_of`)."""
    if isinstance(result, Prediction):
        return _show_prediction(result, fields or {}, height or 360)
    if isinstance(result, FinetuneResult | Evaluation):
        payload = _result_payload(result, events, checkpoint, seen)
        return Page(standalone_html(RUN, payload, payload["title"]), height or 900)
    if isinstance(result, DistillResult):
        payload = _distilled_payload(result, events)
        return Page(standalone_html(RUN, payload, payload["title"]), height or 900)
    if isinstance(result, SliceResult):
        payload = slice_payload(get_task(result.evaluation.task), result, seen=seen)
        return Page(standalone_html(SLICE, payload, payload["title"]), height or 900)
    if isinstance(result, WordImportance):
        task = get_task(result.task)
        return Page(standalone_html(IMPORTANCE, importance_payload(task, result), task.title), height or 720)
    if isinstance(result, AttentionTrace):
        payload = attention_payload(result, alone=True)
        return Page(standalone_html(ATTENTION, payload, f"Attention: {' / '.join(result.texts)}"), height or 900)
    if isinstance(result, DistillationTargets):
        title = f"Teacher and student: {' / '.join(result.texts)}"
        payload = microscope_payload(result, badge=badge and asdict(badge), alone=True)
        return Page(standalone_html(MICROSCOPE, payload, title), height or 1100)
    if isinstance(result, AblationResult):
        return Page(standalone_html(ABLATION, ablation_payload(result), "Does it help?"), height or 1200)
    drawn = "a FinetuneResult, a DistillResult, an Evaluation, a SliceResult, a Prediction, a WordImportance"
    raise TypeError(
        f"show() draws {drawn}, an AttentionTrace, DistillationTargets or an AblationResult, "
        f"not a {type(result).__name__}."
    )


def _show_prediction(prediction: Prediction, fields: Mapping[str, str], height: int) -> Page:
    task = get_task(prediction.task)
    if task.kind == "span" and task.text_fields[-1] not in fields:
        raise TypeError(f"A {task.name} prediction is drawn within its text: show(prediction, fields={{…}}).")
    payload = prediction_payload(task, prediction, fields)
    return Page(standalone_html(PREDICTION, payload, task.title), height)


def _result_payload(
    result: FinetuneResult | Evaluation, events: Sequence[TrainingEvent], checkpoint: str, seen: str
) -> dict:
    training = result if isinstance(result, FinetuneResult) else None
    evaluation = training.evaluation if training else result
    task = get_task(evaluation.task)
    if training and events:
        return run_payload(events, task, status="completed", run_id="", seen=seen)
    payload = run_payload((), task, status="completed", run_id="")
    card = result_card(task, evaluation, training, checkpoint=checkpoint, seen=seen)
    return {**payload, "sentence": f"Checkpoint: {evaluation.checkpoint}.", "result": card}


def _distilled_payload(result: DistillResult, events: Sequence[TrainingEvent]) -> dict:
    task = get_task(result.task)
    payload = run_payload(events, task, status="completed", run_id="", job="distill")
    if events:
        return payload
    return {**payload, "sentence": f"Teacher: {result.teacher}.", "result": distill_card(result)}
