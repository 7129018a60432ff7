// What is unfolded below the attention explorer alone: attention beside two other methods, the weights as a table; and the
// words of "How to read this". Parts as in explorer.js.

import { button, plain } from "../shared/controls.js";
import { details, make, scroller, show, table } from "../shared/dom.js";
import { length, signed, weightText } from "../shared/numbers.js";
import { sortable } from "../shared/sortable.js";
import { quoted } from "../shared/trace.js";
import * as W from "../shared/weights.js";

/** @import { Explanation, ExplainedWord } from "../payloads.js" */

const TABLE_ROWS = 200;
export const READING = [
  "Every word looks at every word. How much is its weight; the weights of one word, the special tokens included, sum " +
    "to 1.",
  "The small maps are all heads: a row is a layer, a column a head. Each has a row for every word that looks and a " +
    "column for every word that is looked at. Frame and sign say what a head does with this text, where one " +
    "behaviour reaches its threshold.",
  "A word in pieces: what others give to its pieces is added up, what its pieces give is averaged, so that a row " +
    "still sums to 1.",
  "“Three times an even spread” compares a weight with the one that every word shown would have if all got the same.",
  "Keys: arrows move through the heads and through the words, Page Up and Page Down change the layer, Enter goes " +
    "deeper and keeps a word, Escape goes back.",
];

// -- is attention an explanation?

export function explanation(page) {
  const box = details("Is attention an explanation?", () => {
    const { value } = page;
    if (value.explanation) return methods(page, value.explanation);
    const ask = button("Compare it with two other methods", () => page.look({ explained: true }));
    return make(
      "div",
      "",
      make(
        "p",
        "mlm-note",
        "Attention says where a model looks, not why it answers. Two other " +
          "methods ask the answer itself: leave a word out, or follow the gradient back to it.",
      ),
      ask,
    );
  });
  let shownFor = null;
  function draw() {
    const { value, callbacks } = page;
    show(box, Boolean(value.explanation || callbacks.look));
    if (value.explanation && value.explanation !== shownFor) box.open = true;
    shownFor = value.explanation;
    box.redraw();
  }
  return { element: box, level: "value", draw };
}

/**
 * {names, about [method], words [{word, segment, tokens, values [method]}], correlations [{pair, value}], top [method:
 * index of a word], note}.
 *
 * @param {any} page
 * @param {Explanation} explanation
 */
function methods(page, { names, about, words, correlations, top, note }) {
  const sections = names.map((name, method) =>
    make(
      "section",
      "mlm-method",
      make("h4", "", name),
      make("p", "mlm-note", about[method]),
      methodWords(words, method, name),
      maskTop(page, words[top[method]], name),
    ),
  );
  const agreement = correlations.map(({ pair, value }) => pair + ": " + correlationWords(value)).join("; ");
  const rows = words.map(({ word, values }) => [plain(word), ...values.map(valueText)]);
  const all = () => scroller("The words as a table", table("The words by each method", ["Word", ...names], rows, true));
  return make(
    "div",
    "",
    make("div", "mlm-methods", ...sections),
    make("p", "mlm-agree", "Do they agree on the order of the words? " + agreement + "."),
    make("p", "mlm-note", note),
    details("The words as a table", all),
  );
}

function methodWords(words, method, name) {
  const most = Math.max(0.000001, ...words.map(({ values }) => Math.abs(values[method] ?? 0)));
  const spans = words.map(({ word, values }) => {
    const value = values[method];
    const node = plain(word, "mlm-method-word");
    node.classList.add(value === null ? "mlm-not-tried" : value < 0 ? "mlm-against" : "mlm-for");
    node.style.setProperty("--share", length(Math.abs(value ?? 0) / most));
    node.title = name + ": " + valueText(value);
    return node;
  });
  return make("p", "mlm-method-words", ...spans.flatMap((span) => [span, " "]));
}

function valueText(value) {
  return value === null ? "not tried" : signed(value, 3);
}

function correlationWords(value) {
  if (value === null) return "too few words";
  const size = Math.abs(value);
  const words = size < 0.2 ? "hardly" : size < 0.5 ? "a little" : size < 0.8 ? "mostly" : "almost fully";
  const turned = value <= -0.2 ? ", the other way round" : "";
  return signed(value, 2) + " (" + words + turned + ")";
}

/**
 * @param {ExplainedWord} word
 */
function maskTop(page, word, name) {
  if (!word || !page.callbacks.look) return null;
  const { masked, ablated } = page.value.changed;
  const tokens = word.tokens.filter((token) => !masked.includes(token));
  const node = button("Mask its top word, " + quoted(word.word), () => {
    page.look({ masked: [...masked, ...tokens], ablated });
  });
  node.disabled = !tokens.length;
  node.title = "The top word of: " + name;
  return node;
}

// -- the table

export function sheet(page) {
  const sorting = { column: 2, down: true };
  const box = details("As a table", () => drawSheet(page, sorting));
  return { element: box, level: "head", draw: () => box.redraw() };
}

function drawSheet({ view, data: trace }, sorting) {
  const links = W.strongest(view.kept, view.rows, view.columns, TABLE_ROWS);
  const count = view.rows.length * view.columns.length;
  const note = links.length < count ? "The " + links.length + " largest of " + count : "All " + count;
  const even = view.signed ? [] : ["Times an even spread"];
  const rows = links.map(({ from, to, weight }) => {
    const weightCell = weightText(weight, view.signed);
    const cells = [plain(view.labels[from].name), plain(view.labels[to].name), weightCell];
    const evenCells = even.map(() => (weight / view.even).toFixed(1));
    return { order: [from, to, weight, weight], cells: [...cells, ...evenCells] };
  });
  const weightHeading = view.signed ? "More " + trace.thanOther : "Weight";
  const headings = ["From", "To", weightHeading, ...even];
  const drawn = sortable({ caption: "The weights on screen", headings, rows, sorting, falls: (column) => column > 1 });
  const box = scroller("The weights as a table", drawn);
  box.classList.add("mlm-tall");
  return make("div", "", make("p", "mlm-note", note + " weights."), box);
}
