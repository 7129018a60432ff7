// The view of the microscope, without drawing: from a payload and the state of the controls to both models' weights of one
// head, and the sentences about them. For trace.js, one model's relation is a trace of one layer.

import { NOWHERE } from "../shared/places.js";
import * as A from "../shared/trace.js";
import * as W from "../shared/weights.js";
import * as R from "./relations.js";

/** @import { MicroscopePayload, Relation } from "../payloads.js" */

export const FULL = 0.5; // the weight, and the difference, that has the full colour

// -- the payload, decoded once

/**
 * @param {MicroscopePayload} value
 */
export function read(value) {
  const { frames, rows } = value;
  return {
    value,
    heads: frames ? frames.heads : value.heads,
    relations: value.relations.map((relation) => ({
      name: relation.name,
      teacher: A.read(sideValue(value, relation, "teacher")),
      student: A.read(sideValue(value, relation, "student")),
      divergence: W.once(() => W.decodeFloats(relation.divergence)),
      replayed: new Map(),
    })),
    scores: rows && {
      teacher: W.once(() => W.decodeFloats(rows.teacher)),
      student: W.once(() => W.decodeFloats(rows.student)),
    },
  };
}

/**
 * @param {MicroscopePayload} value
 * @param {Relation} relation
 */
function sideValue({ size, tokens, words, texts, frames, heads }, relation, side) {
  const replayed =
    side === "student" && frames ? { steps: frames.steps, weights: frames.student[relation.name] } : null;
  return { ...relation[side], layers: 1, heads, size, tokens, words, texts, frames: replayed, before: null };
}

// One head of a longer input, in full.
export function keepHead(data, relation, head, answer) {
  for (const side of ["teacher", "student"]) {
    data.relations[relation][side].fetched.set("0," + head, W.decode(answer[side]));
  }
}

export function isMissing({ relations }, { relation, head }) {
  const { whole, fetched } = relations[relation].teacher;
  return !whole && !fetched.has("0," + head);
}

export function storedScores({ scores, value }, token) {
  const row = (all) => Array.from(all().subarray(token * value.size, (token + 1) * value.size));
  return { teacher: row(scores.teacher), student: row(scores.student) };
}

// -- the state of the controls

/**
 * @param {MicroscopePayload} value
 */
function firstState(value) {
  const { relation, head, from, to } = value.selected;
  return {
    relation: value.relations.findIndex(({ name }) => name === relation),
    head,
    words: true,
    hideSpecial: true,
    frame: value.frames ? value.frames.steps.length - 1 : null,
    chosen: { from, to },
    ...value.view,
    hovered: NOWHERE,
  };
}

/**
 * The state for another payload: how a person likes to look stays, and where, if the tokens and heads are the same.
 *
 * @param {MicroscopePayload | null} before
 * @param {MicroscopePayload} value
 */
export function nextState(state, before, value) {
  const fresh = firstState(value);
  if (!before) return fresh;
  const settings = { words: state.words, hideSpecial: state.hideSpecial };
  const same =
    before.tokens.texts.join(" ") === value.tokens.texts.join(" ") &&
    before.heads === value.heads &&
    before.recipe === value.recipe &&
    Boolean(before.frames) === Boolean(value.frames);
  return same ? { ...state, frame: fresh.frame, hovered: NOWHERE } : { ...fresh, ...settings };
}

// -- one head on both sides

// {labels, rows, columns (groups, in order), cells, teacher, student, difference: {matrix [W, W], values [rows, columns]},
// hidden {teacher, student}}: what is on screen.
export function look(data, state) {
  const { teacher, student } = data.relations[state.relation];
  const settings = { ...state, layer: 0, rollout: false, keep: 100, drawing: "matrix", side: "this", block: null };
  const [teacherView, studentView] = [A.look(teacher, { ...settings, frame: null }), A.look(student, settings)];
  const difference = (name) => W.subtract(studentView[name], teacherView[name]);
  return {
    labels: teacherView.labels,
    rows: teacherView.rows,
    columns: teacherView.columns,
    cells: teacherView.cells,
    teacher: teacherView,
    student: studentView,
    difference: { matrix: difference("matrix"), values: difference("values") },
    hidden: { teacher: teacherView.hidden, student: studentView.hidden },
  };
}

// The places under the mouse, else of the chosen cell: {rows, columns}, what the maps mark.
export function pointed(view, { hovered, chosen }) {
  const { row, column } = hovered;
  const within = (place, list) => (place !== null && place < list.length ? [place] : []);
  if (row !== null || column !== null) return { rows: within(row, view.rows), columns: within(column, view.columns) };
  if (!chosen || view.cells) return { rows: [], columns: [] };
  const placeOf = (list, token) =>
    list.flatMap((group, place) => (view.labels[group].tokens.includes(token) ? [place] : []));
  return { rows: placeOf(view.rows, chosen.from), columns: placeOf(view.columns, chosen.to) };
}

// The two tokens that a picked cell stands for: of words in pieces those with most to say. A picked name is a row or a
// column; the other end is then where the row differs most.
export function cellTokens(page, { row, column }) {
  const { view, state } = page;
  const tokensOf = (groups) => groups.flatMap((group) => view.labels[group].tokens);
  const rows = row !== null ? tokensOf([view.rows[row]]) : state.chosen ? [state.chosen.from] : tokensOf(view.rows);
  const columns = tokensOf(column !== null ? [view.columns[column]] : view.columns);
  const cells = rows.flatMap((from) => {
    const shares = sharesOf(page, from);
    return columns.map((to) => ({ from, to, size: Math.abs(shares[to]) }));
  });
  const { from, to } = cells.reduce((best, cell) => (cell.size > best.size ? cell : best));
  return { from, to };
}

// p, q of one token, [T] each, from the bytes; null in an overview.
export function rowWeights({ data, state, value }, token, head = state.head) {
  const place = { ...state, head, layer: 0, rollout: false };
  const row = (side) => {
    const trace = data.relations[state.relation][side];
    const all =
      side === "student" && state.frame !== null ? trace.frames[state.frame]() : trace.whole ? trace.all() : null;
    const matrix = all ? W.head(all, { ...trace.shape, size: value.size }, 0, head) : trace.fetched.get(A.keyOf(place));
    return matrix?.subarray(token * value.size, (token + 1) * value.size);
  };
  const [p, q] = [row("teacher"), row("student")];
  return p && q ? { p, q } : null;
}

function sharesOf(page, token) {
  const { p, q } = rowWeights(page, token);
  return R.shares(p, q);
}

// -- how far the student is, as the frame on screen has it

// [H, T] of the chosen relation.
export function divergenceOf({ data, state, value }) {
  const relation = data.relations[state.relation];
  if (!isReplayed(value, state)) return relation.divergence().subarray(0, data.heads * value.size);
  const { replayed, teacher, student } = relation;
  if (!replayed.has(state.frame)) {
    const [p, q] = [teacher.all(), student.frames[state.frame]()];
    const rows = new Float32Array(data.heads * value.size);
    for (let head = 0; head < data.heads; head++) {
      const of = (all) => W.head(all, { heads: value.heads, size: value.size }, 0, head);
      rows.set(R.divergences(of(p), of(q)), head * value.size);
    }
    replayed.set(state.frame, rows);
  }
  return replayed.get(state.frame);
}

export function isReplayed({ frames }, { frame }) {
  return frame !== null && frame < frames.steps.length - 1;
}

// [H]: the mean of each head.
export function headDivergence({ data, state, value }) {
  const { name } = data.relations[state.relation];
  if (isReplayed(value, state)) return value.frames.divergence[name][state.frame];
  return R.byHead(data.relations[state.relation].divergence(), value.heads).slice(0, data.heads);
}

// The mean over tokens and the heads that are drawn; of all heads it is the relation's loss on this text.
export function lossOf({ data, state, value }, relation) {
  if (!isReplayed(value, state) && data.heads === value.heads) return value.relations[relation].loss;
  const each = headDivergence({ data, value, state: { ...state, relation } });
  return R.total(each) / each.length;
}

// -- in words

export function headName({ data, value, state }) {
  return value.relations[state.relation].title + ", head " + (state.head + 1) + " of " + data.heads;
}

// "looks 0.74 at" for attention; the other relations only put weight on a token.
function verbs({ value, state }) {
  return value.relations[state.relation].name === "QK" ? ["looks", "at"] : ["puts", "on"];
}

export function sentence(page) {
  const { view } = page;
  const { rows, columns } = view.pointed;
  const name = (list, place) => A.quoted(view.labels[list[place]].text);
  if (rows.length && columns.length) {
    const cell = rows[0] * view.columns.length + columns[0];
    const [p, q] = [view.teacher.values[cell], view.student.values[cell]];
    return (
      name(view.rows, rows[0]) +
      " → " +
      name(view.columns, columns[0]) +
      ": teacher " +
      p.toFixed(2) +
      ", student " +
      q.toFixed(2) +
      ", " +
      moreOrLess(q - p) +
      "."
    );
  }
  if (rows.length)
    return (
      name(view.rows, rows[0]) + ": " + mostOf(page, "teacher", rows[0]) + ", " + mostOf(page, "student", rows[0]) + "."
    );
  if (columns.length) {
    const mean = (side) =>
      R.total(view.rows.map((_, row) => view[side].values[row * view.columns.length + columns[0]])) / view.rows.length;
    return (
      name(view.columns, columns[0]) +
      " gets " +
      mean("teacher").toFixed(2) +
      " of a row in the teacher, " +
      mean("student").toFixed(2) +
      " in the student."
    );
  }
  return "Point at a cell to compare it; choose one to see how it is computed.";
}

function moreOrLess(difference) {
  if (Math.abs(difference) < 0.005) return "the same";
  return Math.abs(difference).toFixed(2) + (difference < 0 ? " less" : " more");
}

function mostOf(page, side, row) {
  const { view } = page;
  const values = view[side].values.subarray(row * view.columns.length, (row + 1) * view.columns.length);
  const best = R.largest(values);
  const [verb, on] = verbs(page);
  return (
    "the " +
    side +
    " " +
    verb +
    " most " +
    on +
    " " +
    A.quoted(view.labels[view.columns[best]].text) +
    " (" +
    values[best].toFixed(2) +
    ")"
  );
}

// A token by its word: “unbelievable”, “the” (2nd), or “##able” of “unbelievable”.
export function tokenName({ tokens, words }, token) {
  const word = tokens.words[token];
  if (word === null) return A.quoted(tokens.texts[token]) + nth(tokens.texts, token);
  const texts = words.map(({ text }) => text);
  const whole = A.quoted(texts[word]) + nth(texts, word);
  return tokens.words.filter((index) => index === word).length < 2
    ? whole
    : A.quoted(tokens.texts[token]) + " of " + whole;
}

// " (2nd)" behind a text that stood before: one of two that read the same.
export function nth(texts, place) {
  const count = texts.slice(0, place + 1).filter((text) => text === texts[place]).length;
  if (count === 1) return "";
  return " (" + count + (["", "st", "nd", "rd"][count] || "th") + ")";
}

// The tokens that may be named: all, or those of the texts.
export function shownTokens({ value, state }) {
  return value.tokens.texts
    .map((_, token) => token)
    .filter((token) => !(state.hideSpecial && value.tokens.special[token]));
}

// One of the worst rows: where the student differs most, [sentence, token it is about | null].
export function rowSentence(page, { head, token }) {
  const name = tokenName(page.value, token) + " (head " + (head + 1) + ")";
  const weights = rowWeights(page, token, head);
  if (!weights) return { text: name, to: null };
  const { p, q } = weights;
  const each = R.shares(p, q);
  const to = shownTokens(page).reduce((best, key) => (Math.abs(each[key]) > Math.abs(each[best]) ? key : best));
  const [verb, on] = verbs(page);
  const text =
    name +
    ": the student " +
    verb +
    " " +
    q[to].toFixed(2) +
    " " +
    on +
    " " +
    tokenName(page.value, to) +
    ", the teacher " +
    p[to].toFixed(2) +
    ".";
  return { text, to };
}
