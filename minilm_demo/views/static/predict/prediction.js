// One prediction: probability bars, a point on a scale, or an answer marked in its text. See `prediction_payload`.

import { code, details, make, say, show, table } from "../shared/dom.js";
import { number } from "../shared/numbers.js";
import { drawMarkdown } from "./markdown.js";

/** @import { PredictionPayload, Sentence } from "../payloads.js" */

/**
 * @param {HTMLElement} root
 * @param {PredictionPayload | Sentence | null} value
 */
export function mount(root, value) {
  const page = { answer: make("p", "mlm-answer"), judged: make("div", ""), body: make("div", "") };
  root.classList.add("mlm", "mlm-prediction");
  root.replaceChildren(page.answer, page.judged, page.body);
  update(page, value);
  return { update: (next) => update(page, next), destroy: () => root.replaceChildren() };
}

const BELOW = 2; // level of the heading above an answer
const DRAW = { classification: drawBars, regression: drawScale, span: drawSpan };

function update(page, payload) {
  const value = payload || { kind: "empty", sentence: "The answer will be here." };
  page.answer.dataset.kind = value.kind;
  say(page.answer, value.sentence);
  const drawn = value.kind in DRAW;
  page.judged.replaceChildren(...(drawn ? drawJudged(value) : []));
  show(page.judged, true);
  const unread = drawn ? value.notes.map((line) => make("p", "mlm-unread", line)) : [];
  const parts = drawn ? [...unread, ...DRAW[value.kind](value, page), ...drawFooter(value)] : [];
  page.body.replaceChildren(...parts);
  show(page.body, parts.length > 0);
}

/**
 * What holds of this answer alone: whether it is unsure, and the right one of an example.
 *
 * @param {PredictionPayload} value
 */
function drawJudged({ unsure, expected }) {
  const verdict = expected ? make("p", "mlm-expected", expected.sentence) : null;
  if (verdict) verdict.dataset.right = String(expected.right);
  return [unsure ? make("p", "mlm-unsure", unsure) : null, verdict].filter((part) => part);
}

/**
 * The bars are a table with three columns for screen readers.
 *
 * @param {PredictionPayload} value
 */
function drawBars({ bars }) {
  const rows = bars.map(({ label, name, share, text, best }) => {
    const bar = make("div", "mlm-bar");
    bar.style.width = 100 * share + "%";
    const row = make(
      "tr",
      best ? "mlm-chosen" : "",
      heading(label, name),
      make("td", "mlm-bar-cell", bar),
      make("td", "mlm-bar-value", text),
    );
    return row;
  });
  return [
    make("table", "mlm-bars", make("caption", "mlm-unseen", "Probability of each label"), make("tbody", "", ...rows)),
  ];
}

// A label in words, and beside it the name that files and code have, where the two differ.
function heading(text, name) {
  const differs = name.replaceAll("_", " ") !== text;
  const cell = make("th", "", text, differs ? make("span", "mlm-machine-name", " " + name) : null);
  cell.scope = "row";
  return cell;
}

/**
 * @param {PredictionPayload} value
 */
function drawScale({ scale }) {
  const percent = (value) => (100 * (value - scale.low)) / (scale.high - scale.low) + "%";
  const line = make("div", "mlm-scale");
  line.setAttribute("aria-hidden", "true"); // the sentence above says the same
  for (const at of scale.ticks) {
    const tick = make("span", "mlm-scale-tick", String(at));
    tick.style.left = percent(at);
    line.append(tick);
  }
  const mark = make("span", "mlm-scale-mark");
  mark.style.left = percent(scale.at);
  line.append(mark);
  return [line];
}

/**
 * @param {PredictionPayload} value
 */
function drawSpan(value, page) {
  const text = value.pieces.map((piece) => (piece.mark ? make("mark", "", piece.text) : piece.text));
  const context = make("p", "mlm-context", ...text);
  const candidates = details("Other candidates", () =>
    table("Other candidates", ["Answer", "Score (logits)"], value.candidates),
  );
  const slider = value.decision ? drawThreshold(value, page, context) : null;
  return [context, slider, value.candidates.length ? candidates : null].filter((part) => part);
}

/**
 * The no-answer threshold: the page decides from the scores, without another prediction.
 *
 * @param {PredictionPayload} value
 */
function drawThreshold(value, page, context) {
  const { score, threshold, low, high } = value.decision;
  const slider = Object.assign(make("input", "mlm-slider"), { type: "range", min: low, max: high, step: 0.1 });
  slider.value = String(threshold);
  slider.setAttribute("aria-label", "No-answer threshold");
  const decision = make("p", "mlm-note");
  decision.setAttribute("aria-live", "polite");
  const decide = () => {
    const limit = Number(slider.value);
    const none = score > limit;
    say(page.answer, none ? value.none : value.found);
    context.classList.toggle("mlm-unmarked", none);
    show(page.judged, limit === Number(threshold.toFixed(1)));
    const relation = none ? "is above the threshold" : "is not above the threshold";
    say(
      decision,
      `No-answer score ${number(score, 1)} ${relation} ${number(limit, 1)}: ${none ? "no" : "an"} answer is given.`,
    );
  };
  slider.addEventListener("input", decide);
  decide();
  return make(
    "div",
    "mlm-threshold",
    make("label", "", "No-answer threshold", slider),
    scale(value.decision),
    decision,
  );
}

// The scale below the slider: both ends, zero, and the threshold that the model came with.
function scale({ threshold, low, high }) {
  const box = make("div", "mlm-slider-scale");
  box.setAttribute("aria-hidden", "true");
  const at = (value, className, ...lines) => {
    const tick = make("span", className, ...lines.map((line) => make("span", "", line)));
    tick.style.setProperty("--at", String((value - low) / (high - low)));
    box.append(tick);
  };
  at(low, "mlm-first", number(low, 0), "“no answer” more often");
  if (Math.abs(threshold) > (high - low) / 12) at(0, "", "0");
  at(high, "mlm-last", number(high, 0), "an answer more often");
  at(threshold, "mlm-default", number(threshold, 1), "default");
  return box;
}

/**
 * @param {PredictionPayload} value
 */
function drawFooter(value) {
  const lines = [...value.footer, value.note].filter((line) => line).map((line) => make("p", "mlm-note", line));
  const card = value.card?.length ? details("Model card", () => drawMarkdown(value.card, BELOW)) : null;
  return [...lines, card, value.code ? code(value.code) : null].filter((part) => part);
}
