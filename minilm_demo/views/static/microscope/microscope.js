// The distillation microscope: one head's relation in the teacher, in the student, and what differs; every number of its
// loss. Everything reacts here; the server is asked only for what the payload does not have.
//
// The payload (microscope_payload in views/distillation.py); T tokens, H heads, all counted from 0:
//   kind "microscope" (or "empty", "error" with a sentence), recipe, texts [1 or 2], heads, size (T)
//   tokens, words: as in attention.js
//   teacher, student {title, layer, head_size}; badge {kind, title, about}: what the one is to the other
//   relations [{name "QK", title, letters "qk", about, equations [2], loss, teacher, student {weights, overview},
//     divergence: base64 of float32 [H, T]}]; weights and overview as in attention.js, without layers
//   selected {relation, head, from, to}: where it opens; from and to are tokens
//   rows {relation, head, teacher, student: base64 of float32 [T, T]} | null: the raw scores of one head
//   frames {steps, heads, student {name: [weights]}, divergence {name: [[H]]}} | null: the student while it learned
//   view {name: value} | null: what a person had chosen when the page was saved, as in firstState of view.js
//   code, notes [..], footer [..], precomputed
//   asked: what it was made from; it goes with every question to the server
//
// callbacks, each of which may be missing; then what needs it is not offered. Each gives the promise of an answer, which
// may be {error: a sentence}:
//   look({texts, teacher, student, recipe}) -> another value; the page around it asks for one
//   head({relation, head}) -> {teacher, student}: one head of a longer input in full
//   row({relation, head, token}) -> {teacher, student: [T]}: raw scores x·y/√d
//   file({format: "npz" | "html", view}) -> {name, type, base64}

import { make } from "../shared/dom.js";
import { openExplorer } from "../shared/explorer.js";
import { codePart, notesPart, readingPart } from "../shared/folds.js";
import { NOWHERE } from "../shared/places.js";
import { READING, save, tablePart } from "./export.js";
import { formula } from "./formula.js";
import { mapsPart } from "./maps.js";
import { bars, controls, frames, heading, relations, top, worst } from "./panels.js";
import * as V from "./view.js";

/** @import { MicroscopePayload, Sentence } from "../payloads.js" */

const EXPLORER = {
  kind: "microscope",
  nothingYet: { kind: "empty", sentence: "Teacher and student, head by head, will be here." },
  bodyClass: "",
  levels: ["hover", "chosen", "head", "value"],
  changes: {
    hovered: "hover",
    chosen: "chosen",
    relation: "head",
    head: "head",
    words: "head",
    hideSpecial: "head",
    frame: "head",
  },
  movesWords: ["words", "hideSpecial"],
  unpointed: { hovered: NOWHERE },
  stateFor: V.nextState,
  read: V.read,
  rebuilt: () => false,
  build,
  look: ({ data, state }) => V.look(data, state),
  beforeParts: (page) => {
    page.view.pointed = V.pointed(page.view, page.state);
  },
  headKey: ({ state }) => state.relation + "," + state.head,
  headsMissing,
  storedScores,
  scoresQuestion: ({ value, state }, token) => ({
    relation: value.relations[state.relation].name,
    head: state.head,
    token,
  }),
};

/**
 * @param {HTMLElement} root
 * @param {MicroscopePayload | Sentence | null} value
 */
export function mount(root, value, callbacks = {}) {
  const { page, update, destroy } = openExplorer(root, callbacks, EXPLORER);
  root.classList.add("mlm", "mlm-microscope");
  root.addEventListener("keydown", (event) => {
    if (page.value && onKey(page, event)) event.preventDefault();
  });
  update(value);
  return { update, destroy };
}

function build(page) {
  const parts = {
    top: top(page),
    frames: frames(page),
    relations: relations(page),
    bars: bars(page),
    heading: heading(page),
    controls: controls(page),
    maps: mapsPart(page),
    formula: formula(page),
    worst: worst(page),
  };
  const below = [tablePart(page), save(page), codePart(page), readingPart(READING), notesPart(page)];
  page.focusBars = parts.bars.focus;
  page.focusPicture = parts.maps.focus;
  const element = (name) => parts[name].element;
  return {
    parts: [...Object.values(parts), ...below],
    children: [
      element("top"),
      element("frames"),
      make("section", "mlm-choose", element("relations"), element("bars")),
      make(
        "section",
        "mlm-head",
        make("div", "mlm-head-top", element("heading"), element("controls")),
        element("maps"),
      ),
      element("formula"),
      element("worst"),
      make("div", "mlm-folds", ...below.map((part) => part.element)),
    ],
  };
}

// Escape lets the chosen cell go; in a map, Page Up and Down go to another head.
function onKey(page, event) {
  const { state, data } = page;
  if (event.key === "Escape" && state.chosen) {
    page.set({ chosen: null });
    return true;
  }
  const step = { PageUp: -1, PageDown: 1 }[event.key];
  if (!step || !event.target.closest(".mlm-maps")) return false;
  page.set({ head: Math.min(data.heads - 1, Math.max(0, state.head + step)) });
  return true;
}

// -- what the server has

function headsMissing({ data, state, value }) {
  const { relation, head } = state;
  if (!V.isMissing(data, state)) return [];
  const question = { relation: value.relations[relation].name, head };
  return [{ question, keep: (answer) => V.keepHead(data, relation, head, answer) }];
}

// The raw scores of one token on both sides {teacher, student: [T]}, if the payload has them.
function storedScores({ value, data, state }, token) {
  if (V.isReplayed(value, state)) return { error: "The scores behind these weights are kept for the last step only." };
  const { rows } = value;
  const isStored = rows && rows.relation === value.relations[state.relation].name && rows.head === state.head;
  return isStored ? V.storedScores(data, token) : null;
}
