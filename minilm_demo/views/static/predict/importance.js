// Which words mattered: the same text once for each method, its words coloured, and all numbers in a table that can be
// sorted. See `importance_payload`.

import { belonging } from "../shared/belonging.js";
import { code, details, make, say, scroller, show } from "../shared/dom.js";
import { sortable } from "../shared/sortable.js";

/** @import { ImportancePayload, LegendEntry, Panel, Sentence, SortTable } from "../payloads.js" */

const NOTHING_YET = {
  kind: "empty",
  sentence: "The words of the text, coloured by how much the answer depends on each, will be here.",
};

/**
 * @param {HTMLElement} root
 * @param {ImportancePayload | Sentence | null} value
 */
export function mount(root, value) {
  const page = { sentence: make("p", "mlm-why"), body: make("div", ""), belongs: null };
  const drawing = make("div", "", page.sentence, page.body);
  page.belongs = belonging(root, drawing, "explanation");
  page.sentence.setAttribute("aria-live", "polite");
  root.classList.add("mlm", "mlm-importance");
  root.replaceChildren(page.belongs.note, drawing);
  update(page, value);
  return { update: (next) => update(page, next), destroy: () => root.replaceChildren() };
}

function update(page, payload) {
  if (payload?.asked && !page.belongs.isCurrent(payload.asked)) return; // late: another text, task or model is asked about
  const value = payload || NOTHING_YET;
  page.belongs.shows(payload?.asked);
  page.sentence.dataset.kind = value.kind;
  say(page.sentence, value.sentence);
  const parts = value.kind === "importance" ? draw(value) : [];
  page.body.replaceChildren(...parts);
  show(page.body, parts.length > 0);
}

/**
 * @param {ImportancePayload} value
 */
function draw(value) {
  const readout = make("p", "mlm-readout", value.hint);
  const panels = value.panels.map((panel) => drawPanel(value, panel, (index) => point(index)));
  const point = (index) => {
    say(readout, index === null ? value.hint : value.words[index].says);
    for (const { words } of panels) {
      for (const [place, word] of words.entries()) word.classList.toggle("mlm-now", place === index);
    }
  };
  return [
    ...value.findings.map((sentence) => make("p", "mlm-finding", sentence)),
    drawLegend(value.legend),
    make("div", "mlm-halves", ...panels.map(({ box }) => box)),
    readout,
    details(value.table.title, () => scroller(value.table.title, drawTable(value.table))),
    ...value.notes.map((line) => make("p", "mlm-note", line)),
    ...(value.code ? [code(value.code)] : []),
  ];
}

/**
 * @param {LegendEntry[]} entries
 */
function drawLegend(entries) {
  return make(
    "p",
    "mlm-key",
    ...entries.map(({ kind, text }) => {
      const mark = make("span", "mlm-word mlm-" + kind, "word");
      mark.style.setProperty("--share", "100%");
      return make("span", "", mark, " " + text);
    }),
  );
}

// -- one method

/**
 * @param {ImportancePayload} value
 * @param {Panel} panel
 */
function drawPanel(value, panel, point) {
  const words = panel.marks.map((mark, index) => drawWord(value.words[index].text, mark));
  const texts = value.texts.map(({ name, pieces }) =>
    make(
      "p",
      "mlm-words",
      name ? make("span", "mlm-name", name) : null,
      ...pieces.map(({ text, word }) => (word === null ? text : words[word])),
    ),
  );
  const text = make("div", "mlm-panel-text", ...texts);
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", panel.title);
  listen(text, words, point);
  const box = make("section", "mlm-half", make("h4", "", panel.title), make("p", "mlm-about", panel.about), text);
  return { box, words };
}

function drawWord(text, { share, label }) {
  const word = make("span", "mlm-word", text);
  word.setAttribute("role", "img"); // a name needs a role; the name is the word and its number
  word.setAttribute("aria-label", label);
  word.title = label;
  word.tabIndex = -1;
  if (share === null) word.classList.add("mlm-not-tried");
  if (share) {
    word.classList.add(share > 0 ? "mlm-for" : "mlm-against");
    word.style.setProperty("--share", Math.round(100 * Math.abs(share)) + "%");
  }
  return word;
}

// One stop of the Tab key for a whole text; the arrow keys go from word to word.
function listen(text, words, point) {
  if (!words.length) return;
  words[0].tabIndex = 0;
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -words.length, End: words.length };
  const at = (event) => words.indexOf(event.target.closest(".mlm-word"));
  const pointAt = (event) => {
    if (at(event) >= 0) point(at(event));
  };
  text.addEventListener("pointerover", pointAt);
  text.addEventListener("focusin", pointAt);
  text.addEventListener("click", pointAt);
  text.addEventListener("pointerleave", () => point(null));
  text.addEventListener("focusout", () => point(null));
  text.addEventListener("keydown", (event) => {
    if (!(event.key in steps) || at(event) < 0) return;
    event.preventDefault();
    const next = words[Math.min(words.length - 1, Math.max(0, at(event) + steps[event.key]))];
    for (const word of words) word.tabIndex = word === next ? 0 : -1;
    next.focus();
  });
}

// -- the table

/**
 * @param {SortTable} table
 */
function drawTable({ caption, headings, rows }) {
  return sortable({
    caption,
    headings: headings.map(({ text }) => text),
    rows: rows.map((cells) => ({ order: cells.map(({ sort }) => sort), cells: cells.map(({ text }) => text) })),
    sorting: { column: 0, down: false },
    falls: (column) => headings[column].descending,
  });
}
