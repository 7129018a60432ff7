// Scored rows of a validation set: scores, and a table whose cells open the rows they count. See `scored_rows_payload`.
//
// `callbacks.picked({texts, checkpoint})` is called when a row is chosen, to ask the scored checkpoint about its texts.
// Without it (on a standalone page) rows are no buttons.

import { code, columnHeading, make, say, scroller, show } from "../shared/dom.js";
import { drawSummary, drawTable } from "../shared/result.js";

/** @import { Cell, CellTable, Matrix, RowList, ScoredRow, ScoredRowsPayload } from "../payloads.js" */

const EMPTY = "The score will be here, with every row behind it.";

/**
 * @param {HTMLElement} root
 * @param {ScoredRowsPayload | null} value
 */
export function mount(root, value, callbacks = {}) {
  const page = {
    body: make("div", ""),
    rows: make("section", "mlm-opened-rows"),
    code: code(),
    spoken: make("p", "mlm-unseen"),
  };
  const state = { page, callbacks, lists: [], cells: [], checkpoint: "" };
  page.spoken.setAttribute("aria-live", "polite");
  root.classList.add("mlm", "mlm-rows");
  root.replaceChildren(page.body, page.rows, page.code, page.spoken);
  update(state, value);
  return { update: (next) => update(state, next), destroy: () => root.replaceChildren() };
}

/**
 * @param {ScoredRowsPayload | null} value
 */
function update(state, value) {
  const { page } = state;
  state.lists = value ? value.lists : [];
  state.checkpoint = value?.checkpoint || "";
  state.cells = [];
  show(page.rows, false);
  page.rows.replaceChildren();
  page.body.replaceChildren(...(value ? drawBody(state, value) : [make("p", "mlm-empty", EMPTY)]));
  page.code.draw(value?.code || "");
  show(page.code, Boolean(value?.code));
  say(page.spoken, value ? value.verdicts.join(" ") : "");
  if (value && !value.matrix) drawRows(state, value.lists[0]);
}

/**
 * @param {ScoredRowsPayload} value
 */
function drawBody(state, value) {
  return [
    drawSummary(value),
    ...value.notes.map((sentence) => make("p", "mlm-note", sentence)),
    value.scores ? drawTable(value.scores) : null,
    value.matrix ? drawMatrix(state, value.matrix) : null,
    value.matrix ? make("p", "mlm-note", "Choose a cell to see its rows.") : null,
  ].filter((part) => part);
}

/**
 * The table of a result whose cells open a few of their rows, for the card of a run.
 *
 * @param {CellTable} table
 */
export function drawCells({ matrix, lists }, callbacks) {
  const page = { rows: make("section", "mlm-opened-rows"), spoken: make("p", "mlm-unseen") };
  page.spoken.setAttribute("aria-live", "polite");
  show(page.rows, false);
  const state = { page, callbacks, lists, cells: [], checkpoint: "" };
  const hint = make("p", "mlm-note", "Choose a cell to see rows of it.");
  return make("div", "mlm-rows", drawMatrix(state, matrix), hint, page.rows, page.spoken);
}

/**
 * The table of counts, by true and predicted answer.
 *
 * @param {object} state
 * @param {Matrix} matrix
 */
function drawMatrix(state, { title, labels, columns, rows }) {
  const headings = ["true ↓  predicted →", ...columns].map((text) => columnHeading(text));
  const drawn = rows.map((cells, place) =>
    make("tr", "", rowHeading(labels[place]), ...cells.map((cell) => drawCell(state, cell))),
  );
  const grid = make(
    "table",
    "mlm-confusion",
    make("caption", "mlm-unseen", title + "; the share is of the true class"),
    make("thead", "", make("tr", "", ...headings)),
    make("tbody", "", ...drawn),
  );
  return make("div", "mlm-block", make("h4", "", title), scroller(title, grid));
}

function rowHeading(text) {
  const cell = make("th", "", text);
  cell.scope = "row";
  return cell;
}

/**
 * @param {Cell} cell
 */
function drawShaded({ count, share, text }) {
  const cell = make("td", "mlm-shaded", make("strong", "", count), make("span", "", text));
  cell.style.setProperty("--share", Math.round(100 * share) + "%");
  return cell;
}

/**
 * A cell that counts rows is a button; one without rows is a number.
 *
 * @param {Cell} cell
 */
function drawCell(state, cell) {
  const drawn = drawShaded(cell);
  if (cell.list === null) return drawn;
  const button = make(
    "button",
    "mlm-cell",
    ...drawn.childNodes,
    make("span", "mlm-unseen", state.lists[cell.list].title),
  );
  button.type = "button";
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => openCell(state, cell.list, button));
  state.cells.push(button);
  drawn.classList.add("mlm-open");
  drawn.append(button);
  return drawn;
}

function openCell(state, place, button) {
  for (const cell of state.cells) cell.setAttribute("aria-pressed", String(cell === button));
  drawRows(state, state.lists[place]);
  say(state.page.spoken, state.lists[place].title + ": " + state.lists[place].note);
}

/**
 * @param {RowList} list
 */
function drawRows(state, list) {
  const { page, callbacks } = state;
  const use = callbacks.picked ? " Choose one to ask the model about it." : "";
  const items = make("ul", "mlm-row-list", ...list.rows.map((row) => make("li", "", drawRow(state, row))));
  const box = scroller(list.title, items);
  box.classList.add("mlm-row-box");
  page.rows.replaceChildren(make("h4", "", list.title), make("p", "mlm-note", list.note + use), box);
  show(page.rows, true);
}

/**
 * A row as nested spans, because a button may contain only phrasing content.
 *
 * @param {any} state
 * @param {ScoredRow} row
 */
function drawRow({ page, callbacks, checkpoint }, row) {
  const texts = row.fields.map(([name, text]) => pair("mlm-row-text", row.fields.length > 1 ? name : "", text));
  const said = make("span", "mlm-row-said", ...row.said.map(([name, text]) => pair("", name, text)));
  const card = make(callbacks.picked ? "button" : "span", "mlm-row", make("span", "", ...texts), said);
  if (callbacks.picked) {
    card.type = "button";
    card.addEventListener("click", () => {
      callbacks.picked({ texts: row.texts, checkpoint });
      say(page.spoken, "The model is asked about: " + row.fields[0][1]);
    });
  }
  return card;
}

function pair(className, name, text) {
  return make(
    "span",
    className,
    name ? make("span", "mlm-row-name", name + " ") : null,
    make("span", "mlm-row-words", text),
    " ",
  );
}
