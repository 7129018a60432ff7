import assert from "node:assert/strict";
import { test } from "node:test";
import * as W from "../../minilm_demo/views/static/shared/weights.js";

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const near = (found, expected) => {
  assert.equal(found.length, expected.length);
  for (const [place, value] of expected.entries()) assert.ok(Math.abs(found[place] - value) < 1e-6, `${found}`);
};

test("bytes are the square roots of weights", () => {
  near(W.decode(base64([0, 51, 255])), [0, 0.04, 1]);
});

test("floats are little-endian on every machine", () => {
  const bytes = Buffer.alloc(8);
  bytes.writeFloatLE(0.5, 0);
  bytes.writeFloatLE(-2.25, 4);
  near(W.decodeFloats(bytes.toString("base64")), [0.5, -2.25]);
});

test("pieces of a word are one group, a special token is its own", () => {
  const tokens = {
    texts: ["[CLS]", "un", "##happy", "[SEP]"],
    segments: [0, 0, 0, 0],
    special: [true, false, false, true],
    words: [null, 0, 0, null],
  };
  const { of, labels } = W.groups(tokens, true, [{ text: "unhappy", segment: 0 }]);
  assert.deepEqual(of, [0, 1, 1, 2]);
  assert.deepEqual(
    labels.map(({ text, tokens: members }) => [text, members]),
    [
      ["[CLS]", [0]],
      ["unhappy", [1, 2]],
      ["[SEP]", [3]],
    ],
  );
  assert.deepEqual(W.visible(labels, true), [1]);
});

test("merged rows keep their sum", () => {
  const groups = { of: [0, 1, 1], labels: [{ tokens: [0] }, { tokens: [1, 2] }] };
  near(W.merge(Float32Array.from([0.2, 0.3, 0.5, 0.1, 0.4, 0.5, 0.6, 0.2, 0.2]), 3, groups), [0.2, 0.8, 0.35, 0.65]);
});

test("the strongest links come first, ties in reading order", () => {
  const links = W.strongest(Float32Array.from([0.1, 0.5, 0.5, 0]), [0, 1], [0, 1], 2);
  assert.deepEqual(
    links.map(({ from, to }) => [from, to]),
    [
      [0, 1],
      [1, 0],
    ],
  );
});

test("softmax of a row with a masked key", () => {
  const { largest, sum, weights } = W.softmaxRow([1, null, 1]);
  assert.equal(largest, 1);
  assert.equal(sum, 2);
  assert.deepEqual(weights, [0.5, 0, 0.5]);
});

test("a quarter of the maximum has half of the colour", () => {
  const scheme = [
    [0, 0, 0],
    [200, 100, 0],
  ];
  assert.deepEqual(W.colour(0.25, 1, scheme), [100, 50, 0]);
});

test("a value is made once", () => {
  let made = 0;
  const value = W.once(() => {
    made += 1;
    return "there";
  });
  assert.equal(value() + value(), "therethere");
  assert.equal(made, 1);
});
