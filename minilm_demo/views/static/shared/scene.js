// A picture as a list of shapes (a scene), drawn on a canvas or written as SVG.
//
// A scene: {width, height, background, items}; an item has a kind, its place and size in pixels, and a colour [r, g, b]:
//   text {x, y, text, size, bold, anchor "start" | "middle" | "end", rotate (degrees), alpha}
//   curve {x1, y1, x2, y2, size, alpha}: a line between two words, see link.js
//   path {points [[x, y]], size, dash [..], alpha}, dot {x, y, radius}
//   rect, frame {x, y, width, height}, image {x, y, width, height, canvas}

import { css } from "./colours.js";
import { make, shape } from "./dom.js";
import { linkShape } from "./link.js";

export const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
export const MARGIN = 20; // pixels around a picture

// -- a scene on a canvas

const PEN = {
  text(pen, { x, y, text, size, bold, anchor, rotate, colour, alpha = 1 }) {
    pen.save();
    pen.translate(x, y);
    pen.rotate(((rotate || 0) * Math.PI) / 180);
    pen.font = (bold ? "bold " : "") + size + "px " + FONT;
    pen.textAlign = { start: "left", middle: "center", end: "right" }[anchor || "start"];
    pen.fillStyle = css(colour, alpha);
    pen.fillText(text, 0, 0);
    pen.restore();
  },
  curve(pen, { x1, y1, x2, y2, size, colour, alpha }) {
    const { bend } = linkShape(y1, y2, x2 - x1);
    pen.strokeStyle = css(colour, alpha);
    pen.lineWidth = size;
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.bezierCurveTo(x1 + bend[0], y1, x1 + bend[1], y2, x2, y2);
    pen.stroke();
  },
  path(pen, { points, size, dash = [], colour, alpha = 1 }) {
    pen.strokeStyle = css(colour, alpha);
    pen.lineWidth = size;
    pen.lineJoin = "round";
    pen.setLineDash(dash);
    pen.beginPath();
    for (const [x, y] of points) pen.lineTo(x, y);
    pen.stroke();
    pen.setLineDash([]);
  },
  dot(pen, { x, y, radius, colour }) {
    pen.fillStyle = css(colour);
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fill();
  },
  rect(pen, { x, y, width, height, colour }) {
    pen.fillStyle = css(colour);
    pen.fillRect(x, y, width, height);
  },
  frame(pen, { x, y, width, height, colour }) {
    pen.strokeStyle = css(colour);
    pen.lineWidth = 1;
    pen.strokeRect(x, y, width, height);
  },
  image(pen, { x, y, width, height, canvas }) {
    pen.imageSmoothingEnabled = false;
    pen.drawImage(canvas, x, y, width, height);
  },
};

export function sceneCanvas({ width, height, background, items }) {
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
  text: ({ x, y, text, size, bold, anchor, rotate, colour, alpha = 1 }) =>
    shape(
      "text",
      {
        transform: "translate(" + x.toFixed(1) + " " + y.toFixed(1) + ")" + (rotate ? " rotate(" + rotate + ")" : ""),
        "font-size": size,
        "font-weight": bold ? "bold" : "normal",
        "text-anchor": anchor || "start",
        fill: hex(colour),
        "fill-opacity": alpha,
      },
      printable(text),
    ),
  curve: ({ x1, y1, x2, y2, size, colour, alpha }) => {
    const { bend } = linkShape(y1, y2, x2 - x1);
    const points = [x1, y1, "C", x1 + bend[0], y1, x1 + bend[1], y2, x2, y2];
    return shape("path", {
      d: "M" + points.map((one) => (typeof one === "number" ? one.toFixed(1) : one)).join(" "),
      fill: "none",
      stroke: hex(colour),
      "stroke-opacity": alpha.toFixed(3),
      "stroke-width": size.toFixed(2),
    });
  },
  path: ({ points, size, dash = [], colour, alpha = 1 }) =>
    shape("path", {
      d: "M" + points.map(([x, y]) => x.toFixed(1) + " " + y.toFixed(1)).join("L"),
      fill: "none",
      stroke: hex(colour),
      "stroke-opacity": alpha,
      "stroke-width": size,
      "stroke-dasharray": dash.join(" "),
      "stroke-linejoin": "round",
    }),
  dot: ({ x, y, radius, colour }) =>
    shape("circle", {
      cx: x.toFixed(1),
      cy: y.toFixed(1),
      r: radius,
      fill: hex(colour),
    }),
  rect: ({ x, y, width, height, colour }) =>
    shape("rect", {
      x: x.toFixed(1),
      y: y.toFixed(1),
      width,
      height,
      fill: hex(colour),
    }),
  frame: ({ x, y, width, height, colour }) =>
    shape("rect", {
      x,
      y,
      width,
      height,
      fill: "none",
      stroke: hex(colour),
    }),
  image: ({ x, y, width, height, canvas }) =>
    shape("image", {
      x,
      y,
      width,
      height,
      href: canvas.toDataURL("image/png"),
      style: "image-rendering: pixelated",
    }),
};

export function svgText({ width, height, background, items }) {
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
