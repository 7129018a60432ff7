// The attention explorer: all heads of one input as small maps, one head as lines or a matrix, one row with its numbers.
// Everything reacts here; the server is asked only for what the payload does not have.
//
// The payload (attention_payload in views/attention.py); T tokens, L layers, H heads, all counted from 0:
//   kind "attention" (or "empty", "error" with a sentence), title, texts [1 or 2], layers, heads, size (T)
//   tokens {texts, segments, special, separator, words: [T] index into words or null}, words [{text, segment}]
//   weights: base64 of bytes [L, H, T, T], weight = (byte / 255)²; null for longer inputs, which have overview
//     {size, weights}: the same of size x size cells, see pool in attention_weights.py
//   behaviours {kinds [{name, title, threshold, about}], labels [L][H], scores {name: [L][H] | null}}
//   pair [L][H][2][2] | null, crossing [{layer, head, mass}] | null, answer {tokens, mass [L][H], text} | null
//   prediction {sentence, bars [{label, share, text}]} | null, selected {layer, head, token}: where it opens
//   rows {layer, head, scores: base64 of float32 [T, T]} | null: the raw scores of one head, for a page without a server
//   changed {masked [token], ablated [{layer, head}]}: what the trace was made with
//   before {title, weights, overview, prediction} | null: another trace of the same tokens
//   frames {steps, weights [..], predictions [..]} | null: the trace while the model learned
//   explanation | null: see methods in below.js
//   code, notes [..], footer [..], precomputed
//
//   positions {learned, about} | null: tokens at positions from `learned` on are marked, if the text has any
//   view {name: value} | null: what a person had chosen when the page was saved, as in firstState of trace.js
//
//   asked: what the trace was made from; it goes with every question to the server, as `changed` does
//
// callbacks, each of which may be missing; then what needs it is not offered. Each gives the promise of an answer, which
// may be {error: a sentence}:
//   look({masked, ablated, explained} | {texts, checkpoint, compare}) -> another value
//   head({layer, head} | {rollout: true}, before: of the other trace) -> {weights}: one head of a longer input; layer or
//     head may be "mean"
//   row({layer, head, token}) -> {scores [T]}, q·k/√d, null for a masked key
//   file({format: "npz" | "html", view}) -> {name, type, base64}

import { make } from "../shared/dom.js";
import { openExplorer } from "../shared/explorer.js";
import { codePart, notesPart, readingPart } from "../shared/folds.js";
import { NOWHERE } from "../shared/places.js";
import * as V from "../shared/trace.js";
import * as W from "../shared/weights.js";
import { explanation, READING, sheet } from "./below.js";
import { save } from "./export.js";
import { answer, finder, pairs } from "./heads.js";
import { controls, frames, sides, top } from "./panels.js";
import { grid, heading, picture } from "./pictures.js";
import { row } from "./row.js";

/** @import { AttentionPayload, Sentence } from "../payloads.js" */

const MEASURES = 1000; // kept, of each name

const EXPLORER = {
  kind: "attention",
  nothingYet: { kind: "empty", sentence: "Every head of the model, looking at your text, will be here." },
  bodyClass: "mlm-explorer",
  levels: ["hover", "chosen", "head", "grid", "value"],
  changes: {
    hovered: "hover",
    chosen: "chosen",
    piece: "chosen",
    entered: "chosen",
    layer: "head",
    head: "head",
    rollout: "head",
    keep: "head",
    zoom: "head",
    drawing: "head",
    several: "head",
    kind: "grid",
    words: "grid",
    hideSpecial: "grid",
    block: "grid",
    side: "grid",
    frame: "grid",
  },
  movesWords: ["layer", "head", "rollout", "drawing", "words", "hideSpecial", "block"],
  unpointed: { hovered: NOWHERE, piece: 0 },
  stateFor: V.nextState,
  read: V.read,
  rebuilt: (before, value) => before.layers !== value.layers || before.heads !== value.heads,
  build,
  look: ({ data, state }) => V.look(data, state),
  beforeParts: ({ root, state }) => {
    root.dataset.depth = !state.entered ? "grid" : state.chosen.tokens.length ? "row" : "head";
  },
  updated: () => performance.mark("mlm-attention-first-drawn"),
  headKey: ({ state }) => V.keyOf(state),
  headsMissing,
  storedScores,
  scoresQuestion: ({ state: { layer, head } }, token) => ({ layer, head, token }),
  // An explanation is of the text that is on the screen, and leaves what was recorded of it there.
  merged: ({ value }, answer) => (answer.explanation ? { ...answer, frames: value.frames } : answer),
};

/**
 * @param {HTMLElement} root
 * @param {AttentionPayload | Sentence | null} value
 */
export function mount(root, value, callbacks = {}) {
  const { page, update, destroy } = openExplorer(root, callbacks, EXPLORER);
  const { set } = page;
  page.ramps = new Map();
  page.set = (changes) => measured(set, changes);
  root.classList.add("mlm", "mlm-attention");
  const stop = listen(page);
  update(value);
  return {
    update,
    destroy() {
      stop();
      destroy();
    },
  };
}

// Measures the two changes that must feel immediate.
function measured(set, changes) {
  const start = performance.now();
  set(changes);
  if ("hovered" in changes) measure("mlm-attention-hover", start);
  else if ("layer" in changes || "head" in changes) measure("mlm-attention-switch", start);
}

function measure(name, start) {
  if (performance.getEntriesByName(name).length >= MEASURES) performance.clearMeasures(name);
  performance.measure(name, { start, end: performance.now() });
}

// The parts are made once for a model of so many layers and heads.
function build(page) {
  const parts = {
    top: top(page),
    sides: sides(page),
    frames: frames(page),
    grid: grid(page),
    finder: finder(page),
    pairs: pairs(page),
    answer: answer(page),
    heading: heading(page),
    controls: controls(page),
    picture: picture(page),
    row: row(page),
  };
  const below = [explanation(page), sheet(page), save(page), codePart(page), readingPart(READING), notesPart(page)];
  page.focusGrid = parts.grid.focus;
  page.focusPicture = parts.picture.focus;
  page.revealPlace = parts.picture.reveal;
  const element = (name) => parts[name].element;
  return {
    parts: [...Object.values(parts), ...below],
    children: [
      element("top"),
      element("sides"),
      element("frames"),
      make(
        "div",
        "mlm-main",
        make("section", "mlm-heads", make("h4", "", "All heads"), element("grid"), element("finder")),
        make(
          "section",
          "mlm-one",
          element("heading"),
          element("controls"),
          parts.heading.below,
          element("picture"),
          element("row"),
        ),
        make("div", "mlm-between", element("pairs"), element("answer")),
      ),
      make("div", "mlm-folds", ...below.map((part) => part.element)),
    ],
  };
}

// -- what the server has

function headsMissing({ data, state }) {
  const { layer, head, rollout } = state;
  const question = rollout ? { rollout } : { layer, head };
  return V.missing(data, state).map((ofOther) => ({
    question: ofOther ? { ...question, before: true } : question,
    keep: ({ weights }) => data.fetched.set(V.keyOf({ layer, head, rollout }, ofOther), W.decode(weights)),
  }));
}

// The raw scores of one token: {scores [T]}, if the payload has them.
function storedScores({ value, data, state: { layer, head } }, token) {
  if (!value.rows || value.rows.layer !== layer || value.rows.head !== head) return null;
  data.scores = data.scores || W.decodeFloats(value.rows.scores);
  const masked = new Set(value.changed.masked);
  const scores = Array.from(data.scores.subarray(token * value.size, (token + 1) * value.size));
  return { scores: scores.map((score, key) => (masked.has(key) ? null : score)) };
}

// -- one depth back: Escape, or a click beside everything

const INTERACTIVE =
  "button, a, input, label, summary, select, textarea, table, pre, " +
  "[role=option], [role=gridcell], [role=tab], [role=application]";

function listen(page) {
  const onKey = (event) => {
    if (!page.root.isConnected) return stop();
    const aside = event.target === document.body && page.root.checkVisibility();
    if (!page.root.contains(event.target) && !aside) return;
    if (event.key === "Escape" && goBack(page, true)) event.preventDefault();
    else if (event.key.startsWith("Page") && event.target.closest(".mlm-picture")) changeLayer(page, event);
  };
  const onClick = (event) => {
    if (!page.root.isConnected) return stop();
    if (page.root.checkVisibility() && !event.target.closest(INTERACTIVE)) goBack(page, false);
  };
  const stop = () => {
    document.removeEventListener("keydown", onKey);
    document.removeEventListener("click", onClick);
  };
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  return stop;
}

function goBack(page, byKey) {
  if (!page.state) return false;
  if (page.state.chosen.tokens.length) page.set({ chosen: { axis: "row", tokens: [] } });
  else if (page.state.entered) {
    page.set({ entered: false });
    if (byKey) page.focusGrid();
  } else return false;
  return true;
}

function changeLayer(page, event) {
  const { layer, rollout } = page.state;
  if (layer === "mean" || rollout) return;
  page.set({ layer: Math.min(page.value.layers - 1, Math.max(0, layer + (event.key === "PageUp" ? -1 : 1))) });
  event.preventDefault();
}
