// Places in a picture of weights: {row, column}, with null for the one that is not meant. Nothing here draws.

export const NOWHERE = { row: null, column: null };

// The place an arrow key leads to, or null for another key.
export function step({ row, column }, key, rows, columns) {
  const moves = {
    ArrowUp: [-1, 0],
    PageUp: [-1, 0],
    ArrowDown: [1, 0],
    PageDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    Home: [0, -columns],
    End: [0, columns],
  };
  if (!(key in moves)) return null;
  const within = (value, count) => Math.min(count - 1, Math.max(0, value));
  return { row: within(row + moves[key][0], rows), column: within(column + moves[key][1], columns) };
}

// Whether the same words stand in the same places.
export function sameItems(before, now) {
  const names = ["text", "title", "side", "faint", "masked", "beyond"];
  const same = (a, b) => names.every((name) => a[name] === b[name]);
  return before.length === now.length && before.every((item, index) => same(item, now[index]));
}

// Whether a click or a key adds to what is chosen.
export function adds({ ctrlKey, metaKey, shiftKey }) {
  return ctrlKey || metaKey || shiftKey;
}
