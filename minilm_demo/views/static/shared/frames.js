// A model during training: a slider over the recorded steps, a player, and curves above the slider. A part as in
// explorer.js; page.value.frames.steps are the steps, page.state.frame is the index of the current one.

import { button } from "./controls.js";
import { make, say, shape, show } from "./dom.js";

const FRAME_TIME = 450; // ms
const EDGE = 8; // half of the slider's knob; as much is free above and below the curves

// read(page) -> {frame, said, curves [{title, dash, values [one a step]}], most, lines, summary}: the step on screen, its
// sentence, the curves, the largest value of the chart, the values of its grid lines, and the chart in words.
// move(frame) -> what a move of the slider changes.
export function part(page, { title, label, level, height, read, move = (frame) => ({ frame }) }) {
  const slider = Object.assign(make("input", ""), { type: "range", min: 0, step: 1 });
  slider.setAttribute("aria-label", label);
  slider.addEventListener("input", () => {
    player.stop();
    page.set(move(Number(slider.value)));
  });
  const [words, key] = [make("p", "mlm-frame-words"), make("p", "mlm-frame-key")];
  const chart = shape("svg", { class: "mlm-frame-chart", height, role: "img" });
  const player = framePlayer(page, move);
  const element = make(
    "section",
    "mlm-frames",
    make("div", "mlm-frame-head", make("h4", "", title), words, key),
    chart,
    make("div", "mlm-frame-line", player.element, slider),
  );
  let reading = null;
  new ResizeObserver(() => drawChart()).observe(slider);

  function drawChart() {
    if (reading && slider.clientWidth) drawCurves(chart, reading, reading.frame, slider.clientWidth, height);
  }
  function draw() {
    const all = page.value.frames;
    show(element, Boolean(all));
    reading = all ? read(page) : null;
    if (!all) return player.stop();
    const step = "Step " + all.steps[reading.frame] + " of " + all.steps.at(-1);
    slider.max = all.steps.length - 1;
    slider.value = reading.frame;
    say(words, step + (reading.said ? ": " + reading.said : ""));
    slider.setAttribute("aria-valuetext", words.textContent);
    key.replaceChildren(...reading.curves.map(keyOf));
    drawChart();
  }
  return { element, level, draw, stop: player.stop };
}

// Goes through the frames, from the first one if the last one is shown.
function framePlayer(page, move) {
  let timer = null;
  const element = button("Play", () => (timer ? stop() : start()));
  const atEnd = () => page.state.frame >= page.value.frames.steps.length - 1;
  function start() {
    if (atEnd()) page.set(move(0));
    say(element, "Pause");
    timer = setInterval(() => {
      if (!element.isConnected || !page.value.frames || atEnd()) stop();
      else page.set(move(page.state.frame + 1));
    }, FRAME_TIME);
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    say(element, "Play");
  }
  return { element, stop };
}

function keyOf({ title, dash }) {
  const line = shape("svg", { width: 30, height: 10, "aria-hidden": "true" });
  line.append(shape("path", { d: "M0 5H30", class: "mlm-frame-curve mlm-dash-" + dash }));
  return make("span", "", line, title);
}

function drawCurves(svg, { curves, most, lines, summary }, frame, width, height) {
  svg.style.display = curves.length ? "" : "none";
  if (!curves.length) return;
  const last = Math.max(1, curves[0].values.length - 1);
  const x = (place) => EDGE + (place / last) * (width - 2 * EDGE);
  const y = (value) => height - EDGE - (value / most) * (height - 2 * EDGE);
  const path = (values) =>
    "M" + values.map((value, place) => x(place).toFixed(1) + " " + y(value).toFixed(1)).join("L");
  svg.setAttribute("width", width);
  svg.setAttribute("aria-label", summary);
  svg.replaceChildren(
    shape("path", { class: "mlm-frame-base", d: lines.map((value) => "M0 " + y(value) + "H" + width).join("") }),
    ...curves.map(({ values, dash }) => shape("path", { d: path(values), class: "mlm-frame-curve mlm-dash-" + dash })),
    shape("path", { class: "mlm-frame-now", d: "M" + x(frame) + " 2V" + (height - 2) }),
    ...curves.map(({ values }) =>
      shape("circle", { class: "mlm-frame-dot", cx: x(frame), cy: y(values[frame]), r: 4 }),
    ),
  );
}
