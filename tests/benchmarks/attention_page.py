"""The attention explorer's page against one that carries the same trace as BertViz 1.4 does, in a real Chromium.

    python tests/benchmarks/attention_page.py --tokens 16 64 128

Ours is what `views.show(trace)` makes: all heads in one file, raw scores of the opening head included. *Lines* follows
the head view of BertViz 1.4.1 (`html_action="return"`): every weight as a JSON number within a script, one SVG line for
each head, word and word of the first layer, all lines of a word shown while the mouse is on it, a menu of layers. It
leaves out work that BertViz does: D3, jQuery and RequireJS from another host, a second copy of the weights (a comment
in its template names the place too), the coloured boxes beside the words, the boxes that switch heads off, and, for a
pair, four further copies by sentence. It has no overview of all heads: BertViz makes that a page of its own.

`bundled` is the checkpoint of six layers; `random12` has twelve layers of twelve heads and random weights. Both pages
are opened in turn, each time in a fresh context; the numbers are medians, and milliseconds:

- `first_drawn_ms`: from the start of the navigation to the end of the script that drew the first picture;
  `first_frame_ms`: until that picture's frame is made, style, layout and paint included;
- `hover_ms`, `switch_ms`: the script of one redraw;
- `…_cpu_ms`: processor time of the page's main thread until the first frame, and for one redraw with its frame (a
  mean). Other programs on the machine stretch the times above, and hardly these.

Prints one JSON line; `ratio` says how many times as much the lines take.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

from conftest import ARGUMENTS, CHROMIUM
from playwright.sync_api import Browser, CDPSession, Locator, Page, sync_playwright

from minilm_demo import trace_attention, views
from minilm_demo.models.location import bundled_folder
from minilm_demo.results import AttentionTrace
from minilm_demo.views.components import json_in_html

# Every word is one token.
TEXT = """
    the old man had lived by the sea for many years and he knew every boat in the harbor but on that morning he did not
    know the small white ship that came slowly out of the fog and stopped near the end of the long wooden pier where the
    children used to fish in summer nobody stood on the deck and no flag was flying from the mast so he put down his cup
    and walked along the beach until he could read the name on the side of the ship it was a name he had not heard since
    the war when his brother went away and never wrote a letter home again then a door opened and a young woman looked
    at him and smiled
"""

FIRST, HOVER, SWITCH = "mlm-attention-first-drawn", "mlm-attention-hover", "mlm-attention-switch"
HOVERS, SWITCHES = 40, 20
SECONDS = 20  # for the hovers of a page, and for its switches: fewer of them where one takes long
PATIENCE = 120_000  # ms: 196,608 lines take their time


# -- the two pages -------------------------------------------------------------------------------------------------


LINES_PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Lines</title>
<label>Layer: <select></select></label>
<div></div>
<script>
const { attention: [{ attn, left_text: words }] } = TRACE;
const [LEFT, RIGHT, TOP, ROW] = [110, 225, 30, 22.5];
const COLOURS = ["steelblue", "darkorange", "green", "crimson", "purple", "brown", "hotpink", "gray", "olive", "teal"];
const [menu, box] = [document.querySelector("select"), document.querySelector("div")];

function shape(tag, attributes, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

function draw(layer) {
  const svg = shape("svg", { width: "100%", height: TOP + ROW * words.length });
  const lines = shape("g", {});
  box.replaceChildren(svg);
  svg.append(list("from", LEFT - 8, "end", lines), list("to", RIGHT + 8, "start", lines), lines);
  attn[layer].forEach((rows, head) => rows.forEach((row, from) => row.forEach((weight, to) => {
    lines.append(shape("line", {
      x1: LEFT, x2: RIGHT, y1: TOP + ROW * (from + 0.5), y2: TOP + ROW * (to + 0.5), from, to,
      "stroke": COLOURS[head % COLOURS.length], "stroke-width": 2, "stroke-opacity": weight / attn[layer].length,
    }));
  })));
}

function list(side, x, anchor, lines) {
  const group = shape("g", { class: side });
  const forget = () => lines.querySelectorAll("line[visibility]").forEach((line) => line.removeAttribute("visibility"));
  words.forEach((word, index) => {
    const text = shape("text", { x, y: TOP + ROW * index + 15, "text-anchor": anchor }, word);
    const show = (line) => line.setAttribute("visibility", "visible");
    text.addEventListener("mouseover", () => timed("HOVER", () => {
      forget();
      lines.setAttribute("visibility", "hidden");
      lines.querySelectorAll("line[" + side + "='" + index + "']").forEach(show);
    }));
    group.append(text);
  });
  group.addEventListener("mouseleave", () => { forget(); lines.removeAttribute("visibility"); });
  return group;
}

function timed(name, work) {
  const start = performance.now();
  work();
  performance.measure(name, { start, end: performance.now() });
}

attn.forEach((_, layer) => menu.append(new Option(layer)));
menu.addEventListener("change", () => timed("SWITCH", () => draw(menu.selectedIndex)));
draw(0);
performance.mark("FIRST");
</script>
"""


def lines_page(trace: AttentionTrace) -> tuple[str, int]:
    """The page of lines, and the bytes of the trace in it."""
    params = {
        "attention": [
            {
                "name": None,
                "attn": trace.attentions.tolist(),
                "left_text": list(trace.tokens),
                "right_text": list(trace.tokens),
            }
        ]
    }
    carried = json.dumps(params)
    page = LINES_PAGE
    for name, value in {"TRACE": carried, "FIRST": FIRST, "HOVER": HOVER, "SWITCH": SWITCH}.items():
        page = page.replace(name, value, 1)
    return page, len(carried.encode())


def our_page(trace: AttentionTrace) -> tuple[str, int]:
    """The explorer, and the bytes of the payload in it."""
    payload = json_in_html(views.attention_payload(trace, alone=True))
    return views.show(trace).html, len(payload.encode())


# -- what is done with them, one step at a time --------------------------------------------------------------------


def hover_ours(page: Page) -> Iterator[None]:
    """From word to word of the lines, or from row to row of the matrix, whichever is drawn."""
    words = page.locator(".mlm-lines .mlm-from [role=option]")
    if words.first.is_visible():
        yield from hover_over(page, words)
        return
    matrix = page.locator(".mlm-matrix canvas")
    matrix.scroll_into_view_if_needed()
    box = matrix.bounding_box()
    for turn in range(HOVERS):
        yield page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * (turn + 0.5) / HOVERS)


def hover_over(page: Page, words: Locator) -> Iterator[None]:
    """From one to the next of those in the window."""
    words.first.scroll_into_view_if_needed()
    boxes = words.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().toJSON())")
    boxes = [box for box in boxes if box["bottom"] < page.viewport_size["height"]]
    for turn in range(HOVERS):
        box = boxes[turn % len(boxes)]
        yield page.mouse.move((box["left"] + box["right"]) / 2, (box["top"] + box["bottom"]) / 2)


def switch_ours(page: Page) -> Iterator[None]:
    """From head to head and layer to layer with the arrow keys."""
    page.locator(".mlm-thumb.mlm-chosen").focus()
    for turn in range(SWITCHES):
        yield page.keyboard.press(("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown")[turn % 4])


def hover_lines(page: Page) -> Iterator[None]:
    yield from hover_over(page, page.locator("g.from text"))


def switch_lines(page: Page) -> Iterator[None]:
    for turn in range(SWITCHES):
        yield page.locator("select").select_option(index=1 + turn % 2)


SIDES = {"ours": (our_page, hover_ours, switch_ours), "lines": (lines_page, hover_lines, switch_lines)}


# -- measuring -----------------------------------------------------------------------------------------------------

# Looks once a frame whether the first picture is drawn; the task after that frame's paint is the moment it was made.
WATCH = f"""
(() => {{
  const look = () => (performance.getEntriesByName("{FIRST}").length
    ? setTimeout(() => performance.mark("first-frame"))
    : requestAnimationFrame(look));
  requestAnimationFrame(look);
}})();
"""


def open_page(browser: Browser, file: Path) -> tuple[Page, CDPSession]:
    """The page once its first picture is on screen, and a session that counts its main thread's work from its start."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.add_init_script(WATCH)
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(file.as_uri())
    page.wait_for_function("performance.getEntriesByName('first-frame').length")
    return page, session


def main_thread(session: CDPSession) -> float:
    """Milliseconds of processor time that the page's main thread has taken."""
    values = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * values["TaskDuration"]


def first_picture(browser: Browser, file: Path) -> dict[str, float]:
    page, session = open_page(browser, file)
    found = {"first_frame_cpu_ms": main_thread(session)}
    for name, mark in {"first_drawn_ms": FIRST, "first_frame_ms": "first-frame"}.items():
        found[name] = page.evaluate("(name) => performance.getEntriesByName(name)[0].startTime", mark)
    page.context.close()
    return found


def redraws(browser: Browser, file: Path, hover: Callable, switch: Callable) -> dict[str, float]:
    page, session = open_page(browser, file)
    found = {}
    for name, measure, act in (("hover", HOVER, hover), ("switch", SWITCH, switch)):
        before = main_thread(session)
        until = time.monotonic() + SECONDS
        for _ in act(page):
            page.evaluate("new Promise(requestAnimationFrame)")
            if time.monotonic() > until:
                break
        worked = main_thread(session) - before
        durations = page.evaluate("(name) => performance.getEntriesByName(name).map((one) => one.duration)", measure)
        found[f"{name}_ms"] = statistics.median(durations)
        found[f"{name}_cpu_ms"] = worked / len(durations)
    page.context.close()
    return found


def measure(browser: Browser, trace: AttentionTrace, folder: Path, rounds: int) -> dict:
    """Both sides in turn: {side: numbers}, and their ratio."""
    found, files = {}, {}
    for side, (make, _, _) in SIDES.items():
        html, payload = make(trace)
        files[side] = folder / f"{side}.html"
        files[side].write_text(html, encoding="utf-8")
        found[side] = {"page_bytes": len(html.encode()), "payload_bytes": payload}
    opened = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side in SIDES:
            opened[side].append(first_picture(browser, files[side]))
    for side, (_, hover, switch) in SIDES.items():
        for name in opened[side][0]:
            found[side][name] = statistics.median(one[name] for one in opened[side])
        found[side] |= redraws(browser, files[side], hover, switch)
    found["ratio"] = {name: found["lines"][name] / found["ours"][name] for name in found["ours"]}
    return {
        side: {name: int(value) if name.endswith("bytes") else round(value, 1) for name, value in numbers.items()}
        for side, numbers in found.items()
    }


# -- what is looked at ---------------------------------------------------------------------------------------------


def random_checkpoint(folder: Path) -> Path:
    """Twelve layers of twelve heads with random weights, the size of the paper's L12-H384."""
    import torch
    import transformers

    torch.manual_seed(0)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundled_folder())
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=1536,
    )
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, nargs="+", default=[16, 64, 128], help="[CLS] and [SEP] included")
    parser.add_argument("--models", nargs="+", choices=("bundled", "random12"), default=["bundled", "random12"])
    parser.add_argument("--rounds", type=int, default=5, help="how often each page is opened")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        checkpoints = {"bundled": "bundled"}
        if "random12" in args.models:
            checkpoints["random12"] = str(random_checkpoint(Path(folder) / "random12"))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        found = {"chromium": browser.version, "rounds": args.rounds, "models": {}}
        for model in args.models:
            found["models"][model] = {}
            for tokens in args.tokens:
                trace = trace_attention(checkpoints[model], " ".join(TEXT.split()[: tokens - 2]), with_qkv=True)
                assert trace.num_tokens == tokens, f"{tokens} tokens were asked for; the text has {trace.num_tokens}"
                found["models"][model][tokens] = measure(browser, trace, Path(folder), args.rounds)
        browser.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
