// The card at the end of a run: scores with intervals beside the baseline and the paper, confusion, worst mistakes.
// Every sentence and number comes as text from `views/result.py`; here they get their places.

import { columnHeading, details, facts, make, scroller, table } from "./dom.js";

/** @import { Cell, Matrix, Plot, PlotRow, ResultCard, Table } from "../payloads.js" */

const MISTAKES_AT_ONCE = 5;

/**
 * The score and what it means; see `result_card` for the keys of a card.
 *
 * @param {Pick<ResultCard, "headline" | "verdicts" | "source">} card
 */
export function drawSummary(card) {
  return make(
    "div",
    "mlm-summary",
    make("p", "mlm-headline", make("strong", "", card.headline.value), " ", make("span", "", card.headline.label)),
    ...card.verdicts.map((sentence) => make("p", "mlm-verdict", sentence)),
    make("p", "mlm-source", card.source),
  );
}

/**
 * The rest: pictures and tables, those of them that the card has.
 *
 * @param {ResultCard} card
 */
export function drawDetails({ plots = [], tables = [], confusion = [], ...card }) {
  const several = plots.length > 1 ? "mlm-plots mlm-two" : "mlm-plots";
  return make(
    "section",
    "mlm-card",
    make("h3", "", "Result"),
    plots.length ? make("div", several, ...plots.map(drawPlot)) : null,
    tables.length ? make("div", "mlm-tables", ...tables.map(drawTable)) : null,
    ...card.notes.map((sentence) => make("p", "mlm-note", sentence)),
    card.extra ? drawTable(card.extra) : null,
    facts(card.figures),
    confusion.length ? make("div", "mlm-confusions", ...confusion.map((matrix) => drawConfusion(matrix))) : null,
    card.mistakes ? drawMistakes(card.mistakes) : null,
  );
}

// -- the dot plot: one row a model, so that close scores never write over each other

/**
 * @param {Plot} plot
 */
export function drawPlot(plot) {
  const percent = (value) => (100 * (value - plot.range[0])) / (plot.range[1] - plot.range[0]);
  const rows = plot.rows.map((row) =>
    make(
      "tr",
      "mlm-plot-" + row.kind,
      rowHeading(row.label),
      make("td", "mlm-plot-cell", drawTrack(plot, row, percent)),
      make("td", "mlm-plot-value", row.value),
    ),
  );
  const headings = ["Model", "Score, and its 95 % interval as a bar", "Value"].map((text) => columnHeading(text));
  return make(
    "table",
    "mlm-plot",
    make("caption", "", plot.title),
    make("colgroup", "", make("col", "mlm-plot-names"), make("col"), make("col", "mlm-plot-values")),
    make("thead", "mlm-unseen", make("tr", "", ...headings)),
    make("tbody", "", ...rows),
    drawFoot(plot, percent),
  );
}

function rowHeading(text) {
  const cell = make("th", "", text);
  cell.scope = "row";
  return cell;
}

/**
 * @param {Plot} plot
 * @param {PlotRow} row
 */
function drawTrack(plot, row, percent) {
  const track = make("div", "mlm-track");
  track.append(placed("mlm-track-baseline", percent(plot.baseline)));
  if (row.low !== null) {
    const bar = placed("mlm-track-interval", percent(Math.max(row.low, plot.range[0])));
    bar.style.width = percent(row.high) - percent(Math.max(row.low, plot.range[0])) + "%";
    track.append(bar);
  }
  track.append(placed("mlm-track-mark", percent(row.at)));
  track.append(...(row.dots || []).map((at, place) => drawDot(percent(at), row.dots.length > 1 ? (place % 3) - 1 : 0)));
  return track;
}

// One of several marks in a row; `lane` (-1, 0, 1) keeps equal ones apart.
function drawDot(left, lane) {
  const dot = placed("mlm-track-dot", left);
  dot.style.setProperty("--lane", lane);
  return dot;
}

function placed(className, left) {
  const node = make("span", className);
  node.style.left = left + "%";
  return node;
}

function drawFoot(plot, percent) {
  const axis = make("div", "mlm-track-axis");
  for (const [at, text] of plot.ticks) {
    const tick = placed("mlm-track-tick", percent(at));
    tick.textContent = text;
    axis.append(tick);
  }
  const row = make("tr", "", make("td", ""), make("td", "mlm-plot-cell", axis), make("td", ""));
  row.setAttribute("aria-hidden", "true"); // the values stand in the rows
  return make("tfoot", "", row);
}

// -- tables

/**
 * @param {Table} table
 */
export function drawTable({ title, headings, rows }) {
  return make("div", "mlm-block", make("h4", "", title), scroller(title, table(title, headings, rows)));
}

/**
 * `columns`: the names of the columns where they are not those of the rows. `drawCell(cell)` makes the td of a cell.
 *
 * @param {Matrix} matrix
 */
export function drawConfusion(matrix, drawCell = drawShaded) {
  const columns = matrix.columns || matrix.labels;
  const headings = make("tr", "", columnHeading("true ↓  predicted →"), ...columns.map((text) => columnHeading(text)));
  const rows = matrix.rows.map((cells, place) =>
    make("tr", "", rowHeading(matrix.labels[place]), ...cells.map((cell) => drawCell(cell))),
  );
  const grid = make(
    "table",
    "mlm-confusion",
    make("caption", "mlm-unseen", matrix.title + "; the share is of the true class"),
    make("thead", "", headings),
    make("tbody", "", ...rows),
  );
  return make("div", "mlm-block", make("h4", "", matrix.title), scroller(matrix.title, grid));
}

/**
 * @param {Cell} cell
 */
export function drawShaded({ count, share, text }) {
  const cell = make("td", "mlm-shaded", make("strong", "", count), make("span", "", text));
  cell.style.setProperty("--share", Math.round(100 * share) + "%");
  return cell;
}

/**
 * @param {Table} mistakes
 */
function drawMistakes({ title, headings, rows }) {
  const first = scroller(title, table(title, headings, rows.slice(0, MISTAKES_AT_ONCE)));
  const more = rows.slice(MISTAKES_AT_ONCE);
  const words = `${more.length} more`;
  return make(
    "div",
    "mlm-block mlm-mistakes",
    make("h4", "", title),
    first,
    more.length ? details(words, () => scroller(words, table(words, headings, more))) : null,
  );
}
