// Colours: the page's own as numbers, a scale of them for weights, and how they are written in CSS.

import { make } from "./dom.js";

const COLOURS = {
  surface: "--mlm-surface",
  text: "--mlm-text",
  line: "--mlm-line",
  scale: "--mlm-ink",
  less: "--mlm-less",
  more: "--mlm-more",
};

// The page's colours as they are now, light or dark: {surface: [r, g, b], …}. node stands inside the component.
export function palette(node) {
  const style = getComputedStyle(node);
  const read = (variable) => rgb(style.getPropertyValue(variable));
  return Object.fromEntries(Object.entries(COLOURS).map(([name, variable]) => [name, read(variable)]));
}

// A colour of CSS, however it is written, as [r, g, b].
export function rgb(colour) {
  const canvas = make("canvas", "");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

// Call redraw when the page turns light or dark. Returns a function that ends this.
export function onTheme(redraw) {
  const observer = new MutationObserver(redraw);
  observer.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  return () => {
    observer.disconnect();
    dark.removeEventListener("change", redraw);
  };
}

// paint(value) -> [r, g, b] as a table of 256 pixels over the square root of the value, which takes a map of a
// thousand heads in a few milliseconds. signed: from -max to max, else from 0.
export function ramp(paint, max, signed) {
  const pixels = new Uint32Array(256);
  const value = (share) => max * Math.sign(share) * share * share;
  for (let step = 0; step < 256; step++) {
    const [r, g, b] = paint(value(signed ? (step - 128) / 127 : step / 255)).map(Math.round);
    pixels[step] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  const unsignedStep = (weight) => 255 * Math.sqrt(Math.min(1, weight / max));
  const signedStep = (weight) => 128 + 127 * Math.sign(weight) * Math.sqrt(Math.min(1, Math.abs(weight) / max));
  return { pixels, step: signed ? signedStep : unsignedStep, value, paint, max, signed };
}

export function css([r, g, b], alpha = 1) {
  return "rgb(" + Math.round(r) + " " + Math.round(g) + " " + Math.round(b) + " / " + alpha.toFixed(3) + ")";
}
