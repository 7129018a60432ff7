// What leaves the attention explorer: its picture as a list of shapes (see scene.js), its numbers as CSV.

import { mosaic } from "../shared/canvas.js";
import { savePart } from "../shared/folds.js";
import { linkInk } from "../shared/link.js";
import { weightText } from "../shared/numbers.js";
import { NOWHERE } from "../shared/places.js";
import { pictureSaves, quotedCell } from "../shared/save.js";
import { FONT, MARGIN } from "../shared/scene.js";
import { shortened, textWidth } from "../shared/text.js";
import * as V from "../shared/trace.js";
import { gridScene } from "./export_grid.js";
import { pictureOf } from "./pictures.js";

const SVG_CELLS = 10000; // more are one image inside the SVG
const NAME = 24; // letters of a word at most

export function save(page) {
  return savePart(page, {
    name: (ending) => fileName(page, ending),
    scene: () => sceneOf(page),
    rows: () => rowsOf(page),
    more: pictureSaves(
      (ending) => "attention-all-heads." + ending,
      () => gridScene(page),
      "All heads",
    ),
    view: () => viewOf(page),
  });
}

// What a person has chosen, for the saved page: it opens on the same picture.
export function viewOf({ state }) {
  const { hovered, ...chosen } = state;
  return chosen;
}

function fileName({ state }, ending) {
  const number = (place) => (place === "mean" ? "mean" : String(place + 1));
  const head = state.rollout ? "rollout" : "layer-" + number(state.layer) + "-head-" + number(state.head);
  return "attention-" + head + "." + ending;
}

// Every weight of the matrix, what is hidden included, for a CSV file.
export function rowsOf({ view }) {
  const size = view.labels.length;
  const rows = view.labels.flatMap((from, row) =>
    view.labels.map((to, column) => [
      row,
      quotedCell(from.text),
      column,
      quotedCell(to.text),
      view.matrix[row * size + column].toFixed(5),
    ]),
  );
  return [["from_index", "from", "to_index", "to", view.signed ? "difference" : "weight"], ...rows];
}

// {width, height, background, items: text, curve, rect, frame or image, each with its place, size and colour}.
export function sceneOf(page) {
  const { view, state, data: trace, palette, value } = page;
  const rested = { ...state, hovered: NOWHERE };
  const lines = [
    { y: 34, size: 19, bold: true, text: V.headName(trace, state) },
    { y: 58, size: 14, text: V.sentence(trace, view, rested) },
    { y: 78, size: 12, alpha: 0.7, text: value.title },
  ];
  const heading = lines.map((line) => ({ kind: "text", x: MARGIN, colour: palette.text, ...line }));
  const drawn = (view.lines ? linesScene : matrixScene)(pictureOf(page), V.pointed(view, rested), palette);
  const widest = Math.max(...heading.map(({ text, size, bold }) => widthOf(text, size, bold) + 2 * MARGIN));
  return {
    width: Math.ceil(Math.max(drawn.width, Math.min(widest, WIDEST))),
    height: drawn.height,
    background: palette.surface,
    items: [...heading, ...drawn.items],
  };
}

const TOP = 110; // pixels above the picture: its heading
const WIDEST = 1200; // pixels that a heading may ask for
const LINE = 26; // pixels of a word

function linesScene({ from, to, values, max, paint, sides }, pointed, palette) {
  const size = 15;
  const left = MARGIN + widestOf(from, size) + 10;
  const right = left + 300;
  const after = right + 24 + widestOf(to, size);
  const [ysFrom, ysTo] = [yOf(from, sides), yOf(to, sides)];
  const word = (item) => ({ kind: "text", size, colour: palette.text, ...item });
  const looking = from.map(({ text }, row) =>
    word({
      x: left - 8,
      y: ysFrom[row] + 5,
      anchor: "end",
      text: shortened(text, NAME),
      bold: pointed.rows.includes(row),
    }),
  );
  const looked = to.map(({ text }, column) =>
    word({
      x: right + 8,
      y: ysTo[column] + 5,
      text: shortened(text, NAME),
      bold: pointed.columns.includes(column),
    }),
  );
  const numbers = (pointed.resting ? [] : pointed.to || []).flatMap((value, column) =>
    Math.abs(value) < 0.005
      ? []
      : [word({ x: after, y: ysTo[column] + 5, size: 13, text: weightText(value, value < 0) })],
  );
  const titles = [
    word({ x: left - 8, y: TOP - 6, size: 12, anchor: "end", text: "from", alpha: 0.7 }),
    word({ x: right + 8, y: TOP - 6, size: 12, text: "to", alpha: 0.7 }),
  ];
  const place = ({ row, column }) => ({ x1: left, y1: ysFrom[row], x2: right, y2: ysTo[column] });
  const letters = [
    ...sideMarks(from, ysFrom, sides).map((mark) => word({ ...mark, x: left - 8, anchor: "end" })),
    ...sideMarks(to, ysTo, sides).map((mark) => word({ ...mark, x: right + 8 })),
  ];
  const curves = linksOf(values, to.length, max, pointed).map((link) => ({
    kind: "curve",
    ...place(link),
    size: link.ink.thickness,
    alpha: link.meant ? link.ink.alpha : 0.1 * link.ink.alpha,
    colour: paint(link.value < 0 ? -max : max),
  }));
  return {
    width: after + 60,
    height: Math.max(ysFrom.at(-1), ysTo.at(-1)) + LINE,
    items: [...curves, ...looking, ...looked, ...numbers, ...titles, ...letters],
  };
}

// The lines that can be seen, the strongest last; meant: pointed at, or nothing is.
function linksOf(values, columns, max, { rows, columns: chosen, resting }) {
  const links = [...values].map((value, cell) => {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const share = Math.min(1, Math.abs(value) / max);
    const meant = resting || rows.includes(row) || chosen.includes(column);
    return { row, column, value, share, meant, ink: linkInk(share) };
  });
  return links.filter(({ share }) => share > 0.02).sort((a, b) => a.share - b.share);
}

// A line for the letter of a text where it begins.
function yOf(items, sides) {
  let y = TOP;
  return items.map((_, place) => {
    y += LINE + (sides && begins(items, place) ? LINE : 0);
    return y - LINE / 2;
  });
}

function begins(items, place) {
  return !place || items[place - 1].side !== items[place].side;
}

// The letter of each text, above its first word; none for a single text.
function sideMarks(items, ys, sides) {
  if (!sides) return [];
  const first = items.flatMap((_, place) => (begins(items, place) ? [place] : []));
  return first.map((place) => ({ y: ys[place] - LINE + 5, text: sides[items[place].side], bold: true, alpha: 0.7 }));
}

function matrixScene({ from, to, values, colours, sides }, pointed, palette) {
  const size = 12;
  const cell = Math.max(2, Math.min(26, Math.floor(900 / Math.max(from.length, to.length))));
  const [width, height] = [cell * to.length, cell * from.length];
  const mark = sides ? 24 : 0; // pixels of the letters of the texts
  const left = MARGIN + mark + widestOf(from, size) + 8;
  const top = TOP + mark + 0.77 * widestOf(to, size) + 10;
  const every = Math.ceil((size + 2) / cell);
  const word = (item) => ({ kind: "text", size, colour: palette.text, ...item });
  const looking = from.map(({ text }, row) =>
    word({
      x: left - 6,
      y: top + (row + 0.5) * cell + 4,
      anchor: "end",
      text: shortened(text, NAME),
      bold: pointed.rows.includes(row),
    }),
  );
  const looked = to.map(({ text }, column) =>
    word({
      x: left + (column + 0.5) * cell,
      y: top - 6,
      rotate: -50,
      text: shortened(text, NAME),
      bold: pointed.columns.includes(column),
    }),
  );
  const names = [looking, looked].flatMap((axis) => axis.filter((_, place) => place % every === 0));
  const frame = (item) => ({ kind: "frame", x: left, width, ...item });
  const middleOf = ([first, count], start) => start + (first + count / 2) * cell + 5;
  const letters = sides
    ? [
        ...stretches(from).map((part) => word({ x: MARGIN, y: middleOf(part, top), text: sides[from[part[0]].side] })),
        ...stretches(to).map((part) => word({ x: middleOf(part, left) - 10, y: TOP, text: sides[to[part[0]].side] })),
      ].map((item) => ({ ...item, size: 15, bold: true, alpha: 0.7 }))
    : [];
  const borders = sides ? borderItems(from, to, { left, top, cell, width, height, colour: palette.text }) : [];
  return {
    width: left + width + 0.64 * widestOf(to, size) + MARGIN,
    height: top + height + 24,
    items: [
      frame({ x: left - 0.5, y: top - 0.5, width: width + 1, height: height + 1, colour: palette.line }),
      ...cellsOf(values, to.length, colours, { left, top, cell, width, height }),
      ...pointed.rows.map((row) => frame({ y: top + row * cell, height: cell, colour: palette.text })),
      ...borders,
      ...names,
      ...letters,
    ],
  };
}

// [first, count] of each text among the words.
function stretches(items) {
  const first = items.flatMap((_, place) => (begins(items, place) ? [place] : []));
  return first.map((place, index) => [place, (first[index + 1] ?? items.length) - place]);
}

// Lines where one text ends and the other begins.
function borderItems(from, to, { left, top, cell, width, height, colour }) {
  const path = (points) => ({ kind: "path", points, size: 1, alpha: 0.5, colour });
  const across = stretches(from)
    .slice(1)
    .map(([row]) => top + row * cell);
  const down = stretches(to)
    .slice(1)
    .map(([column]) => left + column * cell);
  return [
    ...across.map((y) =>
      path([
        [left, y],
        [left + width, y],
      ]),
    ),
    ...down.map((x) =>
      path([
        [x, top],
        [x, top + height],
      ]),
    ),
  ];
}

function cellsOf(values, columns, colours, { left, top, cell, width, height }) {
  if (values.length > SVG_CELLS) {
    const canvas = mosaic(1, 1, values.length / columns, columns, () => values, colours);
    return [{ kind: "image", x: left, y: top, width, height, canvas }];
  }
  return [...values].map((value, place) => ({
    kind: "rect",
    x: left + (place % columns) * cell,
    y: top + Math.floor(place / columns) * cell,
    width: cell,
    height: cell,
    colour: colours.paint(value),
  }));
}

function widthOf(text, size, bold = false) {
  return textWidth(text, (bold ? "bold " : "") + size + "px " + FONT);
}

function widestOf(items, size) {
  return Math.min(240, Math.max(0, ...items.map(({ text }) => widthOf(shortened(text, NAME), size, true))));
}
