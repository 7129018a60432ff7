"""The Gradio page. A handler reads widgets, calls one job and returns the payload of one view."""

from __future__ import annotations

import inspect
import threading

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from .. import runs
from ..errors import DemoError
from ..jobs import metrics
from ..results import AT_WORK, FINETUNE
from ..shipped import shipped
from . import predict_tab
from .ablation_panel import build_ablation_panel
from .api import add_endpoints
from .attention_tab import build_attention_tab, refresh_checkpoints, watch_run
from .components import unseen_headings
from .distil_panel import build_distil_panel, look_at_student, refresh_teachers, reopen, tune_student
from .distillation_tab import build_distillation_tab, refresh_models
from .files import FILES, PLOTLY, CompressedPage, KeptAssets
from .finetune_tab import after_run, build_finetune_tab, look_at_data, refresh_starting_points
from .following import download, download_adapter, download_link, run_view
from .handlers import QUEUE, REOPENED, says_errors
from .header import build_header
from .predict_tab import build_predict_tab
from .preloading import CARD, PreloadedPage
from .surroundings import prepare
from .theme import CSS, PAGE_SCRIPT, theme
from .uploads import SaidUploads, forget_left_files
from .zone import SAY_ZONE, visitors_zone

TITLE = "MiniLM Demo"
PLACES = ("predict", "finetune", "attention", "distil", "distil/microscope", "distil/now", "distil/help")
# What Gradio says to screen readers and has no words for; other languages fall back to these.
SPOKEN = {"common.complete": "Done"}

# Writes what is on screen into the address as ?at=tab or ?at=tab/place, which is also what “Copy link” copies.
NAME_PLACE = """() => setTimeout(() => {
  const chosen = [...document.querySelectorAll(".tab-container[role=tablist] > [aria-selected=true]")];
  const address = new URL(location.href);
  const at = chosen.filter((tab) => tab.offsetParent).map((tab) => tab.dataset.tabId).join("/");
  if (at) address.searchParams.set("at", at);
  history.replaceState(history.state, "", address.href.replace(encodeURIComponent("/"), "/"));
}, 50)"""


def build_page() -> gr.Blocks:
    """The whole page, one line per tab."""
    prepare()
    runs.read_zone_from(visitors_zone)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        my_runs = gr.BrowserState([], storage_key="minilm-demo-runs", secret="minilm-demo")
        build_header()
        with gr.Tabs(selected="predict") as tabs:
            with gr.Tab("Predict", id="predict") as predict_page:
                unseen_headings("Predict")
                predict = build_predict_tab(my_runs)
            with gr.Tab("Fine-tune", id="finetune") as finetune_page:
                unseen_headings("Fine-tune")
                finetune = build_finetune_tab(my_runs)
            with gr.Tab("Attention", id="attention") as attention_page:
                unseen_headings("Attention", "Layers and heads")
                attention = build_attention_tab(my_runs)
            with (
                gr.Tab("Distil", id="distil") as distil_page,
                gr.Tabs(selected="microscope", elem_id="places") as places,
            ):
                with gr.Tab("Microscope", id="microscope"):
                    unseen_headings("Distil", "Microscope")
                    distillation = build_distillation_tab(my_runs)
                with gr.Tab("Distil now", id="now"):
                    unseen_headings("Distil", "Distil now")
                    distil = build_distil_panel(my_runs)
                with gr.Tab("Does it help?", id="help"):
                    unseen_headings("Distil", "Does it help?")
                    build_ablation_panel(my_runs)
        _connect(page, tabs, places, predict_page, predict, finetune, my_runs)
        models = [attention.checkpoint, attention.compare]
        finetune.watch.click(
            watch_run,
            [finetune.run_id, my_runs],
            [tabs, *attention.texts, attention.checkpoint, attention.view],
            api_visibility="private",
        )
        attention_page.select(
            refresh_checkpoints, [*models, my_runs], models, api_visibility="private", show_progress="hidden"
        )
        compared = [distillation.teacher, distillation.student]
        distil_page.select(
            refresh_models,
            [*compared, distillation.recipe, my_runs],
            compared,
            api_visibility="private",
            show_progress="hidden",
        )
        _connect_students(page, tabs, places, finetune_page, finetune, distil_page, distillation, distil, my_runs)
        for tab in (tabs, places):
            tab.change(None, js=NAME_PLACE, api_visibility="private")
        add_endpoints()
    page.queue(default_concurrency_limit=4, max_size=64)
    _cache_signatures(page)
    return page


def _cache_signatures(page: gr.Blocks) -> None:
    """Cache the signatures of the components' constructors, which `inspect` then reads from `__signature__`.

    Gradio inspects every component for each new session; without the cache that is half of a session's cost."""
    for kind in {type(block) for block in page.blocks.values()}:
        kind.__init__.__signature__ = inspect.signature(kind.__init__)


def _connect(page, tabs, places, predict_page, predict, finetune, my_runs) -> None:
    """Events across tabs: reopening a run, and asking the model just trained."""
    private = {"api_visibility": "private", "show_progress": "hidden"}
    lists = [predict.skill, predict.checkpoints]
    inputs = [*lists, my_runs]
    opened = page.load(
        _open,
        my_runs,
        [finetune.run, finetune.run_id, *finetune.after, finetune.download, tabs, places, my_runs],
        **private,
    )
    opened.then(predict_tab.refresh, inputs, lists, **private)
    page.load(look_at_data, finetune.look, finetune.looked, **private)
    predict_page.select(predict_tab.refresh, inputs, lists, **private)
    asked = [tabs, *predict.asked]
    finetune.ask.click(_ask_this_model, [finetune.run_id, my_runs], asked, **private)
    finetune.run.picked(_ask_about_row, [finetune.run_id, my_runs], asked, **private)


def _open(my_runs: list[str] | None, request: gr.Request):
    """The run named in the address; else the visitor's unfinished runs, and the tab of the newest of them; without one
    the tab and place named in the address."""
    named = request.query_params.get("run")
    opened = []
    for run_id in [named] if named else (my_runs or [])[:REOPENED]:
        try:
            run = QUEUE.state(run_id)
        except DemoError as error:
            if named:
                gr.Warning(error.on_page)
            continue
        if named or run.status in AT_WORK:
            opened.append(run)
    newest = opened[0].record if opened else None
    at = (runs.JOBS[newest.job].tab, runs.JOBS[newest.job].place) if newest else _place(request)
    tab, place = (gr.Tabs(selected=name) if name else gr.skip() for name in at)
    remembered = [newest.run_id, *(name for name in my_runs or [] if name != newest.run_id)] if newest else my_runs
    for run in opened:  # the panels of other jobs open their runs themselves
        if run.record.job == FINETUNE:
            run_id = run.record.run_id
            return run_view(run_id), run_id, *after_run(run), download_link(run_id), tab, place, remembered
    return None, "", *after_run(None), gr.skip(), tab, place, remembered


def _place(request: gr.Request) -> tuple[str, str]:
    """The tab and the place within it that the address names as ?at=tab or ?at=tab/place; "" for what is not named."""
    at = request.query_params.get("at", "")
    tab, _, place = at.partition("/") if at in PLACES else ("", "", "")
    return tab, place


def _connect_students(page, tabs, places, finetune_page, finetune, distil_page, distillation, distil, my_runs) -> None:
    """Events of students across tabs: lists of models are refreshed, and buttons lead from a student to other tabs."""
    private = {"api_visibility": "private", "show_progress": "hidden"}
    page.load(reopen, my_runs, distil.opened, **private)
    finetune_page.select(refresh_starting_points, [finetune.checkpoint, my_runs], finetune.checkpoint, **private)
    compared = [distillation.teacher, distillation.student]
    for event in (distil_page.select, distil.student.finished, *(changed.then for changed in distil.changed)):
        event(refresh_teachers, [distil.teacher, my_runs], distil.teacher, **private)
    for event in (distil.student.finished, *(changed.then for changed in distil.changed)):
        event(refresh_models, [*compared, distillation.recipe, my_runs], compared, **private)
    distil.look.click(
        look_at_student,
        [distil.run_id, my_runs],
        [places, *distillation.texts, *compared, distillation.recipe, distillation.view],
        api_visibility="private",
    )
    tuned = [tabs, finetune.checkpoint, finetune.advanced]
    distil.tune.click(tune_student, [distil.run_id, my_runs], tuned, api_visibility="private")


@says_errors
def _ask_this_model(run_id: str, my_runs: list[str] | None):
    """Open the Predict tab, where the run's model is asked about its first texts: the watched one, if any."""
    asked = predict_tab.open_question(QUEUE.state(run_id), [run_id, *(my_runs or [])])
    return gr.Tabs(selected="predict"), *asked


@says_errors
def _ask_about_row(run_id: str, my_runs: list[str] | None, event: gr.EventData):
    """Open the Predict tab, where the run's model is asked about a row that it was scored on."""
    texts = tuple(map(str, event.texts))
    asked = predict_tab.open_question(QUEUE.state(run_id), [run_id, *(my_runs or [])], texts)
    return gr.Tabs(selected="predict"), *asked


def _healthy(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


def launch_options() -> dict:
    """Arguments of `launch()`: theme, limits for a small server, routes and middleware."""
    return {
        "theme": theme(),
        "css": CSS.read_text(encoding="utf-8"),
        "run_history": False,
        "state_session_capacity": 200,
        "enable_monitoring": False,
        "head": SAY_ZONE + PAGE_SCRIPT,
        "favicon_path": shipped("assets/favicon.svg"),
        "footer_links": ["api"],
        "i18n": gr.I18n(en=SPOKEN),
        "max_file_size": "20mb",
        "app_kwargs": {
            "routes": [
                Route("/healthz", _healthy),
                Route("/runs/{run_id}.zip", download),
                Route("/runs/{run_id}/adapter.zip", download_adapter),
                FILES,
                PLOTLY,
                CARD,
            ],
            "middleware": [Middleware(kind) for kind in (CompressedPage, PreloadedPage, KeptAssets, SaidUploads)],
        },
    }


def warm_up() -> None:
    """In a thread: import the libraries of predictions, start the workers' fork server, delete forgotten uploads.

    transformers itself is imported before the thread begins. It replaces itself in `sys.modules` while it is imported,
    and a second thread that asks for it meanwhile, such as that of the first question, keeps the unfinished one."""
    import transformers  # noqa: F401

    def work() -> None:
        import transformers.models.bert.modeling_bert  # noqa: F401

        runs.warm_up()
        metrics.load_libraries()
        runs.forget_left_uploads()
        forget_left_files()

    threading.Thread(target=work, name="warm-up", daemon=True).start()


def launch(**options):
    """Build the page, warm up, and serve it. `options` are those of Gradio's `launch()`."""
    prepare(options.get("server_name"))
    page = build_page()
    warm_up()
    return page.launch(**(launch_options() | options))
