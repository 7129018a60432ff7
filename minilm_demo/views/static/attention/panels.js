// The parts of the attention explorer around its pictures: what was asked and answered, which trace is shown, the
// controls. Parts as in explorer.js.

import { button, checkbox, plain, radios } from "../shared/controls.js";
import { make, say, show } from "../shared/dom.js";
import { part as framesPart } from "../shared/frames.js";
import { length, percent } from "../shared/numbers.js";
import { chosenPlaces, isSingle } from "../shared/trace.js";
import { find } from "./find.js";

/** @import { AttentionPayload, ShareBar } from "../payloads.js" */

export const LETTERS = ["A", "B"]; // the two texts
const LARGEST = 32; // times the size that fits
const ZOOMED_FROM = 16; // words

export function headText({ layer, head }) {
  return "Layer " + (layer + 1) + ", head " + (head + 1);
}

// -- what was asked and what the model says

export function top(page) {
  const title = make("p", "mlm-trace-title");
  const texts = make("div", "mlm-trace-texts");
  const chips = make("div", "mlm-chips");
  const answer = make("div", "mlm-trace-answer");
  const element = make("header", "mlm-trace", make("div", "", title, texts, chips), answer);
  function draw() {
    const { value } = page;
    say(title, value.title + (value.precomputed ? " · precomputed" : ""));
    const letter = (place) => (value.texts.length > 1 ? make("b", "mlm-letter", LETTERS[place]) : null);
    texts.replaceChildren(...value.texts.map((text, place) => make("p", "", letter(place), plain(text))));
    answer.replaceChildren(...answerParts(page));
    chips.replaceChildren(...changeChips(page));
    show(chips, chips.children.length > 0);
  }
  return { element, level: "grid", draw };
}

// The answer of the trace on screen; beside it that of the other trace, if one was asked for.
function answerParts({ value, state }) {
  const frame = shownFrame(state);
  const traced = frame === null ? value.prediction : value.frames.predictions[frame];
  const beside = value.before?.prediction;
  const isOther = Boolean(value.before) && state.side === "other";
  const [now, was] = isOther ? [beside, traced] : [traced, beside];
  if (!now) return [];
  const changed = value.changed.masked.length + value.changed.ablated.length > 0;
  const wasTitle = isOther ? (changed ? "With the change" : value.title) : value.before?.title;
  return [
    make("p", "mlm-says", now.sentence),
    ...now.bars.map((bar, place) => answerBar(bar, was?.bars[place])),
    ...(now.unsure ? [make("p", "mlm-was", now.unsure)] : []),
    ...(was ? [make("p", "mlm-was", wasTitle + ": " + was.sentence)] : []),
  ];
}

// The step on screen: side "other" is the first one.
function shownFrame({ frame, side }) {
  return frame !== null && side === "other" ? 0 : frame;
}

/**
 * The mark on a bar is what it was before.
 *
 * @param {ShareBar} bar
 * @param {ShareBar | null} before
 */
function answerBar({ label, share, text }, before) {
  const fill = make("i", "");
  fill.style.width = length(share);
  const bar = make("span", "mlm-share", fill);
  if (before) {
    const mark = make("b", "");
    mark.style.insetInlineStart = length(before.share);
    bar.append(mark);
  }
  return make("p", "mlm-share-line", make("span", "mlm-share-name", label), bar, make("span", "mlm-number", text));
}

// What this trace was made with, each with a button that undoes it.
function changeChips(page) {
  const { masked, ablated } = page.value.changed;
  const chip = (text, rest) =>
    page.callbacks.look ? button(text + " ✕", () => page.look(rest), "mlm-chip") : make("span", "mlm-chip", text);
  const word = (token) => "Masked: " + page.value.tokens.texts[token];
  const chips = [
    ...masked.map((token) => chip(word(token), { masked: masked.filter((index) => index !== token), ablated })),
    ...ablated.map((head) =>
      chip(headText(head) + " off", { masked, ablated: ablated.filter((place) => place !== head) }),
    ),
  ];
  const undo = () => page.look({ masked: [], ablated: [] });
  return chips.length > 1 && page.callbacks.look ? [...chips, button("Undo all", undo)] : chips;
}

// -- this trace, the other one, the difference

export function sides(page) {
  const element = make("div", "mlm-sides");
  let choice = null;
  let drawnFor = null;
  function draw() {
    const { data: trace, state } = page;
    show(element, trace.other !== null);
    if (!trace.other) return;
    if (drawnFor !== trace) {
      choice = radios("Which trace", sideOptions(page), (side) => page.set({ side }));
      element.replaceChildren(choice.element);
      drawnFor = trace;
    }
    choice.choose(state.side);
  }
  return { element, level: "grid", draw };
}

function sideOptions({ value, data: trace }) {
  const changed = value.changed.masked.length + value.changed.ablated.length > 0;
  const learning = value.frames && !value.before;
  return [
    { value: "this", text: learning ? "This step" : changed ? "With the change" : value.title },
    { value: "other", text: learning ? "Step " + value.frames.steps[0] : trace.otherTitle },
    { value: "difference", text: "Difference" },
  ];
}

// -- a trace while the model learns

export function frames(page) {
  return framesPart(page, {
    title: "While it learns",
    label: "Step of the training",
    level: "grid",
    height: 76,
    read: readFrames,
    // The slider moves "this" trace: with the first step on screen it would move nothing.
    move: (frame) => ({ frame, ...(page.state.side === "other" ? { side: "this" } : {}) }),
  });
}

// The probabilities of the labels over the steps, where the model has labels.
function readFrames({
  value: {
    frames: { predictions },
  },
  state,
}) {
  const labelled = predictions.every((prediction) => prediction?.bars.length);
  const end = labelled
    ? predictions
        .at(-1)
        .bars.map(({ label, share }) => label + " " + percent(share))
        .join(", ")
    : "";
  const frame = shownFrame(state);
  return {
    frame,
    said: predictions[frame] ? predictions[frame].sentence : "",
    curves: labelled
      ? dashes(predictions).map(({ label, dash }, place) => ({
          title: label,
          dash,
          values: predictions.map(({ bars }) => bars[place].share),
        }))
      : [],
    most: 1,
    lines: [0, 1],
    summary: "Probability of each label over the steps: " + end + " at the end.",
  };
}

// The label that wins at the end has the thick line; the others are told apart by their dashes.
function dashes(predictions) {
  const last = predictions.at(-1).bars;
  const best = last.reduce((top, { share }, place) => (share > last[top].share ? place : top), 0);
  const dash = (place) => (place === best ? 0 : 1 + ((place + last.length - best - 1) % last.length));
  return last.map(({ label }, place) => ({ label, dash: dash(place) }));
}

// -- the controls of the large picture

export function controls(page) {
  const drawings = [
    { value: "lines", text: "Lines" },
    { value: "matrix", text: "Matrix" },
  ];
  const drawing = radios("Drawn as", drawings, (value) => page.set({ drawing: value }));
  const units = [
    { value: "words", text: "Words" },
    { value: "pieces", text: "Pieces" },
  ];
  const unit = radios("Unit", units, (value) => page.set({ words: value === "words" }));
  const special = checkbox("", (checked) => page.set({ hideSpecial: checked }));
  const specialText = make("span", "");
  special.element.append(specialText);
  const several = checkbox("Select several words", (checked) => page.set({ several: checked }));
  const keep = keepSlider(page);
  const zoom = zoomButtons(page);
  const search = find(page);
  const off = offSwitch(page);
  const more = make(
    "details",
    "mlm-details mlm-settings",
    make("summary", "", "More settings"),
    make("div", "mlm-controls", keep.element, several.element),
  );
  const element = make(
    "div",
    "mlm-toolbar",
    make("div", "mlm-controls", drawing.element, unit.element, zoom.element, search.element, off.element),
    make("div", "mlm-controls", special.element, more),
  );
  function draw(level) {
    const { state, view, value } = page;
    drawing.choose(view.lines ? "lines" : "matrix");
    unit.choose(state.words ? "words" : "pieces");
    show(unit.element, !view.cells);
    show(special.element, !view.cells);
    special.input.checked = state.hideSpecial;
    say(specialText, specialWords(value, state, view));
    several.input.checked = state.several;
    keep.draw();
    zoom.draw();
    search.draw(level);
    off.draw();
  }
  return { element, level: "head", draw };
}

function specialWords({ tokens }, { hideSpecial }, { hidden, signed }) {
  const names = [...new Set(tokens.texts.filter((_, token) => tokens.special[token]))].slice(0, 3).join(" and ");
  return "Hide " + names + (hideSpecial && !signed ? ", which get " + percent(hidden) + " here" : "");
}

function keepSlider(page) {
  const input = make("input", "");
  Object.assign(input, { type: "range", min: 5, max: 100, step: 5 });
  input.addEventListener("input", () => page.set({ keep: Number(input.value) }));
  const text = make("span", "mlm-number");
  function draw() {
    input.value = page.state.keep;
    say(text, page.state.keep === 100 ? "all" : page.state.keep + " % of each row");
  }
  return { element: make("label", "mlm-keep", "Keep the strongest", input, text), draw };
}

// Twice or half as large; at 1 the matrix fits into its column.
function zoomButtons(page) {
  const to = (factor) => () => {
    page.set({ zoom: Math.min(LARGEST, Math.max(1, page.state.zoom * factor)) });
    const { rows, columns } = chosenPlaces(page.view, page.state.chosen);
    page.revealPlace({ row: rows[0] ?? null, column: columns[0] ?? null });
  };
  const [smaller, larger] = [button("−", to(0.5)), button("+", to(2))];
  smaller.setAttribute("aria-label", "Zoom out");
  larger.setAttribute("aria-label", "Zoom in");
  const element = make("div", "mlm-zoom", make("span", "", "Zoom"), smaller, larger);
  function draw() {
    const { view, state } = page;
    show(element, !view.lines && !view.off && Math.max(view.rows.length, view.columns.length) > ZOOMED_FROM);
    smaller.disabled = state.zoom <= 1;
    larger.disabled = state.zoom >= LARGEST;
  }
  return { element, draw };
}

function offSwitch(page) {
  const isThis = ({ layer, head }) => layer === page.state.layer && head === page.state.head;
  const element = button(
    "",
    () => {
      const { masked, ablated } = page.value.changed;
      const { layer, head } = page.state;
      const others = ablated.filter((place) => !isThis(place));
      page.look({ masked, ablated: others.length < ablated.length ? others : [...ablated, { layer, head }] });
    },
    "mlm-switch",
  );
  function draw() {
    show(element, Boolean(page.callbacks.look) && isSingle(page.state) && !page.value.frames);
    say(element, page.value.changed.ablated.some(isThis) ? "Switch this head on again" : "Switch this head off");
  }
  return { element, draw };
}
