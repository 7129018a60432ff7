// The third depth of the attention explorer: what a chosen word looks at, with the numbers behind it. A part as in
// explorer.js.

import { button, plain } from "../shared/controls.js";
import { make, show, table } from "../shared/dom.js";
import { length, number, weightText } from "../shared/numbers.js";
import { chosenPlaces, fromColumns, fromRows, isSingle, quoted } from "../shared/trace.js";
import * as W from "../shared/weights.js";

const FIRST = 8; // rows, until more are asked for

export function row(page) {
  const element = make("section", "mlm-row");
  const unfolded = { all: false };
  function draw() {
    const chosen = page.view.off ? [] : chosenGroups(page);
    show(element, chosen.length > 0);
    element.replaceChildren(...(chosen.length ? content(page, chosen, unfolded, draw) : []));
  }
  return { element, level: "chosen", draw };
}

function chosenGroups({ view, state }) {
  const { rows, columns } = chosenPlaces(view, state.chosen);
  return rows.length ? rows.map((place) => view.rows[place]) : columns.map((place) => view.columns[place]);
}

function content(page, chosen, unfolded, redraw) {
  const exact = exactToken(page, chosen);
  const { scores = null, error = "" } = exact === null ? {} : page.scores(exact, page.state.entered);
  const parts = scores
    ? scoreParts(page, exact, chosen[0], scores, unfolded, redraw)
    : weightParts(page, chosen, unfolded, redraw, error);
  return parts.filter((part) => part);
}

// The token whose raw scores can be shown: one word of one head of this trace, looking; else null.
function exactToken({ state, view }, chosen) {
  if (chosen.length !== 1 || state.chosen.axis !== "row" || !isSingle(state) || view.cells) return null;
  if (state.side !== "this" || state.frame !== null) return null;
  const { tokens } = view.labels[chosen[0]];
  return tokens[Math.min(state.piece, tokens.length - 1)];
}

// No request is sent before a word is chosen.
function scoresButton(page, chosen) {
  if (page.state.entered || !page.callbacks.row || exactToken(page, chosen) === null) return null;
  return button("The scores behind them", () => page.set({ entered: true }));
}

// -- weights alone

function weightParts(page, chosen, unfolded, redraw, note) {
  const { view, state } = page;
  const { rows, columns } = chosenPlaces(view, state.chosen);
  const looking = rows.length > 0;
  const numbers = looking ? fromRows(view, rows) : fromColumns(view, columns);
  const others = looking ? view.columns : view.rows;
  const entries = others
    .map((group, place) => ({ name: view.labels[group].name, weight: numbers[place] }))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  const most = view.full || Math.max(0.0001, Math.abs(entries[0].weight));
  const title = weightTitle(view, chosen, looking);
  const lines = shown(entries, unfolded).map(({ name, weight }) => [plain(name), barCell(weight, most, view.signed)]);
  return [
    make("h4", "", title),
    table(title, [looking ? "To" : "From", "Weight"], lines, true),
    make(
      "div",
      "mlm-buttons",
      moreButton(unfolded, entries.length, redraw),
      scoresButton(page, chosen),
      maskButton(page, chosen),
    ),
    note ? make("p", "mlm-note", note) : null,
  ];
}

function weightTitle(view, chosen, looking) {
  const names = chosen.map((group) => quoted(view.labels[group].name));
  const who = names.length > 3 ? names.length + " words" : names.join(", ");
  const several = names.length > 1;
  if (looking) return who + (several ? " together look at (mean)" : " looks at");
  return "Who looks at " + who + (several ? " (sum)" : "");
}

function shown(entries, { all }) {
  return all ? entries : entries.slice(0, FIRST);
}

function barCell(weight, most, signed) {
  const bar = make("i", signed ? (weight < 0 ? "mlm-less" : "mlm-more") : "");
  bar.style.width = length(Math.abs(weight) / most);
  const text = signed ? weightText(weight, true) : weight.toFixed(3);
  return make("span", "mlm-bar-cell", make("span", "mlm-number", text), make("span", "mlm-bar", bar));
}

function moreButton(unfolded, count, redraw) {
  if (count <= FIRST) return null;
  return button(unfolded.all ? "Only the strongest " + FIRST : "All " + count, () => {
    unfolded.all = !unfolded.all;
    redraw();
  });
}

function maskButton(page, chosen) {
  const { callbacks, view, value } = page;
  if (!callbacks.look || view.cells || value.frames) return null;
  const { masked, ablated } = value.changed;
  const tokens = chosen.flatMap((group) => view.labels[group].tokens).filter((token) => !masked.includes(token));
  if (!tokens.length) return null;
  const name = chosen.length > 1 ? "these words" : quoted(view.labels[chosen[0]].name);
  return button("Mask " + name, () => page.look({ masked: [...masked, ...tokens], ablated }));
}

// -- from scores to weights

// The softmax of one token with its real numbers: q·k/√d, the exponentials, their sum, the weights.
function scoreParts(page, token, group, scores, unfolded, redraw) {
  const { value, view } = page;
  const { largest, exponentials, sum, weights } = W.softmaxRow(scores);
  const entries = scores
    .map((score, key) => ({ key, score, exponential: exponentials[key], weight: weights[key] }))
    .sort((a, b) => b.weight - a.weight);
  const most = view.full || entries[0].weight;
  const title = "From scores to weights: " + quoted(value.tokens.texts[token]) + " looks at";
  const lines = [
    ...shown(entries, unfolded).map(({ key, score, exponential, weight }) => [
      plain(value.tokens.texts[key]),
      score === null ? "masked" : number(score, 2),
      exponential.toFixed(3),
      barCell(weight, most, false),
    ]),
    ...restLine(entries.slice(shown(entries, unfolded).length), most),
    [make("b", "", "Sum"), "", make("b", "", sum.toFixed(3)), make("b", "mlm-number", "1.000")],
  ];
  const sheet = table(title, ["To", "q·k/√d", "exp", "Weight = exp / sum"], lines, true);
  sheet.classList.add("mlm-scores");
  return [
    make("h4", "", title),
    piecesLine(page, view.labels[group]),
    sheet,
    make(
      "p",
      "mlm-note",
      "exp is e to the power of the score less the largest score, " +
        number(largest, 2) +
        ": the same weights, and no overflow.",
    ),
    make("div", "mlm-buttons", moreButton(unfolded, entries.length, redraw), maskButton(page, [group])),
  ];
}

function restLine(rest, most) {
  if (!rest.length) return [];
  const total = (name) => rest.reduce((sum, entry) => sum + entry[name], 0);
  return [[rest.length + " others", "", total("exponential").toFixed(3), barCell(total("weight"), most, false)]];
}

// A word of several pieces: each piece has a row of its own.
function piecesLine(page, { name, tokens }) {
  if (tokens.length < 2) return null;
  const pieces = tokens.map((token, place) => {
    const node = button(page.value.tokens.texts[token], () => page.set({ piece: place }));
    node.setAttribute("aria-pressed", String(place === Math.min(page.state.piece, tokens.length - 1)));
    return node;
  });
  return make("div", "mlm-buttons", make("span", "", quoted(name) + " is made of pieces:"), ...pieces);
}
