// A grid of small maps, one for each head, drawn on one canvas; above it cells that can be chosen, marked and named.
// One stop of the Tab key; the arrow keys go from cell to cell.

import { mosaic, sharp } from "./canvas.js";
import { make, say } from "./dom.js";
import { step } from "./places.js";

const EDGE = 12; // pixels beyond the edge that hide no map

// options: {name, rowTitle, columnTitle, rows, columns [{text, label, apart}], pick(place), enter(place)}. apart
// leaves a gap before it. Returns {element, draw(picture), mark(marks), choose(place), focus()}.
export function create(options) {
  const canvas = make("canvas", "mlm-thumbs-canvas");
  canvas.setAttribute("aria-hidden", "true");
  const cells = options.rows.map((row, y) => options.columns.map((column, x) => makeCell(row, column, y, x)));
  const grid = makeGrid(options, cells);
  const sheet = make("div", "mlm-thumbs-sheet", make("p", "mlm-axis", options.columnTitle), canvas, grid);
  const element = make("div", "mlm-thumbs", sheet);
  const state = {
    element,
    sheet,
    canvas,
    cells,
    source: make("canvas", ""),
    chosen: { row: 0, column: 0 },
    picture: null,
  };
  listen(grid, cells, options);
  element.addEventListener("scroll", () => hint(element));
  new ResizeObserver(() => {
    state.scrolls = element.scrollWidth > element.clientWidth;
    hint(element);
    paint(state);
  }).observe(grid);

  return {
    element,
    draw(picture) {
      state.picture = picture;
      paint(state);
    },
    mark(marks) {
      eachCell(cells, (cell, y, x) => mark(cell, marks(y, x)));
    },
    choose(place) {
      choose(state, place);
    },
    focus() {
      cells[state.chosen.row][state.chosen.column].focus();
    },
  };
}

// Whether maps are hidden beyond the edge.
function hint(element) {
  element.classList.toggle("mlm-more", element.scrollLeft + element.clientWidth < element.scrollWidth - EDGE);
}

function makeGrid(options, cells) {
  const rows = cells.map((line, y) => makeRow(options.rows[y], line));
  const grid = make("div", "mlm-thumbs-grid", makeHeadings(options), ...rows);
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", options.name);
  const track = "minmax(var(--least), var(--most))";
  const tracks = options.columns.map(({ apart }) => (apart ? "var(--apart) " : "") + track);
  grid.style.setProperty("--columns", tracks.join(" "));
  return grid;
}

function listen(grid, cells, options) {
  const placeOf = (event) => {
    const cell = event.target.closest("[role=gridcell]");
    return cell && { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
  };
  grid.addEventListener("click", (event) => {
    if (placeOf(event)) options.pick(placeOf(event));
  });
  grid.addEventListener("keydown", (event) => {
    const place = placeOf(event);
    if (!place || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") options.enter(place);
    const next = step(place, event.key, options.rows.length, options.columns.length);
    if (next) {
      options.pick(next);
      cells[next.row][next.column].focus();
    }
    if (next || event.key === "Enter" || event.key === " ") event.preventDefault();
  });
}

function makeCell(row, column, y, x) {
  const cell = make("div", "mlm-thumb", make("span", "mlm-thumb-frame"), make("span", "mlm-thumb-sign"));
  cell.setAttribute("role", "gridcell");
  cell.tabIndex = -1;
  cell.dataset.row = y;
  cell.dataset.column = x;
  if (row.apart) cell.classList.add("mlm-apart-row");
  if (column.apart) cell.style.gridColumnStart = String(x + 3); // the gap before it is a column of the layout too
  return cell;
}

function makeHeadings({ columns, rowTitle }) {
  const corner = make("span", "mlm-thumb-corner", rowTitle);
  corner.setAttribute("role", "columnheader");
  const line = make(
    "div",
    "mlm-thumbs-row",
    corner,
    ...columns.map(({ text, label, apart }, x) => {
      const heading = make("span", "mlm-thumb-column", text);
      heading.setAttribute("role", "columnheader");
      heading.setAttribute("aria-label", label);
      if (apart) heading.style.gridColumnStart = String(x + 3);
      return heading;
    }),
  );
  line.setAttribute("role", "row");
  return line;
}

function makeRow({ text, label, apart }, cells) {
  const heading = make("span", "mlm-thumb-row-name", text);
  heading.setAttribute("role", "rowheader");
  heading.setAttribute("aria-label", label);
  const line = make("div", "mlm-thumbs-row" + (apart ? " mlm-apart-row" : ""), heading, ...cells);
  line.setAttribute("role", "row");
  return line;
}

// mark: {kind, sign, label, dim}: what its frame looks like, a letter or arrow below it, its name, whether it steps
// back.
function mark(cell, { kind, sign, label, dim }) {
  cell.dataset.kind = kind;
  say(cell.lastChild, sign);
  cell.setAttribute("aria-label", label);
  cell.title = label;
  cell.classList.toggle("mlm-dim", dim);
}

function choose(state, place) {
  const set = ({ row, column }, chosen) => {
    const cell = state.cells[row][column];
    cell.classList.toggle("mlm-chosen", chosen);
    cell.setAttribute("aria-selected", String(chosen));
    cell.tabIndex = chosen ? 0 : -1;
  };
  set(state.chosen, false);
  state.chosen = place;
  set(place, true);
  if (state.scrolls) scrollTo(state.element, state.cells[place.row][place.column]);
}

// On a phone not all columns fit; the page itself does not move.
function scrollTo(element, cell) {
  const [box, seen] = [cell.getBoundingClientRect(), element.getBoundingClientRect()];
  element.scrollLeft += Math.max(0, box.right - seen.right + 8) + Math.min(0, box.left - seen.left - 48);
}

// picture: {height, width, at(row, column) -> weights [height, width], colours}.
function paint({ sheet, canvas, cells, source, picture }) {
  if (!picture || !sheet.clientWidth) return; // not on screen yet; the observer draws later
  const { height, width, at, colours } = picture;
  const pen = sharp(canvas, sheet.clientWidth, sheet.clientHeight);
  mosaic(cells.length, cells[0].length, height, width, at, colours, source);
  const size = cells[0][0].firstChild.clientWidth;
  pen.imageSmoothingEnabled = Math.max(height, width) > size; // many weights to a pixel: their mean; else squares
  pen.imageSmoothingQuality = "high";
  const corner = sheet.getBoundingClientRect();
  eachCell(cells, (cell, y, x) => {
    const box = cell.firstChild.getBoundingClientRect();
    const [left, top] = [box.left - corner.left, box.top - corner.top];
    pen.drawImage(source, x * width, y * height, width, height, left, top, box.width, box.height);
  });
}

function eachCell(cells, visit) {
  for (const [y, line] of cells.entries()) for (const [x, cell] of line.entries()) visit(cell, y, x);
}
