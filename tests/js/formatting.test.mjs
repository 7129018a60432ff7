import assert from "node:assert/strict";
import { test } from "node:test";
import { bestOf, latestOf, roundUp, seriesOf, smooth, tableOf } from "../../minilm_demo/views/static/run/series.js";
import { length, number, percent, signed, weightText } from "../../minilm_demo/views/static/shared/numbers.js";
import { NOWHERE, step } from "../../minilm_demo/views/static/shared/places.js";
import { csvText, quotedCell } from "../../minilm_demo/views/static/shared/save.js";
import { sorted } from "../../minilm_demo/views/static/shared/sortable.js";
import { shortened } from "../../minilm_demo/views/static/shared/text.js";

test("a minus sign is typeset, and none stands before a zero", () => {
  assert.equal(number(-1.25, 1), "−1.3");
  assert.equal(number(-0.001, 2), "0.00");
  assert.equal(signed(0.5, 2), "+0.50");
  assert.equal(signed(-0.5, 2), "−0.50");
  assert.equal(signed(0.001, 2), "0.00");
});

test("weights, shares, lengths", () => {
  assert.equal(weightText(0.126, false), "0.13");
  assert.equal(weightText(-0.126, true), "−0.13");
  assert.equal(percent(0.126), "13 %");
  assert.equal(percent(0.126, 1), "12.6 %");
  assert.equal(length(1.2), "100.0%");
});

test("a text is cut between letters, not within an emoji", () => {
  assert.equal(shortened("🐝🐝🐝🐝", 3), "🐝🐝…");
  assert.equal(shortened("bee", 3), "bee");
});

test("numbers and texts are sorted, null stays at the end", () => {
  const rows = [{ order: [2] }, { order: [null] }, { order: [1] }];
  const order = (down) => sorted(rows, { column: 0, down }).map((row) => row.order[0]);
  assert.deepEqual(order(false), [1, 2, null]);
  assert.deepEqual(order(true), [2, 1, null]);
});

test("cells of a CSV file", () => {
  assert.equal(
    csvText([
      ["a", "b"],
      [1, quotedCell('say "no", twice')],
    ]),
    'a,b\n1,"say ""no"", twice"\n',
  );
});

test("arrow keys stay within the map", () => {
  assert.deepEqual(step({ row: 0, column: 0 }, "ArrowUp", 3, 3), { row: 0, column: 0 });
  assert.deepEqual(step({ row: 0, column: 0 }, "End", 3, 3), { row: 0, column: 2 });
  assert.equal(step(NOWHERE, "a", 3, 3), null);
});

// -- the curves of a run

test("the smoothed line begins at the first value", () => {
  assert.deepEqual(smooth([[1, 4]]), [[1, 4]]);
  const [, [, second]] = smooth([
    [1, 4],
    [2, 2],
  ]);
  assert.ok(Math.abs(second - (0.9 * 0.1 * 4 + 0.1 * 2) / 0.19) < 1e-9);
});

test("the axis ends at a round number", () => {
  assert.deepEqual([0.1, 0.7, 1.2, 23].map(roundUp), [0.1, 0.8, 1.5, 30]);
});

const HELD = { of: "held", name: "held-back rows", style: "student round", smooth: false, dots: true, latest: true };

test("the best of the points is named", () => {
  const line = seriesOf({ ...HELD, column: "" }, [
    [5, 0.5, true],
    [10, 0.7, true],
    [15, 0.6, false],
  ]);
  assert.equal(line.className, "mlm-student mlm-round");
  assert.equal(bestOf([line], String), "Best 0.7 at step 10. ");
  assert.equal(latestOf([line], String), "Latest: step 15 · held-back rows 0.6");
});

test("the table has every step and no smoothed line", () => {
  const series = [
    { ...HELD, of: "loss", column: "Loss" },
    { ...HELD, of: "loss", smooth: true, column: "" },
  ];
  const charts = {
    loss: { title: "", y: "", unit: "loss", empty: "", drawn: true, keys: [], series },
    score: {
      title: "",
      y: "",
      unit: "percent",
      empty: "",
      drawn: true,
      keys: [],
      series: [{ ...HELD, column: "Score" }],
    },
  };
  const { columns, rows } = tableOf(charts, {
    loss: [
      [1, 0.5],
      [2, 0.25],
    ],
    held: [[2, 0.8, true]],
  });
  assert.deepEqual(
    columns.map(({ title, cell }) => [title, cell(0.5)]),
    [
      ["Loss", "0.5000"],
      ["Score", "50.0 %"],
    ],
  );
  assert.deepEqual(rows, [
    [1, 0.5, undefined],
    [2, 0.25, 0.8],
  ]);
});
