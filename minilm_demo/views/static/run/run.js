// A run, live: a status line, its curves, a Stop button, and at the end the result.
//
// `callbacks.poll({run, since})` promises the payload with the points that came after `since` (see `run_payload`); it and
// `callbacks.stop` are those of following.js. `callbacks.finished({run, status})` is called when a watched run is over; `callbacks.taken(payload)` after every payload
// that was drawn, null for no run. `callbacks.empty`: what to say where there is no run.
// Without `poll` the picture stands still, without `stop` there is no button. `callbacks.plotly`: see figure.js.

import { code, details, facts, make, say, scroller, show, table } from "../shared/dom.js";
import { number, percent } from "../shared/numbers.js";
import { drawSummary } from "../shared/result.js";
import { drawDetails } from "./card.js";
import { create as createChart } from "./chart.js";
import { follow } from "./following.js";

const EVERY = 200; // milliseconds between two questions
const HIDDEN = 2000; // nobody is looking
const SPEAK_EVERY = 10000; // a screen reader is told no more often than this
const SMOOTHING = 0.9; // share of the past in the smoothed line

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
  page.body = make(
    "div",
    "",
    page.summary,
    page.charts,
    page.numbers,
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

// A whole new value: from the server's side, or at the beginning.
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

// Without a new point: another state, or another reason why there is none ("Place 3 in the line.").
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
  show(page.numbers, hasCurves(points));
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
    show(page.numbers, hasCurves(points));
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

// "student round" -> "mlm-student mlm-round"
function styled(style) {
  return style
    .split(" ")
    .map((name) => "mlm-" + name)
    .join(" ");
}

// How a chart's values are written, on its axis and in the table, and what its axis spans: [low, high].
const twoDigits = (value) => number(value, 2);
const UNITS = {
  loss: {
    format: (value) => value.toFixed(3),
    tick: String,
    cell: (value) => value.toFixed(4),
    span: (values) => [0, roundUp(Math.max(0.1, ...values))],
  },
  percent: {
    format: (value) => percent(value, 1),
    tick: (value) => Math.round(100 * value) + " %",
    cell: (value) => percent(value, 1),
    span: scoreSpan,
  },
  number: { format: twoDigits, tick: (value) => value.toFixed(1), cell: twoDigits, span: scoreSpan },
};

function scoreSpan(values) {
  return [Math.max(-1, Math.min(0.8, Math.floor(Math.min(1, ...values) * 5 - 0.1) / 5)), 1];
}

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

function seriesOf({ name, style, smooth: smoothed, dots, latest }, points) {
  const best = points.findLastIndex(([, , isBest]) => isBest);
  const drawn = smoothed ? smooth(points) : points.map(([step, value]) => [step, value]);
  return { name, className: styled(style), points: drawn, dots, latest, best };
}

// "Latest: step 84 · loss 0.512 · smoothed 0.498"
function latestOf(lines, format) {
  const named = lines.filter((one) => one.latest && one.points.length);
  if (!named.length) return "";
  const values = named.map((one) => one.name + " " + format(one.points.at(-1)[1]));
  return ["Latest: step " + named[0].points.at(-1)[0], ...values].join(" · ");
}

function bestOf(lines, format) {
  return lines
    .filter(({ best }) => best >= 0)
    .map(({ points, best }) => `Best ${format(points[best][1])} at step ${points[best][0]}. `)
    .join("");
}

// Exponential moving average; divided by the weight so far, or the first values would pull it towards zero.
function smooth(points) {
  let sum = 0;
  let weight = 0;
  return points.map(([step, value]) => {
    sum = SMOOTHING * sum + (1 - SMOOTHING) * value;
    weight = SMOOTHING * weight + (1 - SMOOTHING);
    return [step, sum / weight];
  });
}

function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((size) => size >= value);
}

// Every step with what was told of it; smoothed lines are left out.
function numbersTable({ head, points }) {
  const columns = Object.values(head.charts).flatMap(({ unit, series }) =>
    series
      .filter(({ column }) => column)
      .map(({ column, of }) => ({
        column,
        cell: UNITS[unit].cell,
        values: new Map((points[of] || []).map(([step, value]) => [step, value])),
      })),
  );
  const steps = [...new Set(columns.flatMap(({ values }) => [...values.keys()]))].sort((one, other) => one - other);
  const rows = steps.map((step) => [
    String(step),
    ...columns.map(({ values, cell }) => (values.has(step) ? cell(values.get(step)) : "")),
  ]);
  const box = scroller(
    "The curves as a table",
    table("The curves as a table", ["Step", ...columns.map(({ column }) => column)], rows),
  );
  box.classList.add("mlm-tall");
  return box;
}
