// The three maps of the microscope: the teacher's, the student's, and what differs. A part as in explorer.js.

import { scaleBar } from "../shared/canvas.js";
import { ramp } from "../shared/colours.js";
import { make } from "../shared/dom.js";
import { matrix } from "../shared/matrix.js";
import { NOWHERE } from "../shared/places.js";
import * as W from "../shared/weights.js";
import * as V from "./view.js";

export function mapsPart(page) {
  const names = { teacher: "Teacher", student: "Student", difference: "Student − teacher" };
  const all = Object.entries(names).map(([side, name]) => {
    const map = matrix({
      name: name + ", the chosen head",
      from: "from",
      to: "to",
      hover: (hovered) => page.set({ hovered }),
      pick: (place) => pick(page, place),
    });
    const scale = scaleBar();
    const title = make("figcaption", "", name);
    const element = make("figure", "mlm-map mlm-of-" + side, title, map.element, scale.element);
    return { side, map, scale, element };
  });
  const hint = make(
    "p",
    "mlm-note",
    "Point at a cell to compare it in all three maps; choose one to see how it is computed.",
  );
  const element = make("div", "", make("div", "mlm-maps", ...all.map((map) => map.element)), hint);
  function draw(level) {
    const { view } = page;
    element.classList.toggle("mlm-at-rest", page.state.hovered.row === null && page.state.hovered.column === null);
    for (const { side, map, scale } of all) {
      if (level === "hover" || level === "chosen") {
        map.point(view.pointed);
        continue;
      }
      const picture = pictureOf(page, side);
      map.draw(picture, view.pointed);
      scale.draw(picture.colours, ...scaleWords(side));
    }
  }
  return { element, level: "hover", draw, focus: () => all[0].map.focus() };
}

function scaleWords(side) {
  const full = V.FULL.toFixed(1);
  return side === "difference" ? ["less: −" + full, "+" + full + ": more"] : ["weight 0", full + " and more"];
}

// One of the three as matrix.js takes it.
export function pictureOf(page, side) {
  const { view, value } = page;
  const { less, surface, more, scale } = page.palette;
  const signed = side === "difference";
  const colours = ramp(
    (weight) => W.colour(weight, V.FULL, signed ? [less, surface, more] : [surface, scale]),
    V.FULL,
    signed,
  );
  const item = (group) => ({
    text: view.labels[group].text,
    title: "",
    side: view.labels[group].segment,
    faint: view.labels[group].special,
    masked: false,
  });
  return {
    from: view.rows.map(item),
    to: view.columns.map(item),
    values: view[side].values,
    max: V.FULL,
    signed,
    paint: colours.paint,
    colours,
    sides: value.texts.length > 1 ? { 0: "A", 1: "B" } : null,
  };
}

// A cell, or a name, which stands for its row or its column.
function pick(page, place) {
  if (page.view.cells) return;
  page.openFormula();
  page.set({ chosen: V.cellTokens(page, place), hovered: NOWHERE });
}
