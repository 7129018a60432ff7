// A table that its headings sort.

import { columnHeading, make } from "./dom.js";

// headings [text]; rows [{order: [number, text or null], cells: [text or node]}], null stays at the end either way;
// sorting {column, down} is kept up to date. falls(column): whether a column is sorted from the largest at first, by
// default one of numbers. most: only so many of the sorted rows are shown, and the one that is chosen(row).
export function sortable({
  caption,
  headings,
  rows,
  sorting,
  most = Infinity,
  chosen = (_row) => false,
  falls = null,
}) {
  const body = make("tbody", "");
  const isFalling = falls || ((column) => typeof rows[0]?.order[column] === "number");
  const columns = headings.map((text, column) =>
    sortHeading(text, () => {
      const down = sorting.column === column ? !sorting.down : isFalling(column);
      Object.assign(sorting, { column, down });
      draw();
    }),
  );
  function draw() {
    columns.forEach((heading, column) => {
      if (column === sorting.column) heading.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    });
    const visible = sorted(rows, sorting).filter((row, place) => place < most || chosen(row));
    body.replaceChildren(
      ...visible.map((row) =>
        make("tr", chosen(row) ? "mlm-chosen-line" : "", ...row.cells.map((content) => make("td", "", content))),
      ),
    );
  }
  draw();
  return make(
    "table",
    "mlm-table",
    make("caption", "mlm-unseen", caption),
    make("thead", "", make("tr", "", ...columns)),
    body,
  );
}

export function sorted(rows, { column, down }) {
  const compare = (a, b) => {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const difference = typeof a === "number" ? a - b : a.localeCompare(b);
    return down ? -difference : difference;
  };
  return [...rows].sort((a, b) => compare(a.order[column], b.order[column]));
}

function sortHeading(text, press) {
  const button = make("button", "mlm-small mlm-sort", text);
  button.type = "button";
  button.addEventListener("click", press);
  const cell = columnHeading("");
  cell.append(button);
  return cell;
}
