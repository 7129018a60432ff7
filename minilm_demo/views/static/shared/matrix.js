// One large map of weights that knows no model and no page: a row is where a weight comes from, a column where it goes.
// Numbers come in through draw and point; what people point at goes out through callbacks as a place {row, column}, with
// null for the one that is not meant. A grid of small maps is in thumbnails.js, lines between words in lines.js.

import { mosaic, onWidth, sharp } from "./canvas.js";
import { make, shape } from "./dom.js";
import { adds, NOWHERE, sameItems, step } from "./places.js";
import { shortened, textWidth } from "./text.js";

const LABEL = 13; // pixels of the letters
const NEXT_LABEL = 12; // pixels from one name to the next at least; in smaller cells one name in so many is written
const WIDEST_CELL = 36;
const TALLEST = 560; // pixels of a map that is zoomed: the rest is scrolled to
const SLANT = -50; // degrees of the names above the map
const NAME = 16; // letters of a name at most
const STRONG = 12; // names written in bold at most

// options: {name, hover(place), pick(place, several)}. Returns {element, draw(picture, pointed), point(pointed),
// focus(), reveal(place): scroll to a place}.
//   picture: {from, to [{text, title, side, faint, masked, beyond}], values [from, to], colours: a ramp, zoom: 1 or none
//     fits the map into its column; more makes it so many times as large, with its names in sight while it is scrolled}
//   pointed: {rows, columns: the places pointed at, kept {rows, columns}: those a person chose, by default the same}
export function matrix(options) {
  const canvas = make("canvas", "");
  canvas.setAttribute("aria-hidden", "true");
  const svg = shape("svg", { "aria-hidden": "true" });
  const names = { from: nameLayer("from"), to: nameLayer("to"), corner: make("div", "mlm-matrix-corner") };
  const box = make("div", "mlm-matrix-box", canvas, svg, names.from, names.to, names.corner);
  box.tabIndex = 0;
  box.setAttribute("role", "application");
  box.setAttribute("aria-label", options.name + ". Arrow keys move from cell to cell, Enter keeps a row.");
  const element = make("div", "mlm-matrix", box);
  const state = {
    element,
    box,
    canvas,
    svg,
    names,
    source: make("canvas", ""),
    width: 0,
    picture: null,
    layout: null,
    marks: null,
    strong: null,
    cursor: NOWHERE,
    pointed: { rows: [], columns: [] },
  };
  listen(state, options);
  onWidth(element, state, () => layOut(state));
  return {
    element,
    draw(picture, pointed) {
      drawMatrix(state, picture, pointed);
    },
    point(pointed) {
      state.pointed = pointed;
      drawPointed(state);
    },
    focus() {
      box.focus();
    },
    reveal(place) {
      reveal(state, place);
    },
  };
}

// The names of one side stay in sight while a zoomed map is scrolled.
function nameLayer(axis) {
  return shape("svg", { "aria-hidden": "true", class: "mlm-matrix-names mlm-matrix-" + axis });
}

function listen(state, options) {
  const { box } = state;
  const hover = (place) => {
    state.cursor = place;
    options.hover(place);
  };
  box.addEventListener("pointermove", (event) => {
    const place = cellAt(state, event);
    if (place.row !== state.cursor.row || place.column !== state.cursor.column) hover(place);
  });
  box.addEventListener("pointerleave", () => hover(NOWHERE));
  box.addEventListener("click", (event) => {
    const place = cellAt(state, event);
    if (place.row !== null || place.column !== null) options.pick(place, adds(event));
  });
  box.addEventListener("focus", () => {
    if (box.matches(":focus-visible")) hover(cornerOf(state));
  });
  box.addEventListener("blur", () => hover(NOWHERE));
  box.addEventListener("keydown", (event) => {
    if (!state.picture || event.altKey) return;
    const next = step(cornerOf(state), event.key, state.picture.from.length, state.picture.to.length);
    if (next && !event.key.startsWith("Page")) {
      hover(next);
      reveal(state, next);
    } else if (event.key === "Enter" || event.key === " ") options.pick(cornerOf(state), adds(event));
    else return;
    event.preventDefault();
  });
}

// Where the keyboard stands: what is pointed at, else the first row that is kept.
function cornerOf({ cursor, pointed }) {
  return { row: cursor.row ?? pointed.rows[0] ?? 0, column: cursor.column ?? pointed.columns[0] ?? 0 };
}

// A name is a place too: left of the map a row, above it a column.
function cellAt({ layout, canvas, element }, event) {
  if (!layout) return NOWHERE;
  const corner = canvas.getBoundingClientRect();
  const seen = element.getBoundingClientRect();
  const place = (offset, size, count) => {
    const index = Math.floor(offset / size);
    return index >= 0 && index < count ? index : null;
  };
  const x = event.clientX - corner.left;
  const y = event.clientY - corner.top;
  const row = place(y, layout.cellHeight, layout.rows);
  const column = place(x, layout.cellWidth, layout.columns);
  const onName = { row: event.clientX - seen.left < layout.left, column: event.clientY - seen.top < layout.top };
  if (onName.row && !onName.column && row !== null) return { row, column: null };
  if (onName.column && !onName.row && column !== null) return { row: null, column };
  if (onName.row || onName.column) return NOWHERE;
  return row !== null && column !== null ? { row, column } : NOWHERE;
}

// With the same names, only the colours are drawn again.
function drawMatrix(state, picture, pointed) {
  const before = state.picture;
  Object.assign(state, { picture, pointed });
  const sameNames = before && sameItems(before.from, picture.from) && sameItems(before.to, picture.to);
  const same = sameNames && state.layout && before.zoom === picture.zoom;
  if (!same) return layOut(state);
  paintMatrix(state);
  drawPointed(state);
}

function layOut(state) {
  const { element, picture } = state;
  state.width = state.width || element.clientWidth;
  if (!picture || !state.width) return; // not on screen yet; the observer draws later
  state.layout = matrixLayout(state.width, picture);
  paintMatrix(state);
  drawNames(state);
  drawPointed(state);
}

// Sides of a cell in pixels: as wide as fits, times the zoom.
function matrixLayout(width, { from, to, zoom = 1 }) {
  const widest = (items) =>
    Math.max(
      0,
      ...items.map(
        ({ text }) => 1.06 * textWidth(shortened(text, NAME), LABEL + "px ui-sans-serif, system-ui, sans-serif"),
      ),
    );
  const left = Math.min(0.3 * width, widest(from) + 14);
  const slanted = Math.min(150, widest(to) + 8);
  const top = Math.max(24, slanted * Math.sin((-SLANT * Math.PI) / 180) + 12);
  const right = slanted * Math.cos((SLANT * Math.PI) / 180) * 0.8;
  const fit = Math.min((width - left - right) / to.length, WIDEST_CELL);
  const zoomed = Math.min(Math.max(fit, WIDEST_CELL), fit * zoom);
  const cell = zoomed >= 14 ? Math.floor(zoomed) : zoomed;
  const cellHeight = from.length === to.length ? cell : Math.min(WIDEST_CELL, Math.max(cell, 16));
  return {
    left,
    top,
    right,
    cellWidth: cell,
    cellHeight,
    rows: from.length,
    columns: to.length,
    scrolls: cell > fit,
    width: left + cell * to.length,
    height: top + cellHeight * from.length,
  };
}

// A zoomed map is drawn with one pixel a weight and enlarged by the browser: a canvas of its size would be too large.
function paintMatrix({ canvas, layout, picture, source }) {
  const { rows, columns, cellWidth, cellHeight, scrolls } = layout;
  const [width, height] = [columns * cellWidth, rows * cellHeight];
  canvas.classList.toggle("mlm-enlarged", scrolls);
  if (scrolls) {
    mosaic(1, 1, rows, columns, () => picture.values, picture.colours, canvas);
    Object.assign(canvas.style, { width: width + "px", height: height + "px" });
  } else {
    const pen = sharp(canvas, width, height);
    mosaic(1, 1, rows, columns, () => picture.values, picture.colours, source);
    pen.imageSmoothingEnabled = cellWidth < 2;
    pen.drawImage(source, 0, 0, columns, rows, 0, 0, width, height);
  }
  canvas.style.left = layout.left + "px";
  canvas.style.top = layout.top + "px";
}

function drawNames(state) {
  const { svg, box, element, layout, picture, names, width } = state;
  const wide = layout.scrolls ? layout.width + layout.right : width;
  element.classList.toggle("mlm-scrolls", layout.scrolls);
  element.style.maxHeight = layout.scrolls ? TALLEST + "px" : "";
  Object.assign(box.style, { height: layout.height + "px", width: layout.scrolls ? wide + "px" : "" });
  size(svg, wide, layout.height + 1);
  size(names.from, layout.scrolls ? layout.left : wide, layout.height + 1);
  size(names.to, wide, layout.scrolls ? layout.top : layout.height + 1);
  Object.assign(names.corner.style, { width: layout.left + "px", height: layout.top + "px" });
  state.marks = shape("g");
  // Those of what is pointed at are written above the others.
  state.strong = { from: shape("g", { class: "mlm-names mlm-now" }), to: shape("g", { class: "mlm-names mlm-now" }) };
  svg.replaceChildren(drawFrame(layout, picture), state.marks);
  for (const axis of ["from", "to"]) {
    const group = shape("g", { class: "mlm-names" });
    group.append(...someNames(picture[axis], layout, axis));
    names[axis].replaceChildren(group, state.strong[axis]);
  }
}

function size(svg, width, height) {
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
}

// Scroll a zoomed map to a row and a column; null leaves that direction.
function reveal({ element, layout }, { row, column }) {
  if (!layout?.scrolls) return;
  const middle = (first, cell, index, seen) => first + (index + 0.5) * cell - (first + seen) / 2;
  const { left, top, cellWidth, cellHeight } = layout;
  if (row !== null) element.scrollTop = middle(top, cellHeight, row, element.clientHeight);
  if (column !== null) element.scrollLeft = middle(left, cellWidth, column, element.clientWidth);
}

// One name in so many, where there is no room for all.
function someNames(items, layout, axis) {
  const cell = axis === "from" ? layout.cellHeight : layout.cellWidth;
  const every = Math.ceil(NEXT_LABEL / cell);
  const drawn = items.map((item, index) => (index % every ? null : nameAt(item, layout, axis, index)));
  return drawn.filter((name) => name);
}

function nameAt({ text, faint, masked, beyond }, layout, axis, index) {
  const x = axis === "from" ? layout.left - 8 : layout.left + (index + 0.5) * layout.cellWidth;
  const y = axis === "from" ? layout.top + (index + 0.5) * layout.cellHeight : layout.top - 8;
  const place = "translate(" + x + " " + y + ")" + (axis === "to" ? " rotate(" + SLANT + ")" : "");
  return shape(
    "text",
    {
      transform: place,
      "text-anchor": axis === "from" ? "end" : "start",
      dy: axis === "from" ? "0.35em" : "0",
      class: (faint ? "mlm-faint" : "") + (masked ? " mlm-masked" : "") + (beyond ? " mlm-beyond" : ""),
    },
    shortened(text, NAME),
  );
}

function drawFrame({ left, top, cellWidth, cellHeight, rows, columns }, { from, to }) {
  const frame = shape("g", { class: "mlm-matrix-frame" });
  const [width, height] = [columns * cellWidth, rows * cellHeight];
  const line = (x, y, way) => shape("path", { d: "M" + x + " " + y + way });
  frame.append(
    shape("rect", { x: left - 0.5, y: top - 0.5, width: width + 1, height: height + 1 }),
    ...borders(from).map((row) => line(left, top + row * cellHeight, "h" + width)),
    ...borders(to).map((column) => line(left + column * cellWidth, top, "v" + height)),
    ...edges(from, left, top + from.findIndex(isBeyond) * cellHeight, "h" + width),
    ...edges(to, left + to.findIndex(isBeyond) * cellWidth, top, "v" + height),
  );
  return frame;
}

function isBeyond({ beyond }) {
  return Boolean(beyond);
}

// Where the positions begin that the model never learned.
function edges(items, x, y, way) {
  return items.some(isBeyond) ? [shape("path", { class: "mlm-edge", d: "M" + x + " " + y + way })] : [];
}

// Where one text ends and the other begins.
function borders(items) {
  const begins = items.map(({ side }, index) => (index && items[index - 1].side !== side ? index : 0));
  return begins.filter((index) => index);
}

// Rows or columns that are not chosen get a veil; those pointed at get a frame.
function drawPointed({ layout, marks, strong, picture, pointed, cursor, box }) {
  if (!layout || !picture) return;
  const { rows, columns } = layout;
  const inside = (places) => ({
    rows: places.rows.filter((row) => row < rows),
    columns: places.columns.filter((column) => column < columns),
  });
  const meant = inside(pointed);
  const kept = inside(pointed.kept || pointed);
  const veiled = kept.rows.length
    ? gaps(kept.rows, rows).map(([row, count]) => rowBand(layout, row, count))
    : gaps(kept.columns, columns).map(([column, count]) => columnBand(layout, column, count));
  const framed = [
    ...meant.rows.map((row) => rowBand(layout, row, 1)),
    ...meant.columns.map((column) => columnBand(layout, column, 1)),
  ];
  const onCell = cursor.row !== null && cursor.row < rows && cursor.column !== null && cursor.column < columns;
  marks.replaceChildren(
    ...veiled.map((band) => shape("rect", { ...band, class: "mlm-veil" })),
    ...framed.map((band) => shape("rect", { ...band, class: "mlm-band" })),
    ...(onCell ? [shape("rect", { ...cellBox(layout, cursor), class: "mlm-cell-mark" })] : []),
  );
  strong.from.replaceChildren(
    ...meant.rows.slice(0, STRONG).map((row) => nameAt(picture.from[row], layout, "from", row)),
  );
  strong.to.replaceChildren(
    ...meant.columns.slice(0, STRONG).map((column) => nameAt(picture.to[column], layout, "to", column)),
  );
  box.classList.toggle("mlm-some", framed.length > 0);
}

function rowBand({ left, top, cellWidth, cellHeight, columns }, row, count) {
  return { x: left, y: top + row * cellHeight, width: columns * cellWidth, height: count * cellHeight };
}

function columnBand({ left, top, cellWidth, cellHeight, rows }, column, count) {
  return { x: left + column * cellWidth, y: top, width: count * cellWidth, height: rows * cellHeight };
}

function cellBox({ left, top, cellWidth, cellHeight }, { row, column }) {
  return { x: left + column * cellWidth, y: top + row * cellHeight, width: cellWidth, height: cellHeight };
}

// The stretches [first, count] of 0..count-1 that are not among kept; none if nothing is.
function gaps(kept, count) {
  if (!kept.length) return [];
  const stretches = [];
  const inside = new Set(kept);
  for (let index = 0; index < count; index++) {
    if (inside.has(index)) continue;
    if (index && !inside.has(index - 1) && stretches.length) stretches.at(-1)[1]++;
    else stretches.push([index, 1]);
  }
  return stretches;
}
