// All heads as one picture: a list of shapes (see scene.js), as the grid on screen, with the texts and the signs.

import { mosaic } from "../shared/canvas.js";
import { MARGIN } from "../shared/scene.js";
import { shortened } from "../shared/text.js";
import { gridMark, gridPicture, headAt } from "./pictures.js";

const SIZE = 64; // pixels of a map
const GAP = 8;
const SIGN = 16; // pixels of the line below a map
const LEFT = 64; // pixels of the names of the rows
const TOP = 84; // pixels of the heading
const LETTERS = 110; // of a text at most

export function gridScene(page) {
  const { value, palette } = page;
  const { layers, heads, texts } = value;
  const picture = gridPicture(page);
  const step = { x: SIZE + GAP, y: SIZE + SIGN + GAP };
  const [left, top] = [MARGIN + LEFT, TOP + 18 * texts.length + 40];
  const word = (item) => ({ kind: "text", size: 13, colour: palette.text, ...item });
  const letter = (place) => (texts.length > 1 ? "AB"[place] + "  " : "");
  const heading = [
    word({ x: MARGIN, y: 34, size: 19, bold: true, text: "All heads: a row is a layer, a column is a head" }),
    word({ x: MARGIN, y: 56, alpha: 0.7, text: value.title }),
    ...texts.map((text, place) =>
      word({ x: MARGIN, y: TOP + 18 * place, size: 14, text: letter(place) + shortened(text, LETTERS) }),
    ),
    word({ x: left, y: top - 26, size: 12, alpha: 0.7, text: "Head" }),
    word({ x: left - 8, y: top - 8, size: 12, alpha: 0.7, anchor: "end", text: "Layer" }),
  ];
  const columns = range(heads + 1).map((head) =>
    word({ x: left + head * step.x + SIZE / 2, y: top - 8, anchor: "middle", text: nameOf(head, heads) }),
  );
  const rows = range(layers + 1).map((layer) =>
    word({ x: left - 8, y: top + layer * step.y + SIZE / 2 + 4, anchor: "end", text: nameOf(layer, layers) }),
  );
  const maps = range(layers + 1).flatMap((row) =>
    range(heads + 1).flatMap((column) => {
      const place = { x: left + column * step.x, y: top + row * step.y };
      return mapItems(page, picture, { row, column }, place, word);
    }),
  );
  return {
    width: left + (heads + 1) * step.x + MARGIN,
    height: top + (layers + 1) * step.y + MARGIN,
    background: palette.surface,
    items: [...heading, ...columns, ...rows, ...maps],
  };
}

// One map with its frame and the sign below it; of a head that is off a cross and the word.
function mapItems({ value, palette, ...page }, { height, width, at, colours }, { row, column }, { x, y }, word) {
  const mark = gridMark({ value, palette, ...page }, headAt(value, { row, column }));
  const box = { x, y, width: SIZE, height: SIZE };
  const frame = { kind: "frame", ...box, colour: palette.line };
  const sign = word({ x: x + SIZE / 2, y: y + SIZE + 13, anchor: "middle", text: mark.sign });
  if (mark.kind === "off") {
    const cross = [
      [x, y],
      [x + SIZE, y + SIZE],
    ];
    return [{ kind: "path", points: cross, size: 1, alpha: 0.5, colour: palette.text }, frame, sign];
  }
  return [{ kind: "image", ...box, canvas: mosaic(1, 1, height, width, () => at(row, column), colours) }, frame, sign];
}

function nameOf(place, count) {
  return place === count ? "mean" : String(place + 1);
}

function range(count) {
  return Array.from({ length: count }, (_, place) => place);
}
