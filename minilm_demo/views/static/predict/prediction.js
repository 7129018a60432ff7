// One prediction: probability bars, a point on a scale, or an answer marked in its text. See `prediction_payload`.

import { code, details, make, say, show, table } from "../shared/dom.js";
import { number } from "../shared/numbers.js";

/** @import { PredictionPayload, Sentence } from "../payloads.js" */

/**
 * @param {HTMLElement} root
 * @param {PredictionPayload | Sentence | null} value
 */
export function mount(root, value) {
  const page = { answer: make("p", "mlm-answer"), body: make("div", "") };
  root.classList.add("mlm", "mlm-prediction");
  root.replaceChildren(page.answer, page.body);
  update(page, value);
  return { update: (next) => update(page, next), destroy: () => root.replaceChildren() };
}

const DRAW = { classification: drawBars, regression: drawScale, span: drawSpan };

function update(page, payload) {
  const value = payload || { kind: "empty", sentence: "The answer will be here." };
  page.answer.dataset.kind = value.kind;
  say(page.answer, value.sentence);
  const parts = value.kind in DRAW ? [...DRAW[value.kind](value, page), ...drawFooter(value)] : [];
  page.body.replaceChildren(...parts);
  show(page.body, parts.length > 0);
}

/**
 * The bars are a table with three columns for screen readers.
 *
 * @param {PredictionPayload} value
 */
function drawBars({ bars }) {
  const rows = bars.map(({ label, share, text, best }) => {
    const bar = make("div", "mlm-bar");
    bar.style.width = 100 * share + "%";
    const row = make(
      "tr",
      best ? "mlm-chosen" : "",
      heading(label),
      make("td", "mlm-bar-cell", bar),
      make("td", "mlm-bar-value", text),
    );
    return row;
  });
  return [
    make("table", "mlm-bars", make("caption", "mlm-unseen", "Probability of each label"), make("tbody", "", ...rows)),
  ];
}

function heading(text) {
  const cell = make("th", "", text);
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
  slider.value = threshold;
  const decision = make("p", "mlm-note");
  decision.setAttribute("aria-live", "polite");
  const decide = () => {
    const limit = Number(slider.value);
    const none = score > limit;
    say(page.answer, none ? value.none : value.found);
    context.classList.toggle("mlm-unmarked", none);
    const relation = none ? "is above the threshold" : "is not above the threshold";
    say(
      decision,
      `No-answer score ${number(score, 1)} ${relation} ${number(limit, 1)}: ${none ? "no" : "an"} answer is given.`,
    );
  };
  slider.addEventListener("input", decide);
  decide();
  return make("div", "mlm-threshold", make("label", "", "No-answer threshold", slider), decision);
}

/**
 * @param {PredictionPayload} value
 */
function drawFooter(value) {
  const lines = [...value.footer, value.note].filter((line) => line).map((line) => make("p", "mlm-note", line));
  const card = value.card ? details("Model card", () => make("pre", "mlm-card-text", value.card)) : null;
  return [...lines, card, value.code ? code(value.code) : null].filter((part) => part);
}
