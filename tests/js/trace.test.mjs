// What the attention explorer shows, without a page: a trace of one layer, two heads, five tokens, three words.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as T from "../../minilm_demo/views/static/shared/trace.js";

const HEADS = [
  [255, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 255],
  [0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255],
];

function payload(changes = {}) {
  return {
    layers: 1,
    heads: 2,
    size: 5,
    texts: ["un##happy day"],
    tokens: {
      texts: ["[CLS]", "un", "##happy", "day", "[SEP]"],
      segments: [0, 0, 0, 0, 0],
      special: [true, false, false, false, true],
      words: [null, 0, 0, 1, null],
    },
    words: [
      { text: "unhappy", segment: 0 },
      { text: "day", segment: 0 },
    ],
    weights: Buffer.from(HEADS.flat()).toString("base64"),
    overview: null,
    selected: { layer: 0, head: 0, token: 1 },
    changed: { masked: [], ablated: [] },
    before: null,
    frames: null,
    ...changes,
  };
}

const seen = (changes = {}) => {
  const trace = T.read(payload());
  const state = { ...T.nextState(null, null, payload()), ...changes };
  return { trace, state, view: T.look(trace, state) };
};

test("it opens on the chosen token, as words, drawn with lines", () => {
  const { state, view } = seen();
  assert.deepEqual(state.chosen, { axis: "row", tokens: [1] });
  assert.deepEqual(
    view.labels.map(({ text }) => text),
    ["[CLS]", "unhappy", "day", "[SEP]"],
  );
  assert.equal(view.lines, true);
  assert.deepEqual(T.chosenPlaces(view, state.chosen), { rows: [0], columns: [] });
});

test("a word's pieces together: what they give is averaged", () => {
  const { view } = seen();
  assert.deepEqual([...view.values], [0, 1, 1, 0]);
  assert.equal(view.hidden, 0);
});

test("what goes to the special tokens is hidden, and said", () => {
  const { view, trace, state } = seen({ head: 1 });
  assert.equal(view.hidden, 1);
  assert.equal(T.sentence(trace, view, { ...state, chosen: { axis: "row", tokens: [] } }), "Nothing to see here.");
});

test("the sentence names the link and compares it with an even spread", () => {
  const { trace, view, state } = seen();
  assert.equal(T.sentence(trace, view, state), "“unhappy” → “day”: 1.00, 2.0 times an even spread.");
  assert.equal(T.headName(trace, state), "Layer 1 of 1, head 1 of 2");
});

test("settings stay for another text, the place does not", () => {
  const state = { ...T.nextState(null, null, payload()), words: false, head: 1, keep: 40 };
  const tokens = { ...payload().tokens, texts: ["[CLS]", "an", "##other", "day", "[SEP]"] };
  const next = T.nextState(state, payload(), payload({ tokens }));
  assert.deepEqual([next.words, next.keep, next.head], [false, 40, 0]);
  const same = T.nextState(state, payload(), payload());
  assert.deepEqual([same.words, same.keep, same.head], [false, 40, 1]);
});

test("of a longer input the chosen head is missing until it is fetched", () => {
  const overview = { size: 2, weights: Buffer.from(Array(8).fill(128)).toString("base64") };
  const trace = T.read(payload({ weights: null, overview }));
  const state = T.nextState(null, null, payload());
  assert.deepEqual(T.missing(trace, state), [false]);
  assert.equal(T.look(trace, state).cells, true);
  trace.fetched.set(T.keyOf(state), new Float32Array(25));
  assert.deepEqual(T.missing(trace, state), []);
  assert.equal(T.look(trace, state).cells, false);
});

test("what a word is made of", () => {
  const { view } = seen();
  assert.equal(T.pieceTitle(view.labels[1], payload()), "unhappy = un + ##happy");
});

test("a head that is off has no weights, and the difference says why it is empty", () => {
  const other = { title: "Before", weights: payload().weights, overview: null, prediction: null };
  const value = payload({ changed: { masked: [], ablated: [{ layer: 0, head: 0 }] }, before: other, prediction: {} });
  const state = T.nextState(null, null, value);
  const off = T.look(T.read(value), state);
  assert.equal(off.off, true);
  assert.equal(T.largest(off.values), 0);
  const before = T.look(T.read(value), { ...state, side: "other" });
  assert.equal(before.off, false);
  assert.equal(T.largest(before.values), 1);
  const difference = { ...state, side: "difference" };
  assert.equal(
    T.sentence(T.read(value), T.look(T.read(value), difference), difference),
    "This is a head of the last layer: switching it off changes no attention weight, only the answer.",
  );
});

test("bars have one scale through all steps of a run", () => {
  const even = Buffer.from(Array(50).fill(114)).toString("base64");
  const value = payload({ frames: { steps: [0, 9], weights: [even, payload().weights], predictions: [null, null] } });
  const state = T.nextState(null, null, value);
  for (const frame of [0, 1]) assert.equal(T.look(T.read(value), { ...state, frame }).full, 1);
  assert.equal(seen().view.full, null);
});

test("words at positions that the model never learned say so", () => {
  const value = payload({ positions: { learned: 3, about: "" } });
  const { labels } = T.look(T.read(value), T.nextState(null, null, value));
  assert.deepEqual(
    labels.map(({ beyond }) => beyond),
    [null, null, 3, 4],
  );
  assert.equal(T.pieceTitle(labels[2], value), "day. Position 4: this model never learned positions beyond 3.");
});

test("a saved page opens on what was chosen", () => {
  const view = { layer: 0, head: 1, words: false, chosen: { axis: "column", tokens: [3] } };
  const state = T.nextState(null, null, payload({ view }));
  assert.deepEqual([state.head, state.words, state.chosen], [1, false, view.chosen]);
});
