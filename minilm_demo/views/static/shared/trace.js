// What the attention explorer shows, without drawing it: from a payload and the state of the controls to one matrix of
// numbers with names, and to the sentences about it.

import { NOWHERE } from "./places.js";
import * as R from "./reasons.js";
import * as W from "./weights.js";

const LINES_UP_TO = 24; // words; more are drawn as a matrix at first
const PIECES = 12; // named of one word
export const FULL = 0.5; // the weight that has the full colour; larger ones are rare and as dark
const SAME = 0.005; // a difference below this is written as 0.00
export const REASONABLE = 0.02; // a difference below this is not blown up to full colour

// -- the trace: the payload, decoded once

// Longer inputs come as an overview of all heads, a few tokens to a cell; fetched collects single heads of them.
export function read(value) {
  const whole = value.weights !== null;
  const size = whole ? value.size : value.overview.size;
  const decoded = (side) => W.decode(whole ? side.weights : side.overview.weights);
  const frames = value.frames ? value.frames.weights.map((weights) => W.once(() => W.decode(weights))) : null;
  const comparable = value.before && (whole ? value.before.weights : value.before.overview);
  const before = comparable ? value.before : null;
  return {
    value,
    whole,
    frames,
    shape: { layers: value.layers, heads: value.heads, size },
    all: W.once(() => decoded(value)),
    other: before ? W.once(() => decoded(before)) : frames ? frames[0] : null,
    otherTitle: before ? before.title : "",
    thanOther: thanOther(value, before), // as in “0.12 more than in bundled”
    cells: whole ? null : cellTokens(value, size),
    fetched: new Map((value.full || []).map((one) => [keyOf(one, one.before), W.decode(one.weights)])),
    groups: new Map(),
    rollouts: new WeakMap(),
  };
}

function thanOther({ changed, frames }, before) {
  if (before) return changed.masked.length + changed.ablated.length ? "than before" : "than in " + before.title;
  return frames ? "than at step " + frames.steps[0] : "";
}

// The cells of an overview as if they were tokens: floor(i T / size) is where a cell begins, as in pool.
function cellTokens({ tokens, size: count }, size) {
  const start = (cell) => Math.floor((cell * count) / size);
  const cells = Array.from({ length: size }, (_, cell) => ({ first: start(cell), end: start(cell + 1) }));
  return {
    texts: cells.map(({ first, end }) => tokens.texts[first] + (end - first > 1 ? " …" : "")),
    segments: cells.map(({ first }) => tokens.segments[first]),
    special: cells.map(() => false),
    words: cells.map(() => null),
    members: cells.map(({ first, end }) => Array.from({ length: end - first }, (_, place) => first + place)),
  };
}

// -- the state of the controls

function firstState(value) {
  const { layer, head, token } = value.selected;
  return {
    layer,
    head,
    rollout: false, // layer and head: a number, or "mean"
    drawing: null, // "lines" or "matrix"; null: whatever suits the number of words
    words: true,
    hideSpecial: true,
    keep: 100,
    zoom: 1, // of the matrix: 1 fits it into its column
    several: false,
    block: null, // block: [from text, to text]
    side: "this",
    frame: value.frames ? value.frames.steps.length - 1 : null,
    chosen: { axis: "row", tokens: token === null || token === undefined ? [] : [token] },
    hovered: NOWHERE,
    kind: null,
    entered: false,
    piece: 0,
    ...value.view,
  };
}

// The state for another payload: settings stay, and choices stay if the model and the tokens are the same.
export function nextState(state, before, value) {
  const fresh = firstState(value);
  if (!before) return fresh;
  const { drawing, words, hideSpecial, keep, zoom, several } = state;
  const settings = { drawing, words, hideSpecial, keep, zoom, several };
  const sameModel = before.layers === value.layers && before.heads === value.heads;
  const sameTokens = before.tokens.texts.join(" ") === value.tokens.texts.join(" ");
  if (!sameModel || !sameTokens) return { ...fresh, ...settings };
  const same = { ...state, frame: fresh.frame, hovered: fresh.hovered };
  return value.before || value.frames ? same : { ...same, side: "this" };
}

export function isSingle({ layer, head, rollout }) {
  return !rollout && layer !== "mean" && head !== "mean";
}

// The key of a head, a mean or the rollout in `fetched`; keys of the other trace begin with “other”.
export function keyOf({ layer, head, rollout }, ofOther = false) {
  return (ofOther ? "other " : "") + (rollout ? "rollout" : layer + "," + head);
}

// For a longer input: the full selected head, or null until it is fetched.
function fullMatrix({ fetched }, state) {
  const [now, other] = [fetched.get(keyOf(state)), fetched.get(keyOf(state, true))];
  if (state.side === "this") return now || null;
  if (state.side === "other") return other || null;
  return now && other ? W.subtract(now, other) : null;
}

// The traces [other: true or false] whose full head is not yet fetched.
export function missing({ whole, fetched, value }, state) {
  if (R.isOff(value, state)) return [];
  const sides = { this: [false], other: [true], difference: [false, true] }[state.side];
  return whole ? [] : sides.filter((ofOther) => !fetched.has(keyOf(state, ofOther)));
}

// -- one matrix

// The weights of one head, one mean or the rollout, of this trace, the other one, or their difference:
// {matrix [n, n], cells, off}; cells: n are the cells of an overview; off: the head is switched off, and its weights are 0.
function matrixOf(trace, state) {
  if (R.isOff(trace.value, state)) {
    const cells = !trace.whole && !trace.fetched.size;
    const size = cells ? trace.shape.size : trace.value.size;
    return { matrix: new Float32Array(size * size), cells, off: true };
  }
  const full = trace.whole ? null : fullMatrix(trace, state);
  if (full) return { matrix: full, cells: false, off: false };
  const pick = (all) => pickMatrix(trace, all, state);
  const now = () => (state.frame !== null ? trace.frames[state.frame]() : trace.all());
  const matrix =
    state.side === "this"
      ? pick(now())
      : state.side === "other"
        ? pick(trace.other())
        : W.subtract(pick(now()), pick(trace.other()));
  return { matrix, cells: !trace.whole, off: false };
}

function pickMatrix({ shape, rollouts }, all, state) {
  if (state.rollout) {
    if (!rollouts.has(all)) rollouts.set(all, W.rollout(all, shape));
    return rollouts.get(all);
  }
  return isSingle(state) ? W.head(all, shape, state.layer, state.head) : W.average(all, shape, state);
}

function groupsOf(trace, words, cells) {
  const key = cells ? "cells" : words ? "words" : "pieces";
  if (!trace.groups.has(key)) trace.groups.set(key, makeGroups(trace, words, cells));
  return trace.groups.get(key);
}

function makeGroups({ value, cells: pooled }, words, cells) {
  const groups = W.groups(cells ? pooled : value.tokens, words && !cells, value.words);
  if (cells)
    groups.labels.forEach((label, cell) => {
      label.tokens = pooled.members[cell];
    });
  nameApart(groups.labels);
  for (const label of groups.labels) label.beyond = R.beyondLearned(value, label.tokens);
  return { ...groups, merged: groups.labels.length < groups.of.length };
}

// Number the words that occur more than once, for sentences and tables: “the (2)”.
function nameApart(labels) {
  const totals = new Map();
  for (const { text } of labels) totals.set(text, (totals.get(text) || 0) + 1);
  const counts = new Map();
  for (const label of labels) {
    counts.set(label.text, (counts.get(label.text) || 0) + 1);
    label.name = totals.get(label.text) > 1 ? label.text + " (" + counts.get(label.text) + ")" : label.text;
  }
}

// What is on screen: {labels [W], rows and columns (groups, in order), matrix [W, W], kept [W, W] (what the slider
// leaves), values [rows, columns], max (the weight of the full colour), full (that of a full bar where bars are compared
// between traces, else null), signed, hidden (share of the weight that is not shown), even (weight of a column if all had
// the same), cells, off (the head is switched off: all weights are 0), lines (drawn as lines)}.
// strongest(): the largest of all {from, to, weight}.
export function look(trace, state) {
  const { matrix, cells, off } = matrixOf(trace, state);
  const groups = groupsOf(trace, state.words, cells);
  const { rows, columns, shown } = places(groups.labels, state, cells);
  const merged = groups.merged ? W.merge(matrix, groups.of.length, groups) : matrix;
  const kept = state.keep < 100 ? W.keepTop(merged, rows, columns, state.keep / 100) : merged;
  const signed = state.side === "difference";
  const values = cut(kept, groups.labels.length, rows, columns);
  return {
    labels: groups.labels,
    rows,
    columns,
    matrix: merged,
    kept,
    values,
    signed,
    cells,
    off,
    max: signed && !trace.frames ? Math.max(REASONABLE, largest(values)) : FULL,
    full: trace.frames || (trace.other && !signed) ? 1 : null,
    hidden: signed || off ? 0 : W.hiddenShare(merged, groups.labels, shown),
    even: 1 / columns.length,
    lines: (state.drawing || (Math.max(rows.length, columns.length) <= LINES_UP_TO ? "lines" : "matrix")) === "lines",
    strongest: W.once(() => W.strongest(kept, rows, columns, 1)[0] || null),
  };
}

function places(labels, { hideSpecial, block }, cells) {
  const visible = W.visible(labels, hideSpecial && !cells);
  const shown = visible.length ? visible : W.visible(labels, false); // nothing but special tokens: then these
  const within = (side) => (block ? shown.filter((group) => labels[group].segment === block[side]) : shown);
  return { shown, rows: within(0), columns: within(1) };
}

function cut(matrix, size, rows, columns) {
  const values = new Float32Array(rows.length * columns.length);
  let cell = 0;
  for (const row of rows) for (const column of columns) values[cell++] = matrix[row * size + column];
  return values;
}

export function largest(values) {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most;
}

// {layer, head} -> the map of one head as the grid shows it: the words of the large one, all weights.
export function thumbnails(trace, state) {
  const overview = { ...trace, fetched: new Map() };
  const groups = groupsOf(trace, state.words, !trace.whole);
  const { rows, columns } = places(groups.labels, state, !trace.whole);
  return ({ layer, head }) => {
    const { matrix } = matrixOf(overview, { ...state, layer, head, rollout: false });
    const merged = groups.merged ? W.merge(matrix, groups.of.length, groups) : matrix;
    return cut(merged, groups.labels.length, rows, columns);
  };
}

// -- what is pointed at

// The places of the view that the chosen tokens stand at: {rows, columns}, one of them empty.
export function chosenPlaces(view, { axis, tokens }) {
  const list = axis === "row" ? view.rows : view.columns;
  const holds = (place) => view.labels[list[place]].tokens.some((token) => tokens.includes(token));
  const places = list.map((_, place) => place).filter(holds);
  return axis === "row" ? { rows: places, columns: [] } : { rows: [], columns: places };
}

// What the pictures point at: what is under the mouse, else what is chosen; with the numbers beside the words.
export function pointed(view, state) {
  const { row, column } = state.hovered;
  const kept = chosenPlaces(view, state.chosen);
  const places =
    row === null && column === null
      ? kept
      : { rows: row === null ? [] : [row], columns: column === null ? [] : [column] };
  const rows = places.rows.filter((place) => place < view.rows.length);
  const columns = places.columns.filter((place) => place < view.columns.length);
  const resting = !rows.length && !columns.length;
  const received =
    resting && view.lines
      ? fromRows(
          view,
          view.rows.map((_, place) => place),
        )
      : null;
  return {
    rows,
    columns,
    resting,
    kept,
    to: rows.length ? fromRows(view, rows) : received,
    from: columns.length && !rows.length ? fromColumns(view, columns) : null,
  };
}

// The weights of several rows together: their mean over the columns shown.
export function fromRows(view, rows) {
  const sums = W.sumRows(
    view.kept,
    rows.map((place) => view.rows[place]),
  );
  return view.columns.map((group) => sums[group]);
}

// What every row gives to several columns together: their sum.
export function fromColumns(view, columns) {
  const weight = (row, column) => view.values[row * view.columns.length + column];
  return view.rows.map((_, row) => columns.reduce((sum, column) => sum + weight(row, column), 0));
}

// -- in words

export function headName({ value }, { layer, head, rollout }) {
  if (rollout) return "Attention rollout through all " + value.layers + " layers";
  if (layer === "mean" && head === "mean") return "Mean of all " + value.layers * value.heads + " heads";
  if (layer === "mean") return "Head " + (head + 1) + " of " + value.heads + ", mean of all layers";
  if (head === "mean") return "Layer " + (layer + 1) + " of " + value.layers + ", mean of its heads";
  return "Layer " + (layer + 1) + " of " + value.layers + ", head " + (head + 1) + " of " + value.heads;
}

export function quoted(text) {
  return "“" + text + "”";
}

function listed(view, list, places) {
  const names = places.map((place) => quoted(view.labels[list[place]].name));
  return names.length > 3 ? names.length + " words" : names.join(" and ");
}

export function times(weight, even) {
  const factor = weight / even;
  return factor.toFixed(factor >= 9.95 ? 0 : 1) + " times an even spread";
}

function linkSentence(trace, view, from, to, weight) {
  const arrow = from + " → " + to + ": ";
  if (!view.signed) return arrow + weight.toFixed(2) + ", " + times(weight, view.even) + ".";
  return arrow + Math.abs(weight).toFixed(2) + (weight < 0 ? " less " : " more ") + trace.thanOther + ".";
}

// The sentence below the name of the head: the cell under the mouse, the strongest of a row or column, or of all.
export function sentence(trace, view, state) {
  if (view.off && !view.signed) return R.offSentence(trace.value, state);
  if (view.signed && largest(view.values) < SAME) return R.noDifference(trace.value, state);
  const { row, column } = state.hovered;
  const looking = (places) => listed(view, view.rows, places);
  const looked = (places) => listed(view, view.columns, places);
  if (row !== null && column !== null && row < view.rows.length && column < view.columns.length) {
    const weight = view.values[row * view.columns.length + column];
    return linkSentence(trace, view, looking([row]), looked([column]), weight);
  }
  const { rows, columns, to, from } = pointed(view, state);
  if (rows.length) return strongestOf(to, (best) => linkSentence(trace, view, looking(rows), looked([best]), to[best]));
  if (columns.length) {
    return strongestOf(from, (best) => linkSentence(trace, view, looking([best]), looked(columns), from[best]));
  }
  const best = view.strongest();
  if (!best) return "Nothing to see here.";
  const name = (group) => quoted(view.labels[group].name);
  return "Strongest: " + linkSentence(trace, view, name(best.from), name(best.to), best.weight);
}

function strongestOf(numbers, say) {
  const sizes = numbers.map(Math.abs);
  const most = Math.max(...sizes);
  return most < SAME ? "None of its weight is on what is shown." : say(sizes.indexOf(most));
}

// What a word is made of: "unhappy = un + ##happy".
// And where it stands, if the model never learned that position.
export function pieceTitle(label, value) {
  const pieces = label.tokens.map((token) => value.tokens.texts[token]);
  const listedPieces = pieces.slice(0, PIECES).join(" + ") + (pieces.length > PIECES ? " …" : "");
  const title = pieces.length < 2 ? label.text : label.text + " = " + listedPieces;
  return label.beyond === null ? title : title + ". " + R.positionSentence(value, label.beyond);
}
