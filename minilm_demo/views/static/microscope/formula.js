// The formula of the microscope with the numbers of a chosen cell, and the whole row beside it. A part as in explorer.js.

import { button, plain } from "../shared/controls.js";
import { make, say, scroller, show } from "../shared/dom.js";
import { length, number, signed } from "../shared/numbers.js";
import { sortable } from "../shared/sortable.js";
import * as R from "./relations.js";
import * as V from "./view.js";

const SIDES = ["teacher", "student"];
const FIRST_ROWS = 8;

export function formula(page) {
  const title = make("h3", "");
  const heading = make("summary", "", title);
  const pieces = make("div", "mlm-buttons");
  const steps = make("div", "mlm-steps");
  const row = make("div", "mlm-row");
  const note = make("p", "mlm-note");
  const body = make("div", "mlm-formula-body", make("div", "", steps, note), row);
  const element = make("details", "mlm-formula", heading, pieces, body);
  page.openFormula = () => {
    element.open = true;
  };
  const settings = { all: false, sorting: { column: 3, down: true } };
  function draw() {
    const { state, view } = page;
    show(element, !view.cells && state.chosen !== null);
    if (element.hidden) return;
    const { from, to } = state.chosen;
    const scores = page.scores(from);
    const numbers = rowNumbers(page, from, scores);
    say(title, "The formula with your numbers: " + V.tokenName(page.value, from) + " → " + V.tokenName(page.value, to));
    pieces.replaceChildren(...pieceButtons(page, "from"), ...pieceButtons(page, "to"));
    show(pieces, pieces.children.length > 0);
    steps.replaceChildren(...stepLines(page, numbers));
    say(note, scores.error || "");
    show(note, note.textContent !== "");
    row.replaceChildren(...rowTable(page, numbers, settings, draw));
  }
  return { element, level: "chosen", draw };
}

// Both sides of one row: {p, q, shares, divergence} and, where the raw scores are known, {teacher, student} as
// softmaxRow has them, with the scores themselves.
function rowNumbers(page, token, scores) {
  if (!scores.error) {
    const exact = R.exactRow(scores.teacher, scores.student);
    return { ...exact, p: exact.teacher.weights, q: exact.student.weights, scores };
  }
  const { p, q } = V.rowWeights(page, token);
  const shares = R.shares(p, q);
  return { p, q, shares, divergence: R.total(shares), scores: null };
}

function stepLines(page, numbers) {
  const { value, state } = page;
  const { from, to } = state.chosen;
  const relation = value.relations[state.relation];
  const [one, other] = [...relation.letters];
  const equation = (place) => (relation.equations[place] ? " (" + relation.equations[place] + ")" : "");
  const both = (text) =>
    SIDES.map((side) => make("div", "mlm-of-" + side, make("span", "mlm-unseen", side + ": "), ...text(side)));
  const line = (name, cells, className = "") =>
    make("div", "mlm-step " + className, make("div", "mlm-step-name", name), ...cells);
  const lines = [
    line(
      "",
      SIDES.map((side) => make("div", "mlm-of-" + side, make("b", "", side === "teacher" ? "Teacher" : "Student"))),
      "mlm-step-head",
    ),
  ];
  if (numbers.scores) {
    lines.push(
      line(
        "Score: " + one + " of " + name(page, from) + " · " + other + " of " + name(page, to) + ", divided by √d",
        both((side) => scoreParts(numbers.scores[side][to], value[side].head_size)),
      ),
      line(
        "e to the power of it, less the row's largest score",
        both((side) => powerParts(numbers.scores[side][to], numbers[side], to)),
      ),
      line(
        "Softmax: divided by the row's sum" + equation(0),
        both((side) => quotientParts(numbers[side], to)),
      ),
    );
  } else
    lines.push(
      line(
        "Softmax: the weight" + equation(0),
        both((side) => [make("b", "", (side === "teacher" ? numbers.p : numbers.q)[to].toFixed(3))]),
      ),
    );
  const [p, q] = [numbers.p[to], numbers.q[to]];
  const wide = (...parts) => [make("div", "mlm-wide", ...parts)];
  const heads = page.data.heads;
  lines.push(
    line(
      "Share of the divergence: p · ln(p / q)",
      wide(weight(p) + " · ln(" + weight(p) + " / " + weight(q) + ") = ", make("b", "", signed(numbers.shares[to], 3))),
    ),
    line(
      "The row: the sum of its " + value.size + " shares",
      wide("KL(p ‖ q) = ", make("b", "", numbers.divergence.toFixed(3)), " nats"),
    ),
    line(
      "The loss: the mean of " + heads + " × " + value.size + " rows" + equation(1),
      wide(relation.title + " = ", make("b", "", V.lossOf(page, state.relation).toFixed(3)), " nats"),
    ),
  );
  return lines;
}

function name({ value: { tokens } }, token) {
  return "“" + tokens.texts[token] + "”" + V.nth(tokens.texts, token);
}

function scoreParts(score, size) {
  return [number(score * Math.sqrt(size), 2) + " / √" + size + " = ", make("b", "", number(score, 2))];
}

function powerParts(score, { largest, exponentials }, to) {
  return [
    "e",
    make("sup", "", number(score, 2) + (largest < 0 ? " + " : " − ") + Math.abs(largest).toFixed(2)),
    " = ",
    make("b", "", weight(exponentials[to])),
  ];
}

function quotientParts({ exponentials, sum, weights }, to) {
  return [weight(exponentials[to]) + " / " + sum.toFixed(2) + " = ", make("b", "", weight(weights[to]))];
}

// Small weights keep two digits that say something: 0.0004 is not 0.
function weight(value) {
  return value >= 0.01 || value === 0 ? value.toFixed(3) : value.toPrecision(2).replace("e-", " · 10^−");
}

// A word of several pieces: each has a row or a column of its own.
function pieceButtons(page, end) {
  const { tokens, words } = page.value;
  const { chosen } = page.state;
  const word = tokens.words[chosen[end]];
  const pieces = tokens.texts.map((_, token) => token).filter((token) => word !== null && tokens.words[token] === word);
  if (pieces.length < 2) return [];
  const buttons = pieces.map((token) => {
    const node = button(tokens.texts[token], () => page.set({ chosen: { ...chosen, [end]: token } }));
    node.setAttribute("aria-pressed", String(token === chosen[end]));
    return node;
  });
  return [make("span", "", "Pieces of “" + words[word].text + "”:"), ...buttons];
}

// The whole row: what both sides give to every token, and what that adds to the divergence.
function rowTable(page, { p, q, shares }, settings, redraw) {
  const { value, state } = page;
  const { chosen } = state;
  const most = Math.max(...p, ...q);
  const rows = value.tokens.texts.map((_text, token) => ({
    token,
    order: [token, p[token], q[token], Math.abs(shares[token])],
    cells: [
      keyButton(page, token),
      barCell(p[token], most, "teacher"),
      barCell(q[token], most, "student"),
      make("span", "mlm-number", signed(shares[token], 3)),
    ],
  }));
  const title = "The row of " + V.tokenName(value, chosen.from);
  const sheet = sortable({
    caption: title,
    headings: ["To", "Teacher, p", "Student, q", "Share of KL"],
    rows,
    sorting: settings.sorting,
    most: settings.all ? Infinity : FIRST_ROWS,
    chosen: ({ token }) => token === chosen.to,
  });
  const unfold =
    value.size > FIRST_ROWS
      ? button(settings.all ? "Only the first " + FIRST_ROWS : "All " + value.size, () => {
          settings.all = !settings.all;
          redraw();
        })
      : null;
  return [make("h4", "", title), scroller(title, sheet), unfold ? make("div", "mlm-buttons", unfold) : null].filter(
    (part) => part,
  );
}

function keyButton(page, token) {
  const node = button(
    "",
    () => {
      page.set({ chosen: { ...page.state.chosen, to: token } });
      page.root.querySelector(".mlm-chosen-line button")?.focus(); // this one is drawn anew
    },
    "mlm-row-key",
  );
  node.append(plain(page.value.tokens.texts[token]), make("span", "mlm-nth", V.nth(page.value.tokens.texts, token)));
  node.title = "Show its numbers";
  return node;
}

function barCell(value, most, side) {
  const bar = make("i", "mlm-fill-" + side);
  bar.style.width = length(value / most);
  return make("span", "mlm-bar-cell", make("span", "mlm-number", value.toFixed(3)), make("span", "mlm-bar", bar));
}
