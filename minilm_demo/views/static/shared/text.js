// How much room a text takes, and a shorter one.

import { once } from "./weights.js";

const ruler = once(() => document.createElement("canvas").getContext("2d"));

// The width of a text in CSS pixels; font as in CSS, "bold 15px system-ui".
export function textWidth(text, font) {
  ruler().font = font;
  return ruler().measureText(text).width;
}

// A text of at most so many letters; the last one then stands for the rest.
export function shortened(text, most) {
  const letters = [...text];
  return letters.length > most ? letters.slice(0, most - 1).join("") + "…" : text;
}
