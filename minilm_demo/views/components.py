"""Components: interactive pictures in JavaScript and CSS from `static/`, for Gradio and for standalone pages.

A component's entry module exports `mount(element, value, callbacks)`, which returns `{update(value), destroy()}`.
Values are plain JSON (see `payloads.py`); texts in them reach the page through `textContent` only. Gradio gets a static
HTML template, because it executes code in a template.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from functools import cached_property

from .bundle import STATIC, bundle, styles, version
from .plotly_js import VERSION as PLOTLY_VERSION

ADDRESS = "mlm"  # of the served files, below the page's own address: <ADDRESS>/<version>/<component>.js and .css
PLOTLY_ADDRESS = f"{ADDRESS}/plotly-{PLOTLY_VERSION}.js"


@dataclass(frozen=True)
class Component:
    """One interactive picture: its name, its entry module and its callbacks in Gradio."""

    name: str
    entry: str  # a module below static/
    callbacks: str = "{}"  # a JavaScript object; in scope: trigger, props, server, upload

    @cached_property
    def js(self) -> str:
        """JavaScript without imports that declares one constant, `{mount}`, with the component's name."""
        return bundle(self.entry, self.name)

    @cached_property
    def css(self) -> str:
        return styles(self.entry)


# `server_functions` have these names: `poll_run({run, since})` and `stop_run({run})`. Gradio offers `finished` and
# `picked` as events of the component because it searches this text for quoted names. No other quoted word may be the
# name of a Gradio event or of an argument of `gr.HTML`.
_FOLLOWED = "poll: server.poll_run, stop: server.stop_run, finished: (end) => trigger('finished', end)"
_PLOTLY = f"plotly: new URL('{PLOTLY_ADDRESS}', document.baseURI).href"  # the address of plotly.js
RUN = Component("run", "run/run.js", f"{{{_FOLLOWED}, {_PLOTLY}, picked: (row) => trigger('picked', row)}}")
STUDENT = Component("student", "run/student.js", f"{{{_FOLLOWED}, maps: server.poll_maps, {_PLOTLY}}}")
_EXPERIMENT = "poll: server.poll_ablation, stop: server.stop_ablation"
ABLATION = Component("ablation", "run/ablation.js", f"{{{_EXPERIMENT}, {_PLOTLY}}}")
FIGURE = Component("figure", "figure/figure.js", f"{{{_PLOTLY}}}")
PREDICTION = Component("prediction", "predict/prediction.js")
IMPORTANCE = Component("importance", "predict/importance.js")
ANSWERS = Component(
    "answers", "predict/answers.js", "{ask: server.ask_models, picked: (tries) => trigger('picked', tries)}"
)
ROWS = Component("rows", "predict/rows.js", "{picked: (row) => trigger('picked', row)}")
ATTENTION = Component(
    "attention",
    "attention/attention.js",
    "{look: server.attention_look, head: server.attention_head, row: server.attention_row, "
    "file: server.attention_file}",
)
MICROSCOPE = Component(
    "microscope",
    "microscope/microscope.js",
    "{look: server.microscope_look, head: server.microscope_head, row: server.microscope_row, "
    "file: server.microscope_file}",
)
ALL = (RUN, STUDENT, ABLATION, FIGURE, PREDICTION, IMPORTANCE, ANSWERS, ROWS, ATTENTION, MICROSCOPE)


# -- in Gradio -----------------------------------------------------------------------------------------------------

# The files are fetched when the component comes onto the screen. Values that arrive earlier are drawn afterwards, in
# order. The first value may be the address of a JSON file. Addresses are relative to the page's own, which may be below
# another path.
ON_LOAD = """const host = element.querySelector('.mlm-{name}');
const value = props.value;
const fetched = ({{ address }}) => fetch(new URL(address, document.baseURI)).then((file) => file.json());
const first = value?.kind === 'later' ? fetched(value) : value;
const address = new URL('{address}/{version}/{name}', document.baseURI).href;
const sheet = Object.assign(document.createElement('link'), {{ rel: 'stylesheet', href: address + '.css' }});
const styled = new Promise((done) => {{ sheet.onload = sheet.onerror = done; }});
document.head.append(sheet);
host.view = Promise.all([import(address + '.js'), first, styled])
  .then(([{{ mount }}, drawn]) => mount(host, drawn, {callbacks}));
host.view.catch(() => {{ host.textContent = 'This part of the page could not be fetched. Please reload the page.'; }});
watch('value', () => {{
  const next = props.value;
  host.view.then((view) => view.update(next), () => {{}});
}});
"""


def gradio_parts(component: Component) -> dict:
    """Keyword arguments of a `gr.HTML` whose value is the component's payload.

    The element of class `mlm` has the attribute `view`, a promise of the mounted component, for scripts of the page."""
    name = component.name
    return {
        "html_template": f'<div class="mlm-in-{name}"><div class="mlm mlm-{name}"></div></div>',
        "css_template": "",
        "js_on_load": ON_LOAD.format(name=name, address=ADDRESS, version=version(), callbacks=component.callbacks),
        "apply_default_css": False,  # Gradio's text styles would restyle tables and headings
    }


def served_file(name: str) -> tuple[str, str] | None:
    """The media type and text of `<component>.js` or `<component>.css` of the current version; None for another name.

    The CSS is scoped to its component. The id in its selector gives it precedence over Gradio's own rules."""
    component = next((known for known in ALL if name in (f"{known.name}.js", f"{known.name}.css")), None)
    if component is None:
        return None
    if name.endswith(".js"):
        return "text/javascript", f"{component.js}export const {{ mount }} = {component.name};\n"
    return "text/css", f":is(#mlm, .mlm-in-{component.name}) {{\n{component.css}}}\n"


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
{name}.mount(document.querySelector(".mlm-{name}"), JSON.parse(document.getElementById("value").textContent));
</script>
</body>
</html>
"""


def standalone_html(component: Component, value, title: str) -> str:
    """One self-contained HTML page. Its content security policy forbids every request."""
    page_css = (STATIC / "page.css").read_text(encoding="utf-8")
    return PAGE.format(
        title=html.escape(title),
        name=component.name,
        css=f"{page_css}\n{component.css}",
        js=component.js,
        value=json_in_html(value),
    )


def json_in_html(value) -> str:
    """JSON for a script element: `<` is escaped, so that no text can end the element or begin another."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
