// A plotly figure with its title, its numbers as a table, and files to save. See `figure_payload` for the value,
// {figure {data, layout}, title, about, name, table}; null draws nothing.
//
// `callbacks.plotly` is the address of plotly.js, fetched once a page, when its first figure comes onto the screen.
// Without it (on a standalone page, which may load nothing) the table replaces the picture.

import { css, onTheme, palette } from "../shared/colours.js";
import { details, make, say, scroller, show, table } from "../shared/dom.js";
import { quotedCell, saving, tableSave } from "../shared/save.js";

const CONFIG = { displayModeBar: false, doubleClick: "reset", showTips: false };
const TITLE = 52; // pixels of the title, which is in saved pictures only
const TOP = 8; // pixels above the picture on the page
const LEAST = 720; // pixels: the width of a saved picture at least
const UNREACHABLE = "The picture could not be loaded. The table has its numbers.";
const ALONE = "In a file there are the numbers alone; in a notebook, views.figure(result) draws the picture.";

export function mount(root, value, callbacks = {}) {
  const state = { root, callbacks, value: null, plotly: null, seen: false, width: 0, page: null };
  state.page = build(root, state);
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    state.seen = true;
    watcher.disconnect();
    draw(state);
  });
  const sizes = new ResizeObserver(() => fit(state));
  const themeEnds = onTheme(() => (root.isConnected ? draw(state) : destroy()));
  function destroy() {
    watcher.disconnect();
    sizes.disconnect();
    themeEnds();
    state.plotly?.purge(state.page.drawing);
    root.replaceChildren();
  }
  watcher.observe(state.page.drawing);
  sizes.observe(state.page.drawing);
  update(state, value);
  return { update: (next) => update(state, next), destroy };
}

function build(root, state) {
  const page = {
    title: make("h4", "mlm-figure-title"),
    drawing: make("div", "mlm-drawing"),
    numbers: make("div", ""), // in place of the picture
    note: make("p", "mlm-note"),
    table: details("As a table", () => tableOf(state.value.table)),
  };
  page.drawing.setAttribute("role", "img");
  page.note.setAttribute("role", "status");
  const name = (ending) => state.value.name + "." + ending;
  const saves = [
    { text: "Picture (PNG)", write: () => savePicture(state, "png") },
    { text: "Picture (SVG)", write: () => savePicture(state, "svg") },
    tableSave("Table (CSV)", name, () => csvRows(state.value.table)),
  ];
  page.more = make("div", "mlm-figure-more", page.table, saving(saves).element);
  page.body = make("div", "", page.title, page.drawing, page.numbers, page.note, page.more);
  root.classList.add("mlm", "mlm-figure");
  root.replaceChildren(page.body);
  return page;
}

function update(state, value) {
  const { page, callbacks } = state;
  state.value = value || null;
  show(page.body, Boolean(value));
  if (!value) return;
  say(page.title, value.title);
  say(page.note, callbacks.plotly ? "" : ALONE);
  page.numbers.replaceChildren(...(callbacks.plotly ? [] : [tableOf(value.table)]));
  show(page.more, Boolean(callbacks.plotly));
  page.drawing.setAttribute("aria-label", value.about);
  page.drawing.style.minHeight = value.figure.layout.height - TITLE + "px"; // avoids a layout shift below
  show(page.drawing, Boolean(callbacks.plotly));
  page.table.redraw();
  draw(state);
}

// -- the picture

async function draw(state) {
  const { page, callbacks, value } = state;
  if (!value || !state.seen || !callbacks.plotly) return;
  try {
    state.plotly = await library(callbacks.plotly);
  } catch (_error) {
    say(page.note, UNREACHABLE);
    page.table.open = true;
    return;
  }
  if (value !== state.value) return; // stale: another value has come
  const { data, layout } = themed(value.figure, page.drawing);
  const margin = { ...layout.margin, t: TOP };
  const untitled = { ...layout, title: undefined, margin, height: layout.height - TITLE + TOP, dragmode: dragging() };
  await state.plotly.react(page.drawing, structuredClone(data), untitled, CONFIG);
  page.drawing.dataset.drawn = value.name;
  fit(state);
}

// A finger scrolls the page; a mouse zooms into the figure.
function dragging() {
  return matchMedia("(pointer: coarse)").matches ? false : "zoom";
}

function fit({ plotly, page, value }) {
  const width = page?.drawing.clientWidth;
  if (!plotly || !value || !width || width === page.drawing._fullLayout?.width) return;
  plotly.relayout(page.drawing, { width });
}

async function library(address) {
  const loaded = () => /** @type {any} */ (window).Plotly;
  if (loaded()) return loaded();
  let script = [...document.scripts].find(({ src }) => src === address);
  if (!script) {
    script = make("script", "");
    script.src = address;
    document.head.append(script);
  }
  await new Promise((done, failed) => {
    script.addEventListener("load", done);
    script.addEventListener("error", failed);
  }).catch(() => {});
  if (!loaded()) {
    script.remove(); // the next figure retries
    throw new Error("plotly.js did not come");
  }
  return loaded();
}

// -- its colours

// The figure with the page's colours, light or dark, instead of the template's neutral ones.
function themed({ data, layout }, node) {
  /** @type {any} */
  const colours = { ...palette(node), surface: behind(node) };
  const [text, surface, line] = [colours.text, colours.surface, colours.line].map((colour) => paint(colour));
  const look = structuredClone(layout.template.layout);
  look.font = { ...look.font, color: text, family: getComputedStyle(node).fontFamily };
  look.hoverlabel = {
    ...look.hoverlabel,
    bgcolor: surface,
    bordercolor: paint(colours.text, 0.5),
    font: { ...look.hoverlabel.font, color: text },
  };
  for (const axis of [look.xaxis, look.yaxis])
    Object.assign(axis, { gridcolor: line, linecolor: paint(colours.text, 0.4) });
  look.annotationdefaults = { bgcolor: surface }; // over grid lines
  const scatter = [{ marker: { line: { color: text } } }];
  const template = { layout: look, data: { scatter } };
  return { data: data.map(lettered), layout: { ...layout, template, ...scale(layout, data, colours) } };

  function lettered(trace) {
    return trace.texttemplate ? { ...trace, textfont: { ...trace.textfont, color: text } } : trace;
  }
}

// The sequential scale, starting at the page's background, over the square root of the value, as most values are small.
// A scale under text is linear and stays light enough to read the text.
function scale({ coloraxis }, data, colours) {
  if (!coloraxis) return {};
  const stop = (at, share) => [at, paint(mixed(colours.scale, colours.surface, share))];
  const roots = [0, 0.25, 0.5, 0.75, 1].map((root) => stop(root * root, 0.06 + 0.94 * root));
  const colorscale = data.some((trace) => trace.texttemplate) ? [stop(0, 0.06), stop(1, 0.6)] : roots;
  return { coloraxis: { ...coloraxis, colorscale } };
}

// The background colour behind the picture, [r, g, b].
function behind(node) {
  if (!node) return [255, 255, 255];
  const [red, green, blue, alpha = 1] = getComputedStyle(node)
    .backgroundColor.match(/[\d.]+/g)
    .map(Number);
  return alpha ? [red, green, blue] : behind(node.parentElement);
}

// [r, g, b] in CSS.
function paint(colour, alpha = 1) {
  return css(/** @type {[number, number, number]} */ (colour), alpha);
}

function mixed(one, other, share) {
  return one.map((part, place) => share * part + (1 - share) * other[place]);
}

// -- as a table, as files

function tableOf({ title, headings, rows }) {
  const box = scroller(title, table(title, headings, rows, true));
  box.classList.add("mlm-figure-table");
  return box;
}

// A spreadsheet needs a hyphen as minus sign, and would execute a text that begins like a formula.
function csvRows({ headings, rows }) {
  const cell = (text) => quotedCell(text.replace(/−(?=\d)/g, "-").replace(/^(?=[=+@])(?!\+\d)/, "'"));
  return [headings, ...rows].map((cells) => cells.map(cell));
}

// The saved picture has the title and the page's background, because pale text needs a dark one.
async function savePicture({ plotly, value, page }, format) {
  if (!plotly) return UNREACHABLE;
  const { data, layout } = themed(value.figure, page.drawing);
  const width = Math.max(LEAST, page.drawing.clientWidth);
  const size = { width, height: layout.height, ...(format === "png" ? { scale: 2 } : {}) };
  const figure = {
    data: structuredClone(data),
    layout: { ...layout, width, paper_bgcolor: paint(behind(page.drawing)) },
  };
  await plotly.downloadImage(figure, { format, filename: value.name, ...size });
  return "";
}
