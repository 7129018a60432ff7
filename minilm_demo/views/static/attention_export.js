// What leaves the attention explorer: its picture as PNG and SVG, its numbers as CSV. A picture is first a list of shapes
// (a scene) and then drawn twice, on a canvas and in SVG.

MiniLM.attentionExport = (() => {
  const { make, shape, show } = MiniLM.dom;
  const { controls: C, maps, attentionView: V } = MiniLM;
  const SVG_CELLS = 10000; // more are one image inside the SVG
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

  // -- files

  function savePart(page) {
    const text = (ending, type, write) => async () => {
      C.saveBlob(fileName(page, ending), new Blob([write()], { type }));
      return "";
    };
    const asked = (format) => () => C.saveAsked(page.callbacks.file(page.about({ format })));
    const { element, buttons } = C.saving([
      { text: "Picture (PNG)", write: () => savePng(page) },
      { text: "Picture (SVG)", write: text("svg", "image/svg+xml", () => svgText(sceneOf(page))) },
      { text: "This head (CSV)", write: text("csv", "text/csv", () => csvText(page)) },
      { text: "All heads (NPZ)", write: asked("npz") },
      { text: "This view as a page (HTML)", write: asked("html") },
    ]);
    const draw = () => buttons.slice(3).forEach((button) => show(button, Boolean(page.callbacks.file)));
    return { element, level: "value", draw };
  }

  function fileName({ state }, ending) {
    const number = (place) => (place === "mean" ? "mean" : String(place + 1));
    const head = state.rollout ? "rollout" : "layer-" + number(state.layer) + "-head-" + number(state.head);
    return "attention-" + head + "." + ending;
  }

  async function savePng(page) {
    const canvas = sceneCanvas(sceneOf(page));
    C.saveBlob(fileName(page, "png"), await new Promise((done) => canvas.toBlob(done, "image/png")));
    return "";
  }

  // Every weight of the matrix, what is hidden included.
  function csvText({ view }) {
    const size = view.labels.length;
    const end = String.fromCharCode(10);
    const quote = (text) => '"' + text.replaceAll('"', '""') + '"';
    const lines = view.labels.flatMap((from, row) => view.labels.map((to, column) => (
      [row, quote(from.text), column, quote(to.text), view.matrix[row * size + column].toFixed(5)].join(","))));
    return ["from_index,from,to_index,to," + (view.signed ? "difference" : "weight"), ...lines].join(end) + end;
  }

  // -- the picture as a list of shapes

  // {width, height, background, items: text, curve, rect, frame or image, each with its place, size and colour}.
  function sceneOf(page) {
    const { view, state, trace, palette, value } = page;
    const rested = { ...state, hovered: maps.NOWHERE };
    const lines = [
      { y: 34, size: 19, bold: true, text: V.headName(trace, state) },
      { y: 58, size: 14, text: V.sentence(trace, view, rested) },
      { y: 78, size: 12, alpha: 0.7, text: value.title },
    ];
    const heading = lines.map((line) => ({ kind: "text", x: MARGIN, colour: palette.text, ...line }));
    const drawn = (view.lines ? linesScene : matrixScene)(page.pictureOf(), V.pointed(view, rested), palette);
    const widest = Math.max(...heading.map(({ text, size, bold }) => textWidth(text, size, bold) + 2 * MARGIN));
    return {
      width: Math.ceil(Math.max(drawn.width, Math.min(widest, WIDEST))), height: drawn.height,
      background: palette.surface, items: [...heading, ...drawn.items],
    };
  }

  const MARGIN = 20;
  const TOP = 110; // pixels above the picture: its heading
  const WIDEST = 1200; // pixels that a heading may ask for
  const LINE = 26; // pixels of a word

  function linesScene({ from, to, values, max, paint }, pointed, palette) {
    const size = 15;
    const left = MARGIN + widestOf(from, size) + 10;
    const right = left + 300;
    const after = right + 24 + widestOf(to, size);
    const [ysFrom, ysTo] = [yOf(from), yOf(to)];
    const word = (item) => ({ kind: "text", size, colour: palette.text, ...item });
    const looking = from.map(({ text }, row) => word({
      x: left - 8, y: ysFrom[row] + 5, anchor: "end", text: shorten(text), bold: pointed.rows.includes(row),
    }));
    const looked = to.map(({ text }, column) => word({
      x: right + 8, y: ysTo[column] + 5, text: shorten(text), bold: pointed.columns.includes(column),
    }));
    const numbers = (pointed.resting ? [] : pointed.to || []).flatMap((value, column) => (Math.abs(value) < 0.005 ? []
      : [word({ x: after, y: ysTo[column] + 5, size: 13, text: maps.weightText(value, value < 0) })]));
    const titles = [
      word({ x: left - 8, y: TOP - 6, size: 12, anchor: "end", text: "from", alpha: 0.7 }),
      word({ x: right + 8, y: TOP - 6, size: 12, text: "to", alpha: 0.7 }),
    ];
    const place = ({ row, column }) => ({ x1: left, y1: ysFrom[row], x2: right, y2: ysTo[column] });
    const curves = linksOf(values, to.length, max, pointed).map((link) => ({
      kind: "curve", ...place(link), size: link.ink.thickness, alpha: link.meant ? link.ink.alpha : 0.1 * link.ink.alpha,
      colour: paint(link.value < 0 ? -max : max),
    }));
    return {
      width: after + 60, height: Math.max(ysFrom.at(-1), ysTo.at(-1)) + LINE,
      items: [...curves, ...looking, ...looked, ...numbers, ...titles],
    };
  }

  // The lines that can be seen, the strongest last; meant: pointed at, or nothing is.
  function linksOf(values, columns, max, { rows, columns: chosen, resting }) {
    const links = [...values].map((value, cell) => {
      const [row, column] = [Math.floor(cell / columns), cell % columns];
      const share = Math.min(1, Math.abs(value) / max);
      const meant = resting || rows.includes(row) || chosen.includes(column);
      return { row, column, value, share, meant, ink: MiniLM.lines.linkInk(share) };
    });
    return links.filter(({ share }) => share > 0.02).sort((one, other) => one.share - other.share);
  }

  // A gap where the other text begins.
  function yOf(items) {
    let y = TOP;
    return items.map(({ side }, place) => {
      y += LINE + (place && items[place - 1].side !== side ? LINE / 2 : 0);
      return y - LINE / 2;
    });
  }

  function matrixScene({ from, to, values, colours }, pointed, palette) {
    const size = 12;
    const cell = Math.max(2, Math.min(26, Math.floor(900 / Math.max(from.length, to.length))));
    const [width, height] = [cell * to.length, cell * from.length];
    const left = MARGIN + widestOf(from, size) + 8;
    const top = TOP + 0.77 * widestOf(to, size) + 10;
    const every = Math.ceil((size + 2) / cell);
    const word = (item) => ({ kind: "text", size, colour: palette.text, ...item });
    const looking = from.map(({ text }, row) => word({
      x: left - 6, y: top + (row + 0.5) * cell + 4, anchor: "end", text: shorten(text), bold: pointed.rows.includes(row),
    }));
    const looked = to.map(({ text }, column) => word({
      x: left + (column + 0.5) * cell, y: top - 6, rotate: -50, text: shorten(text),
      bold: pointed.columns.includes(column),
    }));
    const names = [looking, looked].flatMap((axis) => axis.filter((_, place) => place % every === 0));
    const frame = (item) => ({ kind: "frame", x: left, width, ...item });
    return {
      width: left + width + 0.64 * widestOf(to, size) + MARGIN, height: top + height + 24,
      items: [
        frame({ x: left - 0.5, y: top - 0.5, width: width + 1, height: height + 1, colour: palette.line }),
        ...cellsOf(values, to.length, colours, { left, top, cell, width, height }),
        ...pointed.rows.map((row) => frame({ y: top + row * cell, height: cell, colour: palette.text })),
        ...names,
      ],
    };
  }

  function cellsOf(values, columns, colours, { left, top, cell, width, height }) {
    if (values.length > SVG_CELLS) {
      const canvas = maps.mosaic(1, 1, values.length / columns, columns, () => values, colours);
      return [{ kind: "image", x: left, y: top, width, height, canvas }];
    }
    return [...values].map((value, place) => ({
      kind: "rect", x: left + (place % columns) * cell, y: top + Math.floor(place / columns) * cell,
      width: cell, height: cell, colour: colours.paint(value),
    }));
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
      const { bend } = MiniLM.lines.linkShape(y1, y2, x2 - x1);
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
      "font-size": size, "font-weight": bold ? "bold" : "normal", "text-anchor": anchor || "start",
      fill: hex(colour), "fill-opacity": alpha,
    }, printable(text)),
    curve: ({ x1, y1, x2, y2, size, colour, alpha }) => {
      const { bend } = MiniLM.lines.linkShape(y1, y2, x2 - x1);
      const points = [x1, y1, "C", x1 + bend[0], y1, x1 + bend[1], y2, x2, y2];
      return shape("path", {
        d: "M" + points.map((one) => (typeof one === "number" ? one.toFixed(1) : one)).join(" "),
        fill: "none", stroke: hex(colour), "stroke-opacity": alpha.toFixed(3), "stroke-width": size.toFixed(2),
      });
    },
    rect: ({ x, y, width, height, colour }) => shape("rect", {
      x: x.toFixed(1), y: y.toFixed(1), width, height, fill: hex(colour),
    }),
    frame: ({ x, y, width, height, colour }) => shape("rect", {
      x, y, width, height, fill: "none", stroke: hex(colour),
    }),
    image: ({ x, y, width, height, canvas }) => shape("image", {
      x, y, width, height, href: canvas.toDataURL("image/png"), style: "image-rendering: pixelated",
    }),
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

  return { savePart, sceneOf, svgText, sceneCanvas, csvText };
})();
