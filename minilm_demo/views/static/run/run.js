// A run, live: status line, curves, Stop button, and the result at the end.
//
// `callbacks.poll({run, since})` promises the payload with the points that came after `since` (see `run_payload`); it and
// `callbacks.stop` are those of following.js. `callbacks.finished({run, status})` is called when a followed run is over,
// `callbacks.taken(payload)` after every payload that was drawn, null for no run. `callbacks.empty` is the
// text without a run. Without `poll` the picture is static; without `stop` there is no button. `callbacks.plotly`: see figure.js.

import { code, details, facts, make, say, scroller, show, table } from "../shared/dom.js";
import { drawSummary } from "../shared/result.js";
import { drawDetails } from "./card.js";
import { create as createChart } from "./chart.js";
import { follow } from "./following.js";
import { savePart } from "./save.js";
import { bestOf, latestOf, seriesOf, styled, tableOf, UNITS } from "./series.js";

/** @import { Chart, RunPayload } from "../payloads.js" */

const EVERY = 200; // milliseconds between two polls
const HIDDEN = 2000; // the same while the page is hidden
const SPEAK_EVERY = 10000; // milliseconds between two announcements to a screen reader

/**
 * @param {HTMLElement} root
 * @param {RunPayload | null} value
 */
export function mount(root, value, callbacks = {}) {
  const page = build(
    root,
    callbacks.empty || "No run yet. Press Train: its loss and its score move here while it learns.",
  );
  const state = { page, callbacks, spoken: 0, payload: null, points: null, charts: new Map() };
  state.destroy = () => {
    state.following.destroy();
    root.replaceChildren();
  };
  state.following = follow({
    root,
    callbacks,
    counted: "Steps made",
    title: page.title,
    every: EVERY,
    whileHidden: HIDDEN,
    question: () => ({ run: state.payload.run, since: state.payload.next }),
    take: (payload) => {
      if (payload.since === state.payload.next) take(state, payload);
      return state.payload;
    },
    over: ({ run, status }) => {
      if (callbacks.finished) callbacks.finished({ run, status });
    },
    lost: state.destroy,
  });
  page.body.prepend(state.following.element);
  update(state, value);
  return { update: (next) => update(state, next), destroy: state.destroy };
}

// -- the elements, made once

function build(root, empty) {
  const page = {
    title: make("h3", "mlm-title"),
    facts: make("div", ""),
    code: code(),
    live: make("p", "mlm-unseen"),
    summary: make("div", ""),
    reading: make("div", ""),
    result: make("div", ""),
    empty: make("p", "mlm-empty-run", empty),
    charts: make("div", "mlm-charts"),
  };
  page.live.setAttribute("aria-live", "polite");
  page.numbers = details("The curves as a table", () => numbersTable(page.numbers.state));
  page.save = savePart(() => page.numbers.state);
  page.body = make(
    "div",
    "",
    page.summary,
    page.charts,
    page.numbers,
    page.save,
    page.reading,
    page.result,
    page.facts,
    page.code,
    page.live,
  );
  root.classList.add("mlm", "mlm-run");
  root.replaceChildren(page.empty, page.body);
  return page;
}

// -- a payload comes

/**
 * The first value, or another one from the page.
 *
 * @param {RunPayload | null} payload
 */
function update(state, payload) {
  state.following.leave();
  show(state.page.empty, !payload);
  show(state.page.body, Boolean(payload));
  if (!payload) {
    state.payload = null;
    tell(state, null);
    return;
  }
  if (!state.payload || state.payload.run !== payload.run) state.spoken = 0;
  state.points = {};
  state.page.numbers.state = state;
  drawReading(state.page.reading, payload.reading);
  take(state, payload);
  state.following.begin(payload);
}

/**
 * @param {RunPayload} payload
 */
function take(state, payload) {
  const before = state.payload;
  state.payload = payload;
  for (const [name, points] of Object.entries(payload.points))
    state.points[name] = [...(state.points[name] || []), ...points];
  drawWords(state);
  if (payload.next !== payload.since || chartsChanged(before, payload)) drawCharts(state);
  if (payload.final) drawEnd(state);
  speak(state, before);
  tell(state, payload);
}

function tell({ callbacks }, payload) {
  if (callbacks.taken) callbacks.taken(payload);
}

/**
 * Whether a payload without new points changes the charts: another status, or another text for an empty chart.
 *
 * @param {RunPayload | null} before
 * @param {RunPayload} payload
 */
function chartsChanged(before, { status, charts }) {
  return !before || before.status !== status || JSON.stringify(before.charts) !== JSON.stringify(charts);
}

function drawWords({ page, payload }) {
  say(page.title, payload.title);
  page.facts.replaceChildren(facts(payload.facts));
  page.code.draw(payload.code || "");
  show(page.code, Boolean(payload.code));
}

function drawReading(box, reading) {
  const lines = () => make("ul", "mlm-reading", ...reading.lines.map((text) => make("li", "", text)));
  box.replaceChildren(...(reading ? [details(reading.title, lines)] : []));
}

function drawEnd(state) {
  const { page, payload, points, callbacks } = state;
  page.summary.replaceChildren(...(payload.result ? [drawSummary(payload.result)] : []));
  page.result.replaceChildren(...(payload.result ? [drawDetails(payload.result, callbacks)] : []));
  // A result without events has no curves: its figures are in the card.
  show(page.charts, hasCurves(points) || !payload.result);
  for (const fold of [page.numbers, page.save]) show(fold, hasCurves(points));
}

function hasCurves(points) {
  return Boolean(points.loss?.length);
}

function speak(state, before) {
  const { page, payload, points } = state;
  const news = !before || before.status !== payload.status;
  if (!news && Date.now() - state.spoken < SPEAK_EVERY) return;
  state.spoken = Date.now();
  const { of, words, unit } = payload.measured;
  const latest = (points[of] || []).at(-1);
  const score = latest ? ` ${words} ${UNITS[unit].format(latest[1])}.` : "";
  say(
    page.live,
    payload.result ? payload.sentence + " " + payload.result.verdicts.join(" ") : payload.sentence + score,
  );
}

// -- the curves

function drawCharts(state) {
  const { page, payload, points } = state;
  if (!payload.final) {
    page.summary.replaceChildren();
    page.result.replaceChildren();
    show(page.charts, true);
    for (const fold of [page.numbers, page.save]) show(fold, hasCurves(points));
  }
  const xMax = Math.max(
    payload.progress ? payload.progress.of : 1,
    ...Object.values(points)
      .flat()
      .map(([step]) => step),
  );
  makeCharts(state);
  for (const [name, { chart }] of state.charts) drawChart(chart, payload.charts[name], points, xMax);
  page.numbers.redraw();
}

// One chart for each name. Charts are made again only if their axes or keys differ.
function makeCharts({ page, payload, charts }) {
  const fixed = ({ y, keys }) => JSON.stringify([y, keys]);
  const described = Object.entries(payload.charts);
  if (
    described.length === charts.size &&
    described.every(([name, chart]) => charts.has(name) && charts.get(name).fixed === fixed(chart))
  )
    return;
  charts.clear();
  for (const [name, description] of described) {
    const keys = description.keys.map(([style, text]) => ({ className: styled(style), text }));
    charts.set(name, {
      fixed: fixed(description),
      chart: createChart({ title: description.title, xTitle: "step", yTitle: description.y, keys }),
    });
  }
  page.charts.replaceChildren(...[...charts.values()].map(({ chart }) => chart.element));
  page.charts.dataset.count = charts.size;
}

/**
 * @param {Chart} description
 */
function drawChart(chart, description, points, xMax) {
  const { format, tick, span } = UNITS[description.unit];
  const lines = description.series.map((series) => seriesOf(series, description.drawn ? points[series.of] || [] : []));
  const [low, high] = span(lines.flatMap((line) => line.points.map(([, value]) => value)));
  const hasPoints = lines.some((line) => line.points.length);
  const latest = latestOf(lines, format);
  chart.draw({
    title: description.title,
    empty: description.empty,
    off: !description.drawn,
    xMax,
    low,
    high,
    format,
    tick,
    series: lines,
    latest: latest || (hasPoints ? description.empty : ""),
    words: bestOf(lines, format) + (latest ? latest + "." : description.empty),
  });
}

function numbersTable({ payload, points }) {
  const { columns, rows } = tableOf(payload.charts, points);
  const cells = ([step, ...values]) => [
    String(step),
    ...values.map((value, place) => (value === undefined ? "" : columns[place].cell(value))),
  ];
  const title = "The curves as a table";
  const box = scroller(title, table(title, ["Step", ...columns.map((column) => column.title)], rows.map(cells)));
  box.classList.add("mlm-tall");
  return box;
}
