// Canvases that weights are drawn on: sharp on every screen, one pixel a weight, the bar that explains the colours.

import { make, say } from "./dom.js";

// The scale in numbers: what the palest and the strongest colour stand for.
export function scaleBar() {
  const canvas = make("canvas", "mlm-scale-bar");
  const low = make("span", "");
  const high = make("span", "");
  const element = make("p", "mlm-scale-line", low, canvas, high);
  canvas.setAttribute("aria-hidden", "true");
  canvas.width = 256;
  canvas.height = 1;
  function draw(colours, lowWords, highWords) {
    const image = new ImageData(256, 1);
    new Uint32Array(image.data.buffer).set(colours.pixels);
    canvas.getContext("2d").putImageData(image, 0, 0);
    say(low, lowWords);
    say(high, highWords);
  }
  return { element, draw };
}

// Keep the width of an element in state, so that drawing need not ask for it, which would make the browser lay out
// the page at once; call redraw when it is another one.
export function onWidth(element, state, redraw) {
  new ResizeObserver(([{ contentRect }]) => {
    const changed = contentRect.width !== state.width;
    state.width = contentRect.width;
    if (changed && state.width) redraw();
  }).observe(element);
}

// A canvas of so many CSS pixels, sharp on every screen; its pen draws in CSS pixels.
export function sharp(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  const pen = canvas.getContext("2d");
  resize(canvas, pen, Math.round(width * density), Math.round(height * density));
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  pen.setTransform(density, 0, 0, density, 0, 0);
  return pen;
}

// Clearing a canvas is much faster than creating one.
function resize(canvas, pen, width, height) {
  pen.setTransform(1, 0, 0, 1, 0, 0);
  if (canvas.width === width && canvas.height === height) pen.clearRect(0, 0, width, height);
  else Object.assign(canvas, { width, height });
}

// Weights as pixels, one each, on a canvas that is not shown, to be drawn from at any size. at(row, column): the
// weights [height, width] of one of several maps that lie side by side without a gap.
export function mosaic(rows, columns, height, width, at, colours, canvas = make("canvas", "")) {
  const pen = canvas.getContext("2d");
  resize(canvas, pen, Math.max(1, columns * width), Math.max(1, rows * height));
  const image = new ImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const { step } = colours;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const weights = at(row, column);
      for (let y = 0, from = 0; y < height; y++) {
        let to = (row * height + y) * canvas.width + column * width;
        for (let x = 0; x < width; x++) pixels[to++] = colours.pixels[step(weights[from++]) & 255];
      }
    }
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}
