// What cards of results share: the score in large, tables. Every sentence and number comes as text from Python; here they
// get their places.

import { make, scroller, table } from "./dom.js";

/** @import { ResultCard, Table } from "../payloads.js" */

/**
 * The score and what it means; see `result_card` for the keys of a card.
 *
 * @param {Pick<ResultCard, "headline" | "verdicts" | "source">} card
 */
export function drawSummary(card) {
  return make(
    "div",
    "mlm-summary",
    make("p", "mlm-headline", make("strong", "", card.headline.value), " ", make("span", "", card.headline.label)),
    ...card.verdicts.map((sentence) => make("p", "mlm-verdict", sentence)),
    make("p", "mlm-source", card.source),
  );
}

/**
 * @param {Table} table
 */
export function drawTable({ title, headings, rows }) {
  return make("div", "mlm-block", make("h4", "", title), scroller(title, table(title, headings, rows)));
}
