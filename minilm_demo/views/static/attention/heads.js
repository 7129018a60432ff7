// The parts of the attention explorer that lead to a head: by what it does, by how much it talks across two texts, by
// how much it looks at an answer. Parts as in explorer.js.

import { button } from "../shared/controls.js";
import { make, say, show, table } from "../shared/dom.js";
import { length, percent } from "../shared/numbers.js";
import { headName, isSingle, quoted } from "../shared/trace.js";
import { headText, LETTERS } from "./panels.js";

/** @import { AttentionPayload } from "../payloads.js" */

const SIGNS = { previous: "←", next: "→", same: "↻", separator: "‖", cross_sentence: "⇄", broad: "≡" };
const LISTED = 12; // heads of a kind
const BEST = 5; // heads that look at an answer

function headButton(page, place, number) {
  const { layer, head, rollout } = page.state;
  const { layer: toLayer, head: toHead } = place;
  const open = () => page.set({ layer: toLayer, head: toHead, rollout: false, entered: true });
  const node = button(headText(place), open, "mlm-head-button");
  node.append(make("span", "mlm-number", number));
  node.setAttribute("aria-pressed", String(!rollout && layer === toLayer && head === toHead));
  return node;
}

// -- what heads do

export function finder(page) {
  const list = make("div", "mlm-kinds");
  const about = make("div", "mlm-kind-about");
  const rollout = button("Attention rollout", () => page.set({ rollout: !page.state.rollout, entered: true }));
  rollout.title = "All layers together: what can be followed back through the network (Abnar and Zuidema 2020)";
  const element = make("div", "mlm-finder", list, about, rollout);
  let kinds = [];
  function draw(level) {
    const { state, data: trace, callbacks } = page;
    if (level === "value") {
      kinds = kindsOf(page.value);
      list.replaceChildren(...kinds.map((kind) => kindButton(page, kind)));
    }
    kinds.forEach(({ name }, place) => {
      list.children[place].setAttribute("aria-pressed", String(state.kind === name));
    });
    const chosen = kinds.find(({ name }) => name === state.kind);
    about.replaceChildren(...(chosen ? aboutKind(page, chosen) : []));
    rollout.setAttribute("aria-pressed", String(state.rollout));
    show(rollout, trace.whole || Boolean(callbacks.head));
  }
  return { element, level: "head", draw };
}

/**
 * The kinds with a score for this text, each with its heads in descending order, and the rest.
 *
 * @param {AttentionPayload} value
 */
function kindsOf({ behaviours: { kinds, labels, scores } }) {
  const hasScores = ({ name }) => scores[name]?.flat().some((score) => score !== null);
  const rest = { name: "mixed", title: "Mixed", about: "No behaviour reaches its threshold for this text." };
  return [...kinds.filter(hasScores), rest].map((kind) => {
    const heads = labels.flatMap((names, layer) =>
      names.flatMap((name, head) =>
        name === kind.name ? [{ layer, head, score: scores[name] ? scores[name][layer][head] : null }] : [],
      ),
    );
    return { ...kind, heads: heads.sort((a, b) => b.score - a.score) };
  });
}

function kindButton(page, { name, title, heads }) {
  const node = button("", () => page.set({ kind: page.state.kind === name ? null : name }), "mlm-kind");
  const sign = make("span", "mlm-thumb-sign", SIGNS[name] || "");
  node.dataset.kind = name;
  node.append(sign, title, make("span", "mlm-number", String(heads.length)));
  return node;
}

function aboutKind(page, { about, threshold, heads, name }) {
  const line = about + (threshold === undefined ? "" : " Threshold: " + threshold.toFixed(2) + ".");
  const listed = name === "mixed" ? [] : heads.slice(0, LISTED);
  const buttons = listed.map((place) => headButton(page, place, place.score.toFixed(2)));
  return [make("p", "mlm-note", line), make("div", "mlm-buttons", ...buttons)];
}

// What the grid writes on a head: its kind, its sign, its name and score, and whether another kind is looked for.
export function markOf({ value, state }, layer, head) {
  const dim = (kind) => state.kind !== null && state.kind !== kind;
  if (layer === "mean" || head === "mean") {
    return {
      kind: "none",
      sign: "",
      label: headName({ value }, { layer, head, rollout: false }),
      does: "",
      dim: dim("none"),
    };
  }
  const { kinds, labels, scores } = value.behaviours;
  const name = labels[layer][head];
  const kind = kinds.find((candidate) => candidate.name === name);
  const does = kind ? kind.title + " " + scores[name][layer][head].toFixed(2) : "Mixed";
  const label = headText({ layer, head }) + ": " + does;
  return { kind: name, sign: SIGNS[name] || "", label, does, dim: dim(name) };
}

// -- two texts

export function pairs(page) {
  const box = make("div", "mlm-blocks");
  const all = button("Show all", () => page.set({ block: null }));
  const note = make(
    "p",
    "mlm-note",
    "How much of a word's weight goes to all words of a text; the rest goes to the " +
      "special tokens. Choose a cell to see it alone.",
  );
  const crossing = make("div", "mlm-buttons");
  const crossingTitle = make("p", "mlm-subtitle", "The five heads that talk most across the texts");
  const element = make(
    "section",
    "mlm-pairs",
    make("h4", "", "Within and across the texts"),
    box,
    note,
    crossingTitle,
    crossing,
  );
  function draw() {
    const { value, state } = page;
    show(element, value.texts.length > 1);
    if (value.texts.length < 2) return;
    box.replaceChildren(blockTable(page, blockMass(page)), all);
    show(all, state.block !== null);
    show(crossingTitle, Boolean(value.crossing));
    crossing.replaceChildren(...(value.crossing || []).map((place) => headButton(page, place, percent(place.mass))));
  }
  return { element, level: "head", draw };
}

// [2][2]: the mean mass that a token of one text gives to the other text's tokens.
function blockMass({ value, view, state }) {
  if (view.cells) return isSingle(state) ? value.pair[state.layer][state.head] : null;
  const size = view.labels.length;
  const words = (side) =>
    view.labels.flatMap(({ special, segment, tokens }, group) =>
      special || segment !== side ? [] : [{ group, count: tokens.length }],
    );
  const sides = [words(0), words(1)];
  return sides.map((looking) =>
    sides.map((looked) => {
      let [mass, tokens] = [0, 0];
      for (const { group: row, count } of looking) {
        tokens += count;
        for (const { group: column } of looked) mass += count * view.matrix[row * size + column];
      }
      return tokens ? mass / tokens : 0;
    }),
  );
}

function blockTable(page, mass) {
  const cell = (from, to) => blockCell(page, [from, to], mass?.[from][to]);
  const rows = LETTERS.map((letter, from) => [letter, cell(from, 0), cell(from, 1)]);
  return table("Weight between the texts", ["from", "to A", "to B"], rows, true);
}

function blockCell(page, block, share) {
  const { state, view } = page;
  const chosen = state.block !== null && block.every((side, place) => side === state.block[place]);
  const amount = percent(Math.abs(share));
  const sign = !view.signed || amount === percent(0) ? "" : share < 0 ? "−" : "+";
  const text = share === null ? "–" : sign + amount;
  const node = button(text, () => page.set({ block: chosen ? null : block }), "mlm-block");
  node.style.setProperty("--share", length(Math.abs(share)));
  if (view.signed) node.classList.add(share < 0 ? "mlm-less" : "mlm-more");
  node.setAttribute("aria-pressed", String(chosen));
  node.setAttribute("aria-label", LETTERS[block[0]] + " to " + LETTERS[block[1]] + ": " + text);
  return node;
}

// -- an answer

export function answer(page) {
  const now = make("p", "mlm-note");
  const list = make("div", "mlm-buttons");
  const mark = button("", () => page.set({ chosen: { axis: "column", tokens: page.value.answer.tokens } }));
  const title = make("h4", "", "The heads whose question looks at the answer");
  const element = make("section", "mlm-answer-mass", title, now, list, make("div", "mlm-buttons", mark));
  function draw() {
    const { value, state } = page;
    show(element, Boolean(value.answer));
    if (!value.answer) return;
    const { mass, text } = value.answer;
    const here = isSingle(state) ? percent(mass[state.layer][state.head]) : "";
    say(now, here && "This head: " + here + " of the question's weight is on " + quoted(text) + ".");
    say(mark, "Who looks at " + quoted(text) + "?");
    const heads = mass.flatMap((shares, layer) => shares.map((share, head) => ({ layer, head, share })));
    const best = heads.sort((a, b) => b.share - a.share).slice(0, BEST);
    list.replaceChildren(...best.map((place) => headButton(page, place, percent(place.share))));
  }
  return { element, level: "head", draw };
}
