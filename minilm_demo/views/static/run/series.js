// The curves of a run as numbers: the points of each line, the format of values, the range of an axis. Nothing here
// draws.

import { number, percent } from "../shared/numbers.js";

/** @import { Chart, Series } from "../payloads.js" */

const SMOOTHING = 0.9; // share of the past in the smoothed line

// Unit -> the format of values on the axis and in the table, and the range of the axis, [low, high].
const twoDigits = (value) => number(value, 2);
export const UNITS = {
  loss: {
    format: (value) => value.toFixed(3),
    tick: String,
    cell: (value) => value.toFixed(4),
    span: (values) => [0, roundUp(Math.max(0.1, ...values))],
  },
  percent: {
    format: (value) => percent(value, 1),
    tick: (value) => Math.round(100 * value) + " %",
    cell: (value) => percent(value, 1),
    span: scoreSpan,
  },
  number: { format: twoDigits, tick: (value) => value.toFixed(1), cell: twoDigits, span: scoreSpan },
};

function scoreSpan(values) {
  return [Math.max(-1, Math.min(0.8, Math.floor(Math.min(1, ...values) * 5 - 0.1) / 5)), 1];
}

// "student round" -> "mlm-student mlm-round"
export function styled(style) {
  return style
    .split(" ")
    .map((name) => "mlm-" + name)
    .join(" ");
}

/**
 * @param {Series} series
 */
export function seriesOf({ name, style, smooth: smoothed, dots, latest }, points) {
  const best = points.findLastIndex(([, , isBest]) => isBest);
  const drawn = smoothed ? smooth(points) : points.map(([step, value]) => [step, value]);
  return { name, className: styled(style), points: drawn, dots, latest, best };
}

// "Latest: step 84 · loss 0.512 · smoothed 0.498"
export function latestOf(lines, format) {
  const named = lines.filter((line) => line.latest && line.points.length);
  if (!named.length) return "";
  const values = named.map((line) => line.name + " " + format(line.points.at(-1)[1]));
  return ["Latest: step " + named[0].points.at(-1)[0], ...values].join(" · ");
}

export function bestOf(lines, format) {
  return lines
    .filter(({ best }) => best >= 0)
    .map(({ points, best }) => `Best ${format(points[best][1])} at step ${points[best][0]}. `)
    .join("");
}

// Exponential moving average, divided by the sum of its weights to correct the bias of the first values.
export function smooth(points) {
  let sum = 0;
  let weight = 0;
  return points.map(([step, value]) => {
    sum = SMOOTHING * sum + (1 - SMOOTHING) * value;
    weight = SMOOTHING * weight + (1 - SMOOTHING);
    return [step, sum / weight];
  });
}

export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((size) => size >= value);
}

/**
 * charts and points as in the payload -> {columns [{title, cell(value) -> text}], rows [[step, value or undefined, …]]}:
 * every step with its values, without the smoothed lines.
 *
 * @param {Object<string, Chart>} charts
 */
export function tableOf(charts, points) {
  const drawn = Object.values(charts).flatMap(({ unit, series }) =>
    series.filter(({ column }) => column).map(({ column, of }) => ({ title: column, cell: UNITS[unit].cell, of })),
  );
  const values = drawn.map(({ of }) => new Map((points[of] || []).map(([step, value]) => [step, value])));
  const steps = [...new Set(values.flatMap((column) => [...column.keys()]))].sort((a, b) => a - b);
  return {
    columns: drawn.map(({ title, cell }) => ({ title, cell })),
    rows: steps.map((step) => [step, ...values.map((column) => column.get(step))]),
  };
}
