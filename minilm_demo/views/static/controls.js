// Controls that components share: small buttons, radio buttons in a row, a table to sort, what is saved, copied and read.

MiniLM.controls = (() => {
  const { make, say, columnHeading } = MiniLM.dom;
  let groups = 0;

  function button(text, press, className = "") {
    const node = make("button", "mlm-small " + className, text);
    node.type = "button";
    node.addEventListener("click", press);
    return node;
  }

  // options [{value, text: text or node}] as radio buttons that look like one row of buttons.
  function radios(legend, options, pick) {
    const name = "mlm-radios-" + (groups += 1);
    const inputs = new Map();
    const labels = options.map(({ value, text }) => {
      const input = make("input", "");
      Object.assign(input, { type: "radio", name, value });
      input.addEventListener("change", () => pick(value));
      inputs.set(value, input);
      return make("label", "", input, make("span", "", text));
    });
    const element = make("fieldset", "mlm-radios", make("legend", "mlm-unseen", legend), ...labels);
    const choose = (value) => inputs.forEach((input, one) => { input.checked = one === value; });
    const allow = (value, allowed) => { inputs.get(value).disabled = !allowed; };
    return { element, choose, allow };
  }

  function checkbox(text, change) {
    const input = make("input", "");
    input.type = "checkbox";
    input.addEventListener("change", () => change(input.checked));
    return { element: make("label", "mlm-check", input, text), input };
  }

  function percent(share) {
    return (100 * share).toFixed(0) + " %";
  }

  // The same for a style, which has no space in it.
  function length(share) {
    return (100 * Math.max(0, Math.min(1, share))).toFixed(1) + "%";
  }

  // -- a table that its headings sort

  // headings [text]; rows [{order: [number or text], cells: [text or node]}]; sorting {column, down} is kept up to date.
  // most: only so many of the sorted rows are shown, and the one that is chosen(row). Numbers are sorted from the largest
  // at first, but those of the columns `rising`. Returns the table.
  function sortable({ caption, headings, rows, sorting, most = Infinity, chosen = () => false, rising = [] }) {
    const body = make("tbody", "");
    const columns = headings.map((text, column) => sortHeading(text, () => {
      const falls = typeof rows[0]?.order[column] === "number" && !rising.includes(column);
      const down = sorting.column === column ? !sorting.down : falls;
      Object.assign(sorting, { column, down });
      draw();
    }));
    function draw() {
      columns.forEach((heading, column) => {
        if (column === sorting.column) heading.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
        else heading.removeAttribute("aria-sort");
      });
      const sign = sorting.down ? -1 : 1;
      const sorted = [...rows].sort((one, other) => sign * compared(one.order[sorting.column], other.order[sorting.column]));
      const shown = sorted.filter((row, place) => place < most || chosen(row));
      body.replaceChildren(...shown.map((row) => make(
        "tr", chosen(row) ? "mlm-chosen-line" : "", ...row.cells.map((content) => make("td", "", content)))));
    }
    draw();
    return make(
      "table", "mlm-table", make("caption", "mlm-unseen", caption), make("thead", "", make("tr", "", ...columns)), body);
  }

  function compared(one, other) {
    return typeof one === "number" ? one - other : one.localeCompare(other);
  }

  function sortHeading(text, press) {
    const cell = columnHeading("");
    cell.append(button(text, press, "mlm-sort"));
    return cell;
  }

  // -- what is saved, copied, read

  // saves [{text, write() -> promise of a sentence about what went wrong, or ""}] as buttons to unfold.
  function saving(saves) {
    const said = make("p", "mlm-note");
    said.setAttribute("aria-live", "polite");
    const buttons = saves.map(({ text, write }) => button(text, async () => {
      say(said, "");
      say(said, (await write()) || text + ": saved.");
    }));
    const element = make("details", "mlm-details", make("summary", "", "Save"), make("div", "mlm-buttons", ...buttons), said);
    return { element, buttons };
  }

  function saveBlob(name, blob) {
    const link = make("a", "");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  // asked: promise of {name, type, base64} or {error} from the server. Returns what went wrong, or "".
  async function saveAsked(asked) {
    const unreachable = "The server did not send the file. Try again in a moment.";
    const { name, type, base64, error } = await asked.catch(() => ({ error: unreachable }));
    if (error) return error;
    saveBlob(name, new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type }));
    return "";
  }

  function reading(lines) {
    const list = make("ul", "mlm-reading", ...lines.map((text) => make("li", "", text)));
    return make("details", "mlm-details", make("summary", "", "How to read this"), list);
  }

  // Text of a stranger, in its own direction.
  function plain(text, className = "") {
    const node = make("span", className, text);
    node.dir = "auto";
    return node;
  }

  return { button, radios, checkbox, percent, length, sortable, saving, saveBlob, saveAsked, reading, plain };
})();
