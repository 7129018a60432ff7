// Small helpers that all components share. Text enters the page here and only as text: through `textContent` or a text
// node, never as markup, because it may come from a stranger or from a model.

const SVG = "http://www.w3.org/2000/svg";

// make("p", "mlm-note", "words", node, …): an element with a class; strings become text nodes, null is left out.
export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// shape("line", {x1: 0}, "words"): an SVG element.
export function shape(tag, attributes = {}, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

// Change the text only if it differs, so that a screen reader does not announce it twice.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function show(node, visible) {
  node.hidden = !visible;
}

// headings [text], rows [[text | node]]; the first cell of a row is its heading if `rowHeadings`.
export function table(caption, headings, rows, rowHeadings = false) {
  const headingRow = make("tr", "", ...headings.map((text) => columnHeading(text)));
  const body = rows.map((cells) => make("tr", "", ...cells.map((cell, place) => makeCell(cell, place, rowHeadings))));
  return make(
    "table",
    "mlm-table",
    caption ? make("caption", "mlm-unseen", caption) : null,
    make("thead", "", headingRow),
    make("tbody", "", ...body),
  );
}

export function columnHeading(text) {
  const cell = make("th", "", text);
  cell.scope = "col";
  return cell;
}

function makeCell(content, place, rowHeadings) {
  const cell = make(rowHeadings && place === 0 ? "th" : "td", "", content);
  if (cell.tagName === "TH") cell.scope = "row";
  return cell;
}

// A box that scrolls sideways on a phone and can be reached by keyboard, as everything that scrolls must be.
export function scroller(name, child) {
  const box = make("div", "mlm-scroller", child);
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", name);
  return box;
}

// Something to unfold. `fill` makes the content when it is opened for the first time, and again on `redraw()`.
export function details(summary, fill) {
  const content = make("div", "mlm-details-content");
  const box = make("details", "mlm-details", make("summary", "", summary), content);
  box.redraw = () => {
    if (box.open) content.replaceChildren(fill());
  };
  box.addEventListener("toggle", box.redraw);
  return box;
}

// Python to unfold and copy; `draw(text)` shows another one.
export function code(text = "") {
  const lines = make("pre", "mlm-code", text);
  lines.tabIndex = 0;
  lines.setAttribute("role", "region");
  lines.setAttribute("aria-label", "Python");
  const copy = make("button", "mlm-small", "Copy");
  copy.type = "button";
  copy.addEventListener("click", async () => {
    say(copy, (await copied(lines)) ? "Copied" : "Selected: press Ctrl and C");
    setTimeout(() => say(copy, "Copy"), 2500);
  });
  const box = make("details", "mlm-details", make("summary", "", "Code"), lines, make("div", "mlm-buttons", copy));
  box.draw = (text) => say(lines, text);
  return box;
}

// The clipboard is closed to pages from a file; there the text is selected instead.
async function copied(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return false;
  }
}

// pairs [[name, text]] as a list of names and values.
export function facts(pairs) {
  const list = make("dl", "mlm-facts");
  for (const [name, text] of pairs) {
    list.append(make("div", "", make("dt", "", name), make("dd", "", text)));
  }
  return list;
}
