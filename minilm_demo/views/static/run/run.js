// A run, live: a status line, its curves, a Stop button, and at the end the result.
//
// `callbacks.poll({run, since})` promises the payload with the points that came after `since` (see `run_payload`); it and
// `callbacks.stop` are those of following.js. `callbacks.finished({run, status})` is called when a watched run is over;
// `callbacks.taken(payload)` after every payload that was drawn, null for no run. `callbacks.empty`: what to say where
// there is no run.
// Without `poll` the picture stands still, without `stop` there is no button. `callbacks.plotly`: see figure.js.

import { code, details, facts, make, say, scroller, show, table } from "../shared/dom.js";
import { drawSummary } from "../shared/result.js";
import { drawDetails } from "./card.js";
import { create as createChart } from "./chart.js";
import { follow } from "./following.js";
import { savePart } from "./save.js";
import { bestOf, latestOf, seriesOf, styled, tableOf, UNITS } from "./series.js";

/** @import { Chart, RunPayload } from "../payloads.js" */

const EVERY = 200; // milliseconds between two questions
const HIDDEN = 2000; // nobody is looking
const SPEAK_EVERY = 10000; // a screen reader is told no more often than this

/**
 * @param {HTMLElement} root
 * @param {RunPayload | null} value
 */
export function mount(root, value, callbacks = {}) {
  const page = build(root, callbacks.empty || "No run yet. Choose a task and start one.");
  const state = { page, callbacks, spoken: 0, head: null, points: null, charts: new Map() };
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
    question: () => ({ run: state.head.run, since: state.head.next }),
    take: (payload) => {
      if (payload.since === state.head.next) take(state, payload);
      return state.head;
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
 * A whole new value: from the server's side, or at the beginning.
 *
 * @param {RunPayload | null} payload
 */
function update(state, payload) {
  state.following.leave();
  show(state.page.empty, !payload);
  show(state.page.body, Boolean(payload));
  if (!payload) {
    state.head = null;
    tell(state, null);
    return;
  }
  if (!state.head || state.head.run !== payload.run) state.spoken = 0;
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
  const before = state.head;
  state.head = payload;
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
 * Without a new point: another state, or another reason why there is none ("Place 3 in the line.").
 *
 * @param {RunPayload | null} before
 * @param {RunPayload} payload
 */
function chartsChanged(before, { status, charts }) {
  return !before || before.status !== status || JSON.stringify(before.charts) !== JSON.stringify(charts);
}

function drawWords({ page, head }) {
  say(page.title, head.title);
  page.facts.replaceChildren(facts(head.facts));
  page.code.draw(head.code || "");
  show(page.code, Boolean(head.code));
}

function drawReading(box, reading) {
  const lines = () => make("ul", "mlm-reading", ...reading.lines.map((text) => make("li", "", text)));
  box.replaceChildren(...(reading ? [details(reading.title, lines)] : []));
}

function drawEnd(state) {
  const { page, head, points, callbacks } = state;
  page.summary.replaceChildren(...(head.result ? [drawSummary(head.result)] : []));
  page.result.replaceChildren(...(head.result ? [drawDetails(head.result, callbacks)] : []));
  // A result that was shown without its run has no curves; the figures are in the card then.
  show(page.charts, hasCurves(points) || !head.result);
  for (const fold of [page.numbers, page.save]) show(fold, hasCurves(points));
}

function hasCurves(points) {
  return Boolean(points.loss?.length);
}

function speak(state, before) {
  const { page, head, points } = state;
  const news = !before || before.status !== head.status;
  if (!news && Date.now() - state.spoken < SPEAK_EVERY) return;
  state.spoken = Date.now();
  const { of, words, unit } = head.measured;
  const latest = (points[of] || []).at(-1);
  const score = latest ? ` ${words} ${UNITS[unit].format(latest[1])}.` : "";
  say(page.live, head.result ? head.sentence + " " + head.result.verdicts.join(" ") : head.sentence + score);
}

// -- the curves

function drawCharts(state) {
  const { page, head, points } = state;
  if (!head.final) {
    page.summary.replaceChildren();
    page.result.replaceChildren();
    show(page.charts, true);
    for (const fold of [page.numbers, page.save]) show(fold, hasCurves(points));
  }
  const xMax = Math.max(
    head.progress ? head.progress.of : 1,
    ...Object.values(points)
      .flat()
      .map(([step]) => step),
  );
  makeCharts(state);
  for (const [name, { chart }] of state.charts) drawChart(chart, head.charts[name], points, xMax);
  page.numbers.redraw();
}

// One chart for each name, made once; its title, its keys and its axis never change while the run is the same.
function makeCharts({ page, head, charts }) {
  const fixed = ({ y, keys }) => JSON.stringify([y, keys]);
  const wanted = Object.entries(head.charts);
  if (
    wanted.length === charts.size &&
    wanted.every(([name, one]) => charts.has(name) && charts.get(name).fixed === fixed(one))
  )
    return;
  charts.clear();
  for (const [name, one] of wanted) {
    const keys = one.keys.map(([style, text]) => ({ className: styled(style), text }));
    charts.set(name, {
      fixed: fixed(one),
      chart: createChart({ title: one.title, xTitle: "step", yTitle: one.y, keys }),
    });
  }
  page.charts.replaceChildren(...[...charts.values()].map(({ chart }) => chart.element));
  page.charts.dataset.count = charts.size;
}

/**
 * @param {Chart} asked
 */
function drawChart(chart, asked, points, xMax) {
  const { format, tick, span } = UNITS[asked.unit];
  const lines = asked.series.map((one) => seriesOf(one, asked.drawn ? points[one.of] || [] : []));
  const [low, high] = span(lines.flatMap((one) => one.points.map(([, value]) => value)));
  const some = lines.some((one) => one.points.length);
  const latest = latestOf(lines, format);
  chart.draw({
    title: asked.title,
    empty: asked.empty,
    off: !asked.drawn,
    xMax,
    low,
    high,
    format,
    tick,
    series: lines,
    latest: latest || (some ? asked.empty : ""),
    words: bestOf(lines, format) + (latest ? latest + "." : asked.empty),
  });
}

function numbersTable({ head, points }) {
  const { columns, rows } = tableOf(head.charts, points);
  const cells = ([step, ...values]) => [
    String(step),
    ...values.map((value, place) => (value === undefined ? "" : columns[place].cell(value))),
  ];
  const title = "The curves as a table";
  const box = scroller(title, table(title, ["Step", ...columns.map((column) => column.title)], rows.map(cells)));
  box.classList.add("mlm-tall");
  return box;
}
