// The computations of the microscope on arrays, with the same formulas as minilm_demo/jobs/relations.py.
// Nothing here draws or stores anything. p is a row of the teacher, q the same row of the student, [T] each.

import { softmaxRow } from "../shared/weights.js";

const LEAST = (0.5 / 255) ** 2; // below the smallest weight of a byte, 1 / 255²; it stands for 0, which has no logarithm

// p, q [n] -> [n]: p log(p / q) of every key, in nats. Their sum is the row's divergence KL(p ‖ q).
export function shares(p, q) {
  return Float64Array.from(p, (weight, key) => (weight > 0 ? weight * Math.log(weight / Math.max(q[key], LEAST)) : 0));
}

// The raw scores of one row on both sides [T] -> {teacher, student: {largest, exponentials, sum, weights}, shares [T],
// divergence}: all that the formula shows, exact.
export function exactRow(teacherScores, studentScores) {
  const [teacher, student] = [softmaxRow(teacherScores), softmaxRow(studentScores)];
  const logarithm = (scores, row, key) => scores[key] - row.largest - Math.log(row.sum);
  const each = teacher.weights.map(
    (weight, key) => weight * (logarithm(teacherScores, teacher, key) - logarithm(studentScores, student, key)),
  );
  return { teacher, student, shares: each, divergence: total(each) };
}

// divergence [H, T] -> [H]: the mean over the tokens, what a head adds to the loss.
export function byHead(divergence, heads) {
  const tokens = divergence.length / heads;
  return Array.from(
    { length: heads },
    (_, head) => total(divergence.subarray(head * tokens, (head + 1) * tokens)) / tokens,
  );
}

// divergence [H, T], tokens that may be named [..] -> the number rows with the largest, as [{head, token, divergence}].
export function worst(divergence, heads, tokens, number) {
  const size = divergence.length / heads;
  const rows = [];
  for (let head = 0; head < heads; head++) {
    for (const token of tokens) rows.push({ head, token, divergence: divergence[head * size + token] });
  }
  return rows.sort((a, b) => b.divergence - a.divergence).slice(0, number);
}

// matrices p, q [T, T] -> [T]: the divergence of every row, as near as the bytes they came from allow.
export function divergences(p, q) {
  const size = Math.round(Math.sqrt(p.length));
  const row = (matrix, token) => matrix.subarray(token * size, (token + 1) * size);
  return Float32Array.from({ length: size }, (_, token) => total(shares(row(p, token), row(q, token))));
}

export function largest(values) {
  return values.reduce((best, value, place) => (value > values[best] ? place : best), 0);
}

export function total(values) {
  return values.reduce((sum, value) => sum + value, 0);
}
