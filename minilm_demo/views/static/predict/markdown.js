// Markdown that the server has taken apart (views/markdown.py), drawn as elements; every text enters as text.

import { make, scroller, table } from "../shared/dom.js";

/** @import { MarkdownBlock, MarkdownPart } from "../payloads.js" */

const LOWEST = 6; // of headings

/**
 * `below` is the level of the heading that the blocks stand below.
 *
 * @param {MarkdownBlock[]} blocks
 * @param {number} below
 */
export function drawMarkdown(blocks, below) {
  const box = make("div", "mlm-card-text");
  for (const block of blocks) {
    const list = box.lastElementChild?.tagName === "UL" ? box.lastElementChild : null;
    if (block.kind !== "item") box.append(drawBlock(block, below));
    else if (list) list.append(make("li", "", ...drawParts(block.parts)));
    else box.append(make("ul", "", make("li", "", ...drawParts(block.parts))));
  }
  return box;
}

/**
 * @param {MarkdownBlock} block
 */
function drawBlock({ kind, level, parts, cells }, below) {
  if (kind === "heading") return make("h" + Math.min(level + below, LOWEST), "", ...drawParts(parts));
  if (kind === "code") return codeBox(parts[0].text);
  if (kind === "table") return scroller("A table of the card", table("", cells[0], cells.slice(1)));
  return make("p", "", ...drawParts(parts));
}

function codeBox(text) {
  const lines = make("pre", "mlm-code", text);
  lines.tabIndex = 0;
  lines.setAttribute("role", "region");
  lines.setAttribute("aria-label", "Code of the card");
  return lines;
}

/**
 * @param {MarkdownPart[]} parts
 */
function drawParts(parts) {
  return parts.map(({ text, code }) => (code ? make("code", "", text) : text));
}
