// The card at the end of a run, below its score: figures, tables, worst mistakes. See `finetune_card` and `distill_card`
// for its keys.

import { mount as mountFigure } from "../figure/figure.js";
import { details, facts, make, scroller, table } from "../shared/dom.js";
import { drawTable } from "../shared/result.js";

const MISTAKES_AT_ONCE = 5;

// callbacks: those of figure.js.
export function drawDetails({ scores = null, classes = null, tables = [], ...card }, callbacks) {
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
    classes && figure(classes),
    card.mistakes ? drawMistakes(card.mistakes) : null,
  );
}

function drawMistakes({ title, headings, rows }) {
  const first = scroller(title, table(title, headings, rows.slice(0, MISTAKES_AT_ONCE)));
  const rest = rows.slice(MISTAKES_AT_ONCE);
  const words = `${rest.length} more`;
  return make(
    "div",
    "mlm-block mlm-mistakes",
    make("h4", "", title),
    first,
    rest.length ? details(words, () => scroller(words, table(words, headings, rest))) : null,
  );
}
