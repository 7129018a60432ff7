// What leaves the microscope: its three maps as one picture (a scene, see scene.js), its numbers as a table and as CSV; and
// the words of "How to read this". Parts as in explorer.js.

import { plain } from "../shared/controls.js";
import { details, make, scroller } from "../shared/dom.js";
import { savePart } from "../shared/folds.js";
import { weightText } from "../shared/numbers.js";
import { quotedCell } from "../shared/save.js";
import { sortable } from "../shared/sortable.js";
import { shortened } from "../shared/text.js";
import { pictureOf } from "./maps.js";
import * as V from "./view.js";

const TABLE_ROWS = 200;
const NAME = 18; // letters of a name at most
const MAPS = [
  ["teacher", "Teacher"],
  ["student", "Student"],
  ["difference", "Student − teacher"],
];
const [TOP, LEFT, APART, LABEL] = [104, 20, 28, 12]; // pixels

export const READING = [
  "A row is the token that looks, a column the one that is looked at; a row sums to 1, the special tokens included. Both models read the same tokens, so their maps have the same shape, however wide the models are. That is why a small student can be asked for a large teacher's maps.",
  "Blue in the third map: the student gives less than the teacher. Orange: more. The colours go by the square root, so that small weights can be seen.",
  "The loss is the mean, over all heads and tokens, of KL(teacher ‖ student): for every key, the teacher's weight times the logarithm of teacher over student. A key that the teacher looks at and the student does not costs much; one that only the student looks at is even credited, but its weight is then missing elsewhere.",
  "A head of the student need not do what the same head of the teacher does until it is taught to. MiniLM compares head with head; MiniLMv2 cuts queries, keys and values anew into relation heads, which are no attention heads.",
  "A word in pieces: what others give to its pieces is added up, what its pieces give is averaged. The formula is always that of pieces, because the model knows no words.",
  "Keys: arrows move along the bars and through the maps, Page Up and Page Down in a map change the head, Enter on a cell shows its numbers, Escape lets it go.",
];

export function tablePart(page) {
  const sorting = { column: 4, down: true };
  const box = details("As a table", () => {
    const cells = cellsOf(page).sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
    const rows = cells.slice(0, TABLE_ROWS).map(({ from, to, p, q, difference }) => ({
      order: [from.text, to.text, p, q, difference],
      cells: [plain(from.text), plain(to.text), p.toFixed(3), q.toFixed(3), weightText(difference, true)],
    }));
    const count =
      rows.length < cells.length
        ? "The " + rows.length + " largest differences of " + cells.length + " cells."
        : "All " + cells.length + " cells.";
    const sheet = sortable({
      caption: "The cells on screen",
      headings: ["From", "To", "Teacher", "Student", "Student − teacher"],
      rows,
      sorting,
    });
    const tall = scroller("The cells as a table", sheet);
    tall.classList.add("mlm-tall");
    return make("div", "", make("p", "mlm-note", V.headName(page) + ". " + count), tall);
  });
  return { element: box, level: "head", draw: () => box.redraw() };
}

function cellsOf({ view }) {
  return view.rows.flatMap((from, row) =>
    view.columns.map((to, column) => {
      const cell = row * view.columns.length + column;
      const [p, q] = [view.teacher.values[cell], view.student.values[cell]];
      return { from: view.labels[from], to: view.labels[to], row, column, p, q, difference: q - p };
    }),
  );
}

export function save(page) {
  return savePart(page, {
    name: (ending) => fileName(page, ending),
    scene: () => sceneOf(page),
    rows: () => rowsOf(page),
    view: () => viewOf(page),
  });
}

// What a person has chosen, for the saved page: it opens on the same cell.
export function viewOf({ state }) {
  const { hovered, frame, ...chosen } = state;
  return chosen;
}

function fileName({ value, state }, ending) {
  return "microscope-" + value.relations[state.relation].name + "-head-" + (state.head + 1) + "." + ending;
}

// The cells on screen, for a CSV file.
export function rowsOf(page) {
  const rows = cellsOf(page).map(({ from, to, row, column, p, q, difference }) => [
    row,
    quotedCell(from.text),
    column,
    quotedCell(to.text),
    p.toFixed(5),
    q.toFixed(5),
    difference.toFixed(5),
  ]);
  return [["from_index", "from", "to_index", "to", "teacher", "student", "difference"], ...rows];
}

// -- the three maps as a list of shapes

export function sceneOf(page) {
  const { palette, value, state } = page;
  const texts = [
    { y: 34, size: 19, bold: true, text: V.headName(page) },
    {
      y: 58,
      size: 14,
      text:
        "Teacher: " +
        value.teacher.title +
        ". Student: " +
        value.student.title +
        ". Loss " +
        V.lossOf(page, state.relation).toFixed(3) +
        " nats.",
    },
    { y: 78, size: 12, alpha: 0.7, text: value.texts.join(" / ") },
  ];
  const heading = texts.map((line) => ({ kind: "text", x: LEFT, colour: palette.text, ...line }));
  let x = LEFT;
  let height = 0;
  const items = MAPS.flatMap(([side, title]) => {
    const map = mapScene(pictureOf(page, side), title, x, palette);
    x += map.width + APART;
    height = Math.max(height, map.height);
    return map.items;
  });
  return { width: Math.ceil(x), height, background: palette.surface, items: [...heading, ...items] };
}

function mapScene({ from, to, values, colours }, title, x, palette) {
  const cell = Math.max(3, Math.min(26, Math.floor(420 / to.length)));
  const names = (items) => items.map(({ text }) => shortened(text, NAME));
  const widest = (texts) => Math.max(...texts.map((text) => 0.62 * LABEL * [...text].length));
  const [rows, columns] = [names(from), names(to)];
  const left = x + widest(rows) + 8;
  const top = TOP + 30 + 0.77 * widest(columns);
  const every = Math.ceil((LABEL + 2) / cell);
  const word = (item) => ({ kind: "text", size: LABEL, colour: palette.text, ...item });
  const labels = [
    ...rows
      .map((text, row) => word({ x: left - 6, y: top + (row + 0.5) * cell + 4, anchor: "end", text }))
      .filter((_, row) => row % every === 0),
    ...columns
      .map((text, column) => word({ x: left + (column + 0.5) * cell, y: top - 6, rotate: -50, text }))
      .filter((_, column) => column % every === 0),
  ];
  const squares = [...values].map((value, place) => ({
    kind: "rect",
    x: left + (place % to.length) * cell,
    y: top + Math.floor(place / to.length) * cell,
    width: cell,
    height: cell,
    colour: colours.paint(value),
  }));
  return {
    width: left - x + cell * to.length + 0.4 * widest(columns),
    height: top + cell * from.length + 24,
    items: [
      { kind: "text", x: left, y: TOP + 8, size: 14, bold: true, text: title, colour: palette.text },
      {
        kind: "frame",
        x: left - 0.5,
        y: top - 0.5,
        width: cell * to.length + 1,
        height: cell * from.length + 1,
        colour: palette.line,
      },
      ...squares,
      ...labels,
    ],
  };
}
