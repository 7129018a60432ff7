// The card at the end of a run, below its score: figures, tables, worst mistakes. See `finetune_card` and `distill_card`
// for its keys.

import { mount as mountFigure } from "../figure/figure.js";
import { drawCells } from "../predict/rows.js";
import { details, facts, make, scroller, table } from "../shared/dom.js";
import { drawTable } from "../shared/result.js";

/** @import { Mistakes } from "../payloads.js" */

const MISTAKES_AT_ONCE = 5;

// callbacks: those of figure.js, and `picked({texts})`, which asks the run's model about a row.
export function drawDetails({ scores = null, classes = null, cells = [], tables = [], ...card }, callbacks) {
  const figure = (value) => {
    const box = make("div", "");
    mountFigure(box, value, callbacks);
    return box;
  };
  return make(
    "section",
    "mlm-card",
    make("h3", "", "Result"),
    scores && figure(scores),
    tables.length ? make("div", "mlm-tables", ...tables.map(drawTable)) : null,
    ...card.notes.map((sentence) => make("p", "mlm-note", sentence)),
    card.extra ? drawTable(card.extra) : null,
    facts(card.figures),
    ...cells.map((table) => drawCells(table, callbacks)),
    classes && (cells.length ? details("These classes as a picture", () => figure(classes)) : figure(classes)),
    card.mistakes ? drawMistakes(card.mistakes, callbacks) : null,
  );
}

/**
 * The text of a mistake is a button that asks the model about it.
 *
 * @param {Mistakes} mistakes
 */
function drawMistakes({ title, headings, rows: cells, texts, column }, { picked }) {
  const button = (text, whole) => {
    const link = make("button", "mlm-ask-row", text);
    link.type = "button";
    link.title = "Ask the model about this in Predict";
    link.addEventListener("click", () => picked({ texts: whole }));
    return link;
  };
  const asking = (row, place) => row.map((text, at) => (picked && at === column ? button(text, texts[place]) : text));
  const rows = cells.map(asking);
  const first = scroller(title, table(title, headings, rows.slice(0, MISTAKES_AT_ONCE)));
  const rest = rows.slice(MISTAKES_AT_ONCE);
  const words = `${rest.length} more`;
  return make(
    "div",
    "mlm-block mlm-mistakes",
    make("h4", "", title),
    picked ? make("p", "mlm-note", "Choose a text to ask the model about it in Predict.") : null,
    first,
    rest.length ? details(words, () => scroller(words, table(words, headings, rest))) : null,
  );
}
