// The curves of a run as files: a picture of all charts as they are on screen, and their numbers.

import { palette, rgb } from "../shared/colours.js";
import { pictureSaves, quotedCell, saving, tableSave } from "../shared/save.js";
import { FONT, MARGIN } from "../shared/scene.js";
import { shortened, textWidth } from "../shared/text.js";
import { tableOf } from "./series.js";

const TITLE = 19; // pixels: the font size of the run's title
const HEADING = 74; // pixels above the first chart
const CHART_HEADING = 50; // pixels above each chart's curves, for title and keys
const APART = 24; // pixels between two charts
const LETTERS = 110; // at most so many letters of the sentence above the charts

// stateOf() -> state of a run as in run.js.
export function savePart(stateOf) {
  const name = (ending) => (stateOf().payload.run || "run") + "-curves." + ending;
  const saves = [
    ...pictureSaves(name, () => sceneOf(stateOf())),
    tableSave("Numbers (CSV)", name, () => rowsOf(stateOf())),
  ];
  return saving(saves).element;
}

// The points with all their digits, the headings first.
export function rowsOf({ payload, points }) {
  const { columns, rows } = tableOf(payload.charts, points);
  const titles = columns.map(({ title }) => quotedCell(title));
  return [["step", ...titles], ...rows.map((cells) => cells.map((value) => (value === undefined ? "" : value)))];
}

function sceneOf({ payload, page, charts }) {
  const { surface, text } = palette(page.charts);
  const drawn = [...charts.values()].map(({ chart }) => chart).filter((chart) => chart.svg.clientWidth);
  const lines = [
    { y: 34, size: TITLE, bold: true, text: payload.title },
    { y: 56, size: 13, alpha: 0.8, text: shortened(payload.sentence, LETTERS) },
  ];
  const heading = lines.map((line) => ({ kind: "text", x: MARGIN, colour: text, ...line }));
  let y = HEADING;
  const items = drawn.flatMap((chart) => {
    const top = y;
    y += CHART_HEADING + chart.svg.clientHeight + APART;
    return chartItems(chart, top, text);
  });
  const widths = [
    ...drawn.map((chart) => chart.svg.clientWidth),
    ...heading.map((line) => textWidth(line.text, (line.bold ? "bold " : "") + line.size + "px " + FONT)),
  ];
  return {
    width: Math.ceil(Math.max(...widths) + 2 * MARGIN),
    height: y,
    background: surface,
    items: [...heading, ...items],
  };
}

function chartItems({ svg, element }, top, colour) {
  const title = element.querySelector(".mlm-chart-title").textContent;
  const shapes = [...svg.children].map((node) => ITEMS[node.tagName](node, getComputedStyle(node)));
  const moved = { x: MARGIN, y: top + CHART_HEADING };
  return [
    { kind: "text", x: MARGIN, y: top + 16, size: 15, bold: true, text: title, colour },
    ...keyItems(element, top + 38, colour),
    ...shapes.map((item) => MOVED[item.kind](item, moved)),
  ];
}

// The keys of a chart in one line.
function keyItems(element, y, colour) {
  let x = MARGIN;
  return [...element.querySelectorAll(".mlm-key li")].flatMap((key) => {
    const style = getComputedStyle(key.firstChild);
    const start = x;
    x += 30 + textWidth(key.textContent, "13px " + FONT) + 20;
    const round = key.firstChild.classList.contains("mlm-round");
    const sign = round
      ? { kind: "dot", x: start + 11, y: y - 4, radius: 5, colour: rgb(style.backgroundColor) }
      : {
          kind: "path",
          points: [
            [start, y - 4],
            [start + 22, y - 4],
          ],
          size: Number.parseFloat(style.borderTopWidth),
          alpha: Number(style.opacity),
          colour: rgb(style.borderTopColor),
        };
    return [sign, { kind: "text", x: start + 30, y, size: 13, text: key.textContent, colour }];
  });
}

// -- the shapes of a chart on the page as items of a scene

const ITEMS = {
  line: (node, style) => {
    const at = (name) => Number(node.getAttribute(name));
    const points = [
      [at("x1"), at("y1")],
      [at("x2"), at("y2")],
    ];
    return { kind: "path", points, ...strokeOf(style) };
  },
  path: (node, style) => {
    const pairs = node.getAttribute("d").slice(1).split("L");
    return { kind: "path", points: pairs.map((pair) => pair.split(" ").map(Number)), ...strokeOf(style) };
  },
  circle: (node, style) => ({
    kind: "dot",
    x: Number(node.getAttribute("cx")),
    y: Number(node.getAttribute("cy")),
    radius: Number(node.getAttribute("r")),
    colour: rgb(style.fill),
  }),
  text: (node, style) => ({
    kind: "text",
    x: Number(node.getAttribute("x")),
    y: Number(node.getAttribute("y")),
    text: node.textContent,
    size: Number.parseFloat(style.fontSize),
    bold: Number(style.fontWeight) >= 600,
    anchor: node.getAttribute("text-anchor"),
    rotate: node.hasAttribute("transform") ? -90 : 0,
    colour: rgb(style.fill),
  }),
};

function strokeOf(style) {
  return {
    size: Number.parseFloat(style.strokeWidth),
    dash: (style.strokeDasharray.match(/[\d.]+/g) || []).map(Number),
    alpha: Number(style.opacity),
    colour: rgb(style.stroke),
  };
}

const MOVED = {
  path: (item, by) => ({ ...item, points: item.points.map(([x, y]) => [x + by.x, y + by.y]) }),
  dot: (item, by) => ({ ...item, x: item.x + by.x, y: item.y + by.y }),
  text: (item, by) => ({ ...item, x: item.x + by.x, y: item.y + by.y }),
};
