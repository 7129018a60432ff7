// What leaves the attention explorer: its picture as PNG and SVG, its numbers as a table and CSV, the Python. A picture is
// first a list of shapes (a scene) and then drawn twice, on a canvas and in SVG. Parts as in attention_panels.js.

MiniLM.attentionExport = (() => {
  const { make, shape, say, show, columnHeading, scroller, details } = MiniLM.dom;
  const { maps, attentionView: V, attentionPanels: panels, weights: W } = MiniLM;
  const TABLE_ROWS = 200;
  const SVG_CELLS = 10000; // more are one image inside the SVG
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

  function parts(page) {
    return [tablePart(page), savePart(page), codePart(page), readingPart(page), notesPart(page)];
  }

  // -- the table

  function tablePart(page) {
    const sorting = { column: 2, down: true };
    const box = details("As a table", () => drawTable(page, sorting));
    return { element: box, level: "head", draw: () => box.redraw() };
  }

  function drawTable({ view, trace }, sorting) {
    const links = W.strongest(view.kept, view.rows, view.columns, TABLE_ROWS);
    const count = view.rows.length * view.columns.length;
    const note = links.length < count ? "The " + links.length + " largest of " + count + " weights." : "All " + count + " weights.";
    const headings = ["From", "To", view.signed ? "More than in " + trace.otherTitle : "Weight", "Times an even spread"].slice(0, view.signed ? 3 : 4);
    const rows = links.map(({ from, to, weight }) => {
      const cells = [view.labels[from].name, view.labels[to].name, maps.weightText(weight, view.signed), (weight / view.even).toFixed(1)];
      return { order: [from, to, weight, weight], cells: cells.slice(0, headings.length) };
    });
    const body = make("tbody", "");
    const columns = headings.map((text, column) => sortHeading(text, () => {
      Object.assign(sorting, sorting.column === column ? { down: !sorting.down } : { column, down: column > 1 });
      sort();
    }));
    const sort = () => {
      columns.forEach((heading, column) => {
        if (column === sorting.column) heading.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
        else heading.removeAttribute("aria-sort");
      });
      const sign = sorting.down ? -1 : 1;
      const sorted = [...rows].sort((one, other) => sign * (one.order[sorting.column] - other.order[sorting.column]));
      body.replaceChildren(...sorted.map(({ cells }) => make("tr", "", ...cells.map((text) => make("td", "", text)))));
    };
    sort();
    const sheet = make("table", "mlm-table", make("caption", "mlm-unseen", "The weights on screen"), make("thead", "", make("tr", "", ...columns)), body);
    const tall = scroller("The weights as a table", sheet);
    tall.classList.add("mlm-tall");
    return make("div", "", make("p", "mlm-note", note), tall);
  }

  function sortHeading(text, press) {
    const button = make("button", "mlm-sort", text);
    button.type = "button";
    button.addEventListener("click", press);
    const cell = columnHeading("");
    cell.append(button);
    return cell;
  }

  // -- files

  function savePart(page) {
    const said = make("p", "mlm-note");
    said.setAttribute("aria-live", "polite");
    const save = (text, write) => panels.button(text, async () => {
      say(said, "");
      const problem = await write();
      say(said, problem || text + ": saved.");
    });
    const own = [
      save("Picture (PNG)", () => savePng(page)),
      save("Picture (SVG)", () => saveText(page, "svg", "image/svg+xml", svgText(sceneOf(page)))),
      save("This head (CSV)", () => saveText(page, "csv", "text/csv", csvText(page))),
    ];
    const asked = [
      save("All heads (NPZ)", () => saveAsked(page, "npz")),
      save("This view as a page (HTML)", () => saveAsked(page, "html")),
    ];
    const box = make("details", "mlm-details", make("summary", "", "Save"), make("div", "mlm-buttons", ...own, ...asked), said);
    const draw = () => asked.forEach((button) => show(button, Boolean(page.callbacks.file)));
    return { element: box, level: "value", draw };
  }

  function fileName({ state }, ending) {
    const number = (place) => (place === "mean" ? "mean" : String(place + 1));
    const head = state.rollout ? "rollout" : "layer-" + number(state.layer) + "-head-" + number(state.head);
    return "attention-" + head + "." + ending;
  }

  function saveBlob(name, blob) {
    const link = make("a", "");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function saveText(page, ending, type, text) {
    saveBlob(fileName(page, ending), new Blob([text], { type }));
  }

  async function savePng(page) {
    const canvas = sceneCanvas(sceneOf(page));
    saveBlob(fileName(page, "png"), await new Promise((done) => canvas.toBlob(done, "image/png")));
  }

  // The server makes these two; its answer is a file, or a sentence about what is wrong.
  async function saveAsked({ callbacks }, format) {
    try {
      const { name, type, base64 } = await callbacks.file({ format });
      saveBlob(name, new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type }));
      return "";
    } catch {
      return "The server did not send the file. Try again in a moment.";
    }
  }

  // Every weight of the matrix, what is hidden included.
  function csvText({ view }) {
    const size = view.labels.length;
    const quote = (text) => '"' + text.replaceAll('"', '""') + '"';
    const lines = ["from_index,from,to_index,to," + (view.signed ? "difference" : "weight")];
    view.labels.forEach((from, row) => view.labels.forEach((to, column) => {
      lines.push([row, quote(from.text), column, quote(to.text), view.matrix[row * size + column].toFixed(5)].join(","));
    }));
    return lines.join(String.fromCharCode(10)) + String.fromCharCode(10);
  }

  // -- the picture as a list of shapes

  // {width, height, background, items: text, curve, rect or image, each with its place, size and colour}.
  function sceneOf(page) {
    const { view, state, trace, palette, value } = page;
    const pointed = V.pointed(view, { ...state, hovered: maps.NOWHERE });
    const picture = page.pictureOf();
    const heading = [
      { kind: "text", x: 20, y: 34, size: 19, bold: true, text: V.headName(trace, state), colour: palette.text },
      { kind: "text", x: 20, y: 58, size: 14, text: V.sentence(trace, view, { ...state, hovered: maps.NOWHERE }), colour: palette.text },
      { kind: "text", x: 20, y: 78, size: 12, text: value.title, colour: palette.text, alpha: 0.7 },
    ];
    const drawn = view.lines ? linesScene(picture, pointed, palette) : matrixScene(picture, pointed, palette);
    const widest = Math.max(...heading.map(({ text, size, bold }) => textWidth(text, size, bold) + 40));
    return { width: Math.ceil(Math.max(drawn.width, Math.min(widest, 1200))), height: drawn.height, background: palette.surface, items: [...heading, ...drawn.items] };
  }

  const TOP = 110; // pixels above the picture: its heading

  function linesScene({ from, to, values, max, paint }, pointed, palette) {
    const size = 15;
    const step = 26;
    const left = 20 + widestOf(from, size) + 10;
    const right = left + 300;
    const chosen = pointed.rows.length + pointed.columns.length > 0;
    const [rows, columns] = [new Set(pointed.rows), new Set(pointed.columns)];
    const meant = (row, column) => !chosen || rows.has(row) || columns.has(column);
    const ysFrom = yOf(from, step);
    const ysTo = yOf(to, step);
    const curves = [];
    from.forEach((_, row) => to.forEach((__, column) => {
      const value = values[row * to.length + column];
      const share = Math.min(1, Math.abs(value) / max);
      if (share <= 0.004) return;
      curves.push({
        kind: "curve", x1: left, y1: ysFrom[row], x2: right, y2: ysTo[column], size: maps.linkInk(share).thickness,
        colour: paint(value < 0 ? -max : max), alpha: (meant(row, column) ? 1 : 0.1) * maps.linkInk(share).alpha,
      });
    }));
    curves.sort((one, other) => one.alpha - other.alpha);
    const words = (items, ys, x, anchor, marked) => items.map(({ text }, place) => ({
      kind: "text", x, y: ys[place] + 5, size, anchor, text, colour: palette.text, bold: marked.has(place), alpha: 1,
    }));
    const after = right + 10 + widestOf(to, size) + 14;
    const numbers = !pointed.resting && pointed.to
      ? pointed.to.map((value, place) => ({ kind: "text", x: after, y: ysTo[place] + 5, size: 13, text: Math.abs(value) < 0.005 ? "" : maps.weightText(value, value < 0), colour: palette.text }))
      : [];
    return {
      width: after + 60, height: Math.max(ysFrom.at(-1), ysTo.at(-1)) + step,
      items: [
        ...curves, ...words(from, ysFrom, left - 8, "end", rows), ...words(to, ysTo, right + 8, "start", columns), ...numbers,
        { kind: "text", x: left - 8, y: TOP - 6, size: 12, anchor: "end", text: "from", colour: palette.text, alpha: 0.7 },
        { kind: "text", x: right + 8, y: TOP - 6, size: 12, anchor: "start", text: "to", colour: palette.text, alpha: 0.7 },
      ],
    };
  }

  // A gap where the other text begins.
  function yOf(items, step) {
    let y = TOP;
    return items.map(({ side }, place) => {
      y += step + (place && items[place - 1].side !== side ? step / 2 : 0);
      return y - step / 2;
    });
  }

  function matrixScene({ from, to, values, colours }, pointed, palette) {
    const size = 12;
    const cell = Math.max(2, Math.min(26, Math.floor(900 / Math.max(from.length, to.length))));
    const left = 20 + widestOf(from, size) + 8;
    const top = TOP + 0.77 * widestOf(to, size) + 10;
    const every = Math.ceil((size + 2) / cell);
    const names = [
      ...from.map(({ text }, row) => ({ kind: "text", x: left - 6, y: top + (row + 0.5) * cell + 4, size, anchor: "end", text: shorten(text), colour: palette.text, bold: pointed.rows.includes(row) })),
      ...to.map(({ text }, column) => ({ kind: "text", x: left + (column + 0.5) * cell, y: top - 6, size, rotate: -50, text: shorten(text), colour: palette.text, bold: pointed.columns.includes(column) })),
    ].filter((_, place) => (place < from.length ? place : place - from.length) % every === 0);
    const cells = from.length * to.length > SVG_CELLS
      ? [{ kind: "image", x: left, y: top, width: cell * to.length, height: cell * from.length, canvas: maps.mosaic(1, 1, from.length, to.length, () => values, colours) }]
      : [...values].map((value, place) => ({
        kind: "rect", x: left + (place % to.length) * cell, y: top + Math.floor(place / to.length) * cell, width: cell, height: cell, colour: colours.paint(value),
      }));
    const frames = pointed.rows.map((row) => ({ kind: "frame", x: left, y: top + row * cell, width: cell * to.length, height: cell, colour: palette.text }));
    return {
      width: left + cell * to.length + 0.64 * widestOf(to, size) + 20, height: top + cell * from.length + 24,
      items: [{ kind: "frame", x: left - 0.5, y: top - 0.5, width: cell * to.length + 1, height: cell * from.length + 1, colour: palette.line }, ...cells, ...frames, ...names],
    };
  }

  const ruler = document.createElement("canvas").getContext("2d");

  function textWidth(text, size, bold = false) {
    ruler.font = (bold ? "bold " : "") + size + "px " + FONT;
    return ruler.measureText(text).width;
  }

  function widestOf(items, size) {
    return Math.min(240, Math.max(0, ...items.map(({ text }) => textWidth(shorten(text), size, true))));
  }

  function shorten(text) {
    return [...text].length > 24 ? [...text].slice(0, 23).join("") + "…" : text;
  }

  // -- a scene on a canvas

  const PEN = {
    text(pen, { x, y, text, size, bold, anchor, rotate, colour, alpha = 1 }) {
      pen.save();
      pen.translate(x, y);
      pen.rotate(((rotate || 0) * Math.PI) / 180);
      pen.font = (bold ? "bold " : "") + size + "px " + FONT;
      pen.textAlign = anchor === "end" ? "right" : "left";
      pen.fillStyle = maps.css(colour, alpha);
      pen.fillText(text, 0, 0);
      pen.restore();
    },
    curve(pen, { x1, y1, x2, y2, size, colour, alpha }) {
      const { bend } = maps.linkShape(y1, y2, x2 - x1);
      pen.strokeStyle = maps.css(colour, alpha);
      pen.lineWidth = size;
      pen.beginPath();
      pen.moveTo(x1, y1);
      pen.bezierCurveTo(x1 + bend[0], y1, x1 + bend[1], y2, x2, y2);
      pen.stroke();
    },
    rect(pen, { x, y, width, height, colour }) {
      pen.fillStyle = maps.css(colour);
      pen.fillRect(x, y, width, height);
    },
    frame(pen, { x, y, width, height, colour }) {
      pen.strokeStyle = maps.css(colour);
      pen.lineWidth = 1;
      pen.strokeRect(x, y, width, height);
    },
    image(pen, { x, y, width, height, canvas }) {
      pen.imageSmoothingEnabled = false;
      pen.drawImage(canvas, x, y, width, height);
    },
  };

  function sceneCanvas({ width, height, background, items }) {
    const canvas = make("canvas", "");
    canvas.width = 2 * width;
    canvas.height = Math.ceil(2 * height);
    const pen = canvas.getContext("2d");
    pen.scale(2, 2);
    PEN.rect(pen, { x: 0, y: 0, width, height, colour: background });
    for (const item of items) PEN[item.kind](pen, item);
    return canvas;
  }

  // -- a scene as SVG

  const SHAPES = {
    text: ({ x, y, text, size, bold, anchor, rotate, colour, alpha = 1 }) => shape("text", {
      transform: "translate(" + x.toFixed(1) + " " + y.toFixed(1) + ")" + (rotate ? " rotate(" + rotate + ")" : ""),
      "font-size": size, "font-weight": bold ? "bold" : "normal", "text-anchor": anchor || "start", fill: hex(colour), "fill-opacity": alpha,
    }, printable(text)),
    curve: ({ x1, y1, x2, y2, size, colour, alpha }) => {
      const { bend } = maps.linkShape(y1, y2, x2 - x1);
      const points = [x1, y1, "C", x1 + bend[0], y1, x1 + bend[1], y2, x2, y2];
      return shape("path", {
        d: "M" + points.map((one) => (typeof one === "number" ? one.toFixed(1) : one)).join(" "),
        fill: "none", stroke: hex(colour), "stroke-opacity": alpha.toFixed(3), "stroke-width": size.toFixed(2),
      });
    },
    rect: ({ x, y, width, height, colour }) => shape("rect", { x: x.toFixed(1), y: y.toFixed(1), width, height, fill: hex(colour) }),
    frame: ({ x, y, width, height, colour }) => shape("rect", { x, y, width, height, fill: "none", stroke: hex(colour) }),
    image: ({ x, y, width, height, canvas }) => shape("image", { x, y, width, height, href: canvas.toDataURL("image/png"), style: "image-rendering: pixelated" }),
  };

  function svgText({ width, height, background, items }) {
    const svg = shape("svg", { width, height, viewBox: "0 0 " + width + " " + height, "font-family": FONT });
    svg.append(shape("rect", { width, height, fill: hex(background) }), ...items.map((item) => SHAPES[item.kind](item)));
    return new XMLSerializer().serializeToString(svg);
  }

  function hex(colour) {
    return "#" + colour.map((part) => Math.round(part).toString(16).padStart(2, "0")).join("");
  }

  // XML has no place for control characters.
  function printable(text) {
    return [...text].filter((letter) => letter >= " ").join("");
  }

  // -- the Python, how to read it, notes

  function codePart(page) {
    const code = make("pre", "mlm-code");
    code.tabIndex = 0;
    code.setAttribute("role", "region");
    code.setAttribute("aria-label", "Python");
    const copy = panels.button("Copy", async () => {
      const copied = await copyText(page.value.code, code);
      say(copy, copied ? "Copied" : "Selected: press Ctrl and C");
      setTimeout(() => say(copy, "Copy"), 2500);
    });
    const box = make("details", "mlm-details", make("summary", "", "Code"), code, make("div", "mlm-buttons", copy));
    return { element: box, level: "value", draw: () => say(code, page.value.code) };
  }

  // The clipboard is closed to pages from a file; there the text is selected instead.
  async function copyText(text, node) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      getSelection().selectAllChildren(node);
      return false;
    }
  }

  const READING = [
    "Every word looks at every word. How much is its weight; the weights of one word, the special tokens included, sum to 1.",
    "On the left, all heads: a row is a layer, a column a head, and each small map has a row for every word that looks and a column for every word that is looked at. The frame and the sign say what a head does with this text, where one behaviour reaches its threshold.",
    "A word in pieces: what others give to its pieces is added up, what its pieces give is averaged, so that a row still sums to 1.",
    "“Three times an even spread” compares a weight with the one that all words shown would have if they got the same.",
    "Keys: arrows move through the heads and through the words, Page Up and Page Down change the layer, Enter goes deeper and keeps a word, Escape goes back.",
  ];

  function readingPart() {
    const list = make("ul", "mlm-reading", ...READING.map((text) => make("li", "", text)));
    return { element: make("details", "mlm-details", make("summary", "", "How to read this"), list), level: "value", draw() {} };
  }

  function notesPart(page) {
    const element = make("div", "mlm-foot");
    const draw = () => element.replaceChildren(...[...page.value.notes, ...page.value.footer].map((text) => make("p", "mlm-note", text)));
    return { element, level: "value", draw };
  }

  return { parts, sceneOf, svgText, sceneCanvas, csvText };
})();
