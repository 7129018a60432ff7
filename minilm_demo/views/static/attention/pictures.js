// The pictures of the attention explorer: the grid of all heads, the name and sentence of the chosen one, its lines or
// matrix. Parts as in explorer.js.

import { scaleBar } from "../shared/canvas.js";
import { ramp } from "../shared/colours.js";
import { make, say, show } from "../shared/dom.js";
import * as lines from "../shared/lines.js";
import { matrix } from "../shared/matrix.js";
import * as R from "../shared/reasons.js";
import * as thumbnails from "../shared/thumbnails.js";
import * as V from "../shared/trace.js";
import * as W from "../shared/weights.js";
import { markOf } from "./heads.js";
import { headText, LETTERS } from "./panels.js";

const SIDES = Object.fromEntries(LETTERS.map((letter, side) => [side, letter]));

function range(count) {
  return Array.from({ length: count }, (_, place) => place);
}

function coloursOf(page, max) {
  const { less, surface, more, scale } = page.palette;
  const { signed } = page.view;
  const scheme = signed ? [less, surface, more] : [surface, scale];
  const key = scheme.join("; ") + " " + max;
  if (page.ramps.size > 20) page.ramps.clear();
  if (!page.ramps.has(key))
    page.ramps.set(
      key,
      ramp((value) => W.colour(value, max, scheme), max, signed),
    );
  return page.ramps.get(key);
}

// -- all heads

// The last row and column are means.
export function grid(page) {
  const { layers, heads } = page.value;
  const numbered = (count, word) =>
    range(count).map((place) => ({
      text: String(place + 1),
      label: word + " " + (place + 1),
    }));
  const mean = (label) => ({ text: "mean", label, apart: true });
  const placeOf = ({ layer, head }) => ({
    row: layer === "mean" ? layers : layer,
    column: head === "mean" ? heads : head,
  });
  const map = thumbnails.create({
    name: "All heads: a row is a layer, a column is a head",
    rowTitle: "Layer",
    columnTitle: "Head",
    rows: [...numbered(layers, "Layer"), mean("Mean of all layers")],
    columns: [...numbered(heads, "Head"), mean("Mean of the layer's heads")],
    pick: (place) => page.set({ ...headAt(page.value, place), rollout: false, entered: true }),
    enter: () => {
      page.set({ entered: true });
      page.focusPicture();
    },
  });
  let paintedFor = null;
  function draw(level) {
    const { state } = page;
    map.choose(placeOf(state));
    map.element.classList.toggle("mlm-rollout", state.rollout);
    if (level === "head") return;
    map.mark((row, column) => gridMark(page, headAt(page.value, { row, column })));
    const painted = JSON.stringify([state.words, state.hideSpecial, state.block, state.side, state.frame]);
    if (level === "grid" && painted === paintedFor) return; // only the chosen kind differs
    paintedFor = painted;
    map.draw(gridPicture(page));
  }
  return { element: map.element, level: "head", draw, focus: map.focus };
}

// The head, or the mean, at a place of the grid.
export function headAt({ layers, heads }, { row, column }) {
  return { layer: row === layers ? "mean" : row, head: column === heads ? "mean" : column };
}

// What the grid writes on a head, see markOf.
export function gridMark(page, { layer, head }) {
  const mark = markOf(page, layer, head);
  const off = R.isOff(page.value, { layer, head, rollout: false, side: page.state.side });
  return off ? { ...mark, kind: "off", sign: "off", label: headText({ layer, head }) + ": switched off" } : mark;
}

// {height, width, at(row, column) -> weights [height, width], colours} of all heads and means.
export function gridPicture(page) {
  const { data: trace, state, view, value } = page;
  const thumbnail = V.thumbnails(trace, state);
  const all = range(value.layers + 1).map((row) =>
    range(value.heads + 1).map((column) => thumbnail(headAt(value, { row, column }))),
  );
  const signedMost = () => Math.max(V.REASONABLE, ...all.flat().map(V.largest));
  const most = view.signed && !trace.frames ? signedMost() : V.FULL; // one scale for all steps of a run
  const height = trace.whole ? view.rows.length : trace.shape.size;
  const width = all[0][0].length / height;
  return { height, width, at: (row, column) => all[row][column], colours: coloursOf(page, most) };
}

// -- the chosen head in words

export function heading(page) {
  const title = make("h3", "");
  const kind = make("span", "mlm-kind-chip");
  const line = make("p", "mlm-sentence");
  const note = make("p", "mlm-note");
  function draw() {
    const { data: trace, state, view } = page;
    const single = V.isSingle(state);
    const name = V.headName(trace, state);
    const sentence = V.sentence(trace, view, state);
    say(title, name);
    show(kind, single);
    if (single) tellKind(kind, view.off ? OFF : markOf(page, state.layer, state.head));
    say(line, sentence);
    say(note, page.waiting || overviewNote(page) || positionNote(page));
    show(note, note.textContent !== "");
    say(page.live, name + ": " + sentence);
  }
  const element = make("div", "mlm-heading-line", title, kind);
  return { element, below: make("div", "mlm-said", line, note), level: "hover", draw };
}

const OFF = { kind: "off", sign: "", does: "Switched off" };

function tellKind(node, { kind, sign, does }) {
  node.dataset.kind = kind;
  say(node, (sign ? sign + " " : "") + does);
}

function overviewNote({ data: trace, view, value, callbacks }) {
  if (!view.cells) return "";
  const { size } = trace.shape;
  const cells = "An overview: " + size + " cells of about " + Math.round(value.size / size) + " tokens each.";
  return callbacks.head ? cells : cells + " Single heads in full need the app.";
}

// Of the word that is pointed at, if the model never learned its position; else what the marks mean.
function positionNote({ view, state, value }) {
  if (!value.positions || view.cells) return "";
  const { rows, columns } = V.pointed(view, state);
  const groups = [...rows.map((place) => view.rows[place]), ...columns.map((place) => view.columns[place])];
  const beyond = groups.map((group) => view.labels[group].beyond).find((token) => token !== null);
  return beyond === undefined ? value.positions.about : R.positionSentence(value, beyond);
}

// -- the chosen head

export function picture(page) {
  const events = {
    name: "the chosen head",
    from: "from",
    to: "to",
    resting: " · received on average",
    hover: (hovered) => page.set({ hovered }),
    pick: (place, several) => pick(page, place, several),
  };
  const drawings = { lines: lines.create(events), matrix: matrix(events) };
  const scale = scaleBar();
  const off = make("p", "mlm-off-picture", make("b", "", "off"));
  let wasLines = null;
  const shown = [off, drawings.lines.element, drawings.matrix.element, scale.element];
  const element = make("div", "mlm-picture", ...shown);
  const now = () => (page.view.lines ? drawings.lines : drawings.matrix);
  function draw(level) {
    const { view, state } = page;
    const pointed = V.pointed(view, state);
    if (level === "hover" || level === "chosen") return now().point(pointed);
    show(off, view.off);
    show(drawings.lines.element, view.lines && !view.off);
    show(drawings.matrix.element, !view.lines && !view.off);
    show(scale.element, (!view.lines || view.signed) && !view.off);
    const drawn = pictureOf(page);
    now().draw(drawn, pointed);
    scale.draw(drawn.colours, ...scaleWords(view, page.data));
    if (level === "value" || view.lines !== wasLines) requestAnimationFrame(() => reveal(firstPlace(pointed)));
    wasLines = view.lines;
  }
  function reveal(place) {
    now().reveal(place);
  }
  function focus() {
    const [row = 0] = V.chosenPlaces(page.view, page.state.chosen).rows;
    now().focus({ row });
  }
  return { element, level: "hover", draw, focus, reveal };
}

function firstPlace({ rows, columns }) {
  return { row: rows[0] ?? null, column: columns[0] ?? null };
}

export function pictureOf(page) {
  const { view, value, state } = page;
  const colours = coloursOf(page, view.max);
  const item = (group) => {
    const label = view.labels[group];
    const masked = label.tokens.every((token) => value.changed.masked.includes(token));
    return {
      text: label.text,
      title: V.pieceTitle(label, value),
      side: label.segment,
      faint: label.special,
      masked,
      beyond: label.beyond !== null,
    };
  };
  return {
    from: view.rows.map(item),
    to: view.columns.map(item),
    values: view.values,
    max: view.max,
    full: view.full,
    zoom: state.zoom,
    signed: view.signed,
    paint: colours.paint,
    colours,
    sides: value.texts.length > 1 ? SIDES : null,
  };
}

function scaleWords({ signed, max }, { thanOther }) {
  if (!signed) return ["weight 0", max.toFixed(1) + " and more"];
  return ["less " + thanOther + ": −" + max.toFixed(2), "+" + max.toFixed(2) + " more"];
}

// Choosing a word keeps it; the same again lets it go; with Ctrl, Shift or the switch it joins the others.
function pick(page, { row, column }, several) {
  const { view, state } = page;
  const axis = row !== null ? "row" : "column";
  const { tokens } = view.labels[axis === "row" ? view.rows[row] : view.columns[column]];
  const before = state.chosen.axis === axis ? state.chosen.tokens : [];
  const held = tokens.every((token) => before.includes(token));
  const rest = before.filter((token) => !tokens.includes(token));
  const joined = held ? rest : [...before, ...tokens];
  const alone = held && !rest.length && state.entered ? [] : tokens;
  page.set({ chosen: { axis, tokens: several || state.several ? joined : alone }, piece: 0, entered: true });
}
