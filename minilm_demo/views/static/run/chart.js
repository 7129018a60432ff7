// A line chart in SVG: axes with ticks and titles, lines, marked points, and a read-out of the point nearest to the
// mouse or chosen with the arrow keys. It is drawn in CSS pixels, so its text keeps its size on a phone.

import { make, say, shape, show } from "../shared/dom.js";

const HEIGHT = 250;
const EDGE = { left: 64, right: 18, top: 18, bottom: 46 };
const SNAP = 12; // pixels: a marked point this near to the mouse has precedence

// options: {title, xTitle, yTitle, keys [{className, text}]}. Returns {element, svg, draw(picture)}.
// picture: {title, series, words, format, xMax, low, high, empty}
//   series [{name, className, points [[x, y]], dots bool, best index | -1}], words: the picture in one sentence,
//   format(y) -> text, low and high: the y axis, empty: the text of a chart without points,
//   off: the chart never gets points; only `empty` is shown.
export function create(options) {
  const title = make("h4", "mlm-chart-title", options.title);
  const svg = shape("svg", { class: "mlm-chart-svg", height: HEIGHT, tabindex: 0, role: "img" });
  const empty = make("p", "mlm-empty");
  const readout = make("p", "mlm-readout");
  readout.setAttribute("aria-live", "off");
  const key = makeKey(options.keys);
  const element = make("figure", "mlm-chart", title, key, make("div", "mlm-chart-box", svg, empty), readout);
  const state = { options, picture: null, cursor: null, svg, readout, width: 0 };
  const redraw = () => {
    if (state.picture) drawAll(state);
  };

  svg.addEventListener("pointermove", (event) => {
    state.cursor = nearest(state, event);
    quiet(state);
    redraw();
  });
  svg.addEventListener("pointerleave", () => {
    state.cursor = null;
    redraw();
  });
  svg.addEventListener("keydown", (event) => {
    if (moveCursor(state, event)) redraw();
  });
  svg.addEventListener("blur", () => {
    state.cursor = null;
    quiet(state);
    redraw();
  });
  const observer = new ResizeObserver(() => {
    if (svg.clientWidth !== state.width) redraw();
  });
  observer.observe(svg);

  function draw(picture) {
    state.picture = picture;
    const drawn = picture.series.some((series) => series.points.length);
    say(title, picture.title);
    say(empty, picture.empty);
    show(empty, !drawn);
    element.classList.toggle("mlm-off", Boolean(picture.off));
    for (const part of [key, readout]) show(part, !picture.off);
    svg.style.display = picture.off ? "none" : "";
    svg.setAttribute(
      "aria-label",
      picture.title + ". " + (drawn ? picture.words + " Arrow keys read the points." : picture.empty),
    );
    redraw();
  }
  return { element, svg, draw };
}

function makeKey(keys) {
  const list = make("ul", "mlm-key");
  for (const { className, text } of keys) {
    const swatch = make("span", "mlm-swatch " + className);
    swatch.setAttribute("aria-hidden", "true");
    list.append(make("li", "", swatch, text));
  }
  return list;
}

// -- drawing

function drawAll(state) {
  const { svg, picture, options } = state;
  state.width = svg.clientWidth;
  if (!state.width) return; // not on screen yet; the observer draws later
  state.scales = makeScales(state.width, picture);
  svg.setAttribute("viewBox", `0 0 ${state.width} ${HEIGHT}`);
  svg.replaceChildren(
    ...drawAxes(state.scales, picture, options),
    ...picture.series.flatMap((series) => drawSeries(state.scales, series, picture)),
    ...drawCursor(state),
  );
  say(state.readout, readPoint(state));
}

function makeScales(width, { xMax, low, high }) {
  const right = width - EDGE.right;
  const bottom = HEIGHT - EDGE.bottom;
  return {
    left: EDGE.left,
    right,
    top: EDGE.top,
    bottom,
    xMax: Math.max(1, xMax),
    low,
    high,
    x: (step) => EDGE.left + (step / Math.max(1, xMax)) * (right - EDGE.left),
    y: (value) => bottom - ((value - low) / (high - low)) * (bottom - EDGE.top),
  };
}

function drawAxes(scales, picture, options) {
  const parts = picture.series.some((series) => series.points.length) ? drawTicks(scales, picture) : [];
  parts.push(
    shape("line", { class: "mlm-axis", x1: scales.left, x2: scales.right, y1: scales.bottom, y2: scales.bottom }),
  );
  const middle = (scales.left + scales.right) / 2;
  parts.push(
    shape("text", { class: "mlm-axis-title", x: middle, y: HEIGHT - 7, "text-anchor": "middle" }, options.xTitle),
  );
  const height = (scales.top + scales.bottom) / 2;
  const turned = { x: 12, y: height, "text-anchor": "middle", transform: `rotate(-90 12 ${height})` };
  parts.push(shape("text", { class: "mlm-axis-title", ...turned }, options.yTitle));
  return parts;
}

function drawTicks(scales, picture) {
  const parts = [];
  for (const value of ticks(scales.low, scales.high, 4)) {
    const y = scales.y(value);
    parts.push(shape("line", { class: "mlm-grid", x1: scales.left, x2: scales.right, y1: y, y2: y }));
    parts.push(
      shape("text", { class: "mlm-tick", x: scales.left - 8, y: y + 5, "text-anchor": "end" }, picture.tick(value)),
    );
  }
  for (const value of ticks(0, scales.xMax, scales.right > 420 ? 6 : 4)) {
    if (!Number.isInteger(value)) continue; // steps are whole numbers
    parts.push(
      shape(
        "text",
        { class: "mlm-tick", x: scales.x(value), y: scales.bottom + 19, "text-anchor": "middle" },
        String(value),
      ),
    );
  }
  return parts;
}

function drawSeries(scales, one, picture) {
  const parts = [];
  if (one.points.length > 1)
    parts.push(shape("path", { class: "mlm-line " + one.className, d: path(scales, one.points) }));
  if (one.dots || one.points.length === 1) {
    one.points.forEach(([x, y], place) => {
      const radius = place === one.best ? 6.5 : 4;
      parts.push(shape("circle", { class: "mlm-dot " + one.className, cx: scales.x(x), cy: scales.y(y), r: radius }));
    });
  }
  if (one.best >= 0) parts.push(labelBest(scales, one.points[one.best], picture));
  return parts;
}

function path(scales, points) {
  return points.map(([x, y], i) => (i ? "L" : "M") + scales.x(x).toFixed(1) + " " + scales.y(y).toFixed(1)).join("");
}

function labelBest(scales, [x, y], picture) {
  const at = scales.x(x);
  const anchor = at > scales.right - 60 ? "end" : at < scales.left + 60 ? "start" : "middle";
  const above = scales.y(y) - 13;
  const place = { x: anchor === "end" ? at + 8 : at, y: above < 14 ? scales.y(y) + 24 : above, "text-anchor": anchor };
  return shape("text", { class: "mlm-best", ...place }, "best " + picture.format(y));
}

function drawCursor({ cursor, scales, picture }) {
  if (cursor === null) return [];
  const x = scales.x(cursor);
  const parts = [shape("line", { class: "mlm-cursor", x1: x, x2: x, y1: scales.top, y2: scales.bottom })];
  for (const one of picture.series) {
    const point = one.points.find(([step]) => step === cursor);
    if (point) parts.push(shape("circle", { class: "mlm-cursor-dot", cx: x, cy: scales.y(point[1]), r: 6 }));
  }
  return parts;
}

// Round numbers from low to high, about `count` of them.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-6); i * step <= high + step * 1e-6; i++)
    values.push(Number((i * step).toPrecision(6)));
  return values;
}

// -- reading

function nearest(state, event) {
  if (!state.scales) return null;
  const at = event.clientX - state.svg.getBoundingClientRect().left;
  const near = (points) =>
    points.reduce(
      (best, [x]) =>
        best === null || Math.abs(state.scales.x(x) - at) < Math.abs(state.scales.x(best) - at) ? x : best,
      null,
    );
  const dots = near(state.picture.series.filter((series) => series.dots).flatMap((series) => series.points));
  if (dots !== null && Math.abs(state.scales.x(dots) - at) < SNAP) return dots;
  return near(state.picture.series.flatMap((series) => series.points));
}

const MOVES = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };

function moveCursor(state, event) {
  if (event.key === "Escape" && state.cursor !== null) {
    state.cursor = null;
    return true;
  }
  if (!(event.key in MOVES) || !state.picture) return false;
  const places = [...new Set(state.picture.series.flatMap((series) => series.points.map(([x]) => x)))].sort(
    (a, b) => a - b,
  );
  if (!places.length) return false;
  event.preventDefault();
  const from = state.cursor === null ? places.length - 1 : places.indexOf(state.cursor);
  const to = state.cursor === null && Math.abs(MOVES[event.key]) === 1 ? from : from + MOVES[event.key];
  state.cursor = places[Math.max(0, Math.min(places.length - 1, to))];
  state.readout.setAttribute("aria-live", "polite"); // announce moves by key, but not by mouse
  return true;
}

function quiet(state) {
  state.readout.setAttribute("aria-live", "off");
}

function readPoint({ cursor, picture }) {
  if (cursor === null) return picture.latest;
  const parts = picture.series.map((series) => {
    const point = series.points.find(([step]) => step === cursor);
    return point ? `${series.name} ${picture.format(point[1])}` : null;
  });
  return [`Step ${cursor}`, ...parts.filter((part) => part)].join(" · ");
}
