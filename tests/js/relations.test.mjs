import assert from "node:assert/strict";
import { test } from "node:test";
import * as R from "../../minilm_demo/views/static/microscope/relations.js";

const near = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-9, `${found} is not ${expected}`);

test("the shares of a row add up to its divergence", () => {
  const [p, q] = [
    [0.75, 0.25],
    [0.5, 0.5],
  ];
  near(R.total(R.shares(p, q)), 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5));
});

test("equal rows differ by nothing", () => {
  near(R.total(R.shares([0.3, 0.7], [0.3, 0.7])), 0);
});

test("a weight of 0 in the student is no true 0", () => {
  assert.ok(Number.isFinite(R.total(R.shares([1, 0], [0, 1]))));
});

test("exact rows from raw scores, whatever constant they have", () => {
  const { divergence, teacher } = R.exactRow([2, 2 + Math.log(3)], [100, 100]);
  assert.deepEqual(
    teacher.weights.map((weight) => weight.toFixed(2)),
    ["0.25", "0.75"],
  );
  near(divergence, 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5));
});

test("a head's divergence is the mean over its tokens", () => {
  assert.deepEqual(R.byHead(Float64Array.from([1, 3, 0, 1]), 2), [2, 0.5]);
});

test("the worst rows name head and token, and none that may not be named", () => {
  const rows = R.worst(Float64Array.from([9, 1, 2, 9, 5, 3]), 2, [1, 2], 2);
  assert.deepEqual(rows, [
    { head: 1, token: 1, divergence: 5 },
    { head: 1, token: 2, divergence: 3 },
  ]);
});

test("the divergence of every row of two matrices", () => {
  const found = R.divergences(Float32Array.from([1, 0, 0.5, 0.5]), Float32Array.from([0.5, 0.5, 0.5, 0.5]));
  near(found[1], 0);
  assert.ok(Math.abs(found[0] - Math.log(2)) < 1e-6);
});
