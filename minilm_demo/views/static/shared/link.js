// A line between two words: its course and its ink, on the page and in a file.

// share 0..1 of the strongest line -> how it is drawn.
export function linkInk(share) {
  return { alpha: 0.03 + 0.92 * share ** 0.7, thickness: 0.8 + 7 * share };
}

export function linkShape(y1, y2, width) {
  return { start: [0, y1], end: [width, y2], bend: [0.42 * width, 0.58 * width] };
}
