// What the attention explorer computes: the mirror of minilm_demo/attention_weights.py on arrays of the page. Nothing here
// draws, keeps or looks up anything. A matrix is a flat Float32Array [n, n], row = query ("from"), column = key ("to"),
// n tokens or n groups of tokens (words); shape is {layers, heads, size}; every index counts from 0.

// -- from the payload

const SQUARES = Float32Array.from({ length: 256 }, (_, byte) => (byte / 255) ** 2);

// base64 of any number of bytes -> Float32Array of weights 0..1, (byte / 255)². See quantised() in attention_weights.py.
export function decode(base64) {
  const bytes = bytesOf(base64);
  const weights = new Float32Array(bytes.length);
  for (let place = 0; place < bytes.length; place++) weights[place] = SQUARES[bytes[place]];
  return weights;
}

// base64 of little-endian float32 -> Float32Array, whatever the order of bytes of this machine.
export function decodeFloats(base64) {
  const view = new DataView(bytesOf(base64).buffer);
  const values = new Float32Array(view.byteLength / 4);
  for (let place = 0; place < values.length; place++) values[place] = view.getFloat32(4 * place, true);
  return values;
}

function bytesOf(base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < bytes.length; place++) bytes[place] = letters.charCodeAt(place);
  return bytes;
}

// tokens {texts, segments, special, words} [T], words [{text, segment}] -> {of: [T group of the token], labels:
// [{text, segment, special, tokens: [..]}]}: one group per word, or per token; a special token is a group of its own.
export function groups(tokens, byWord, words) {
  const labels = [];
  let before = null;
  const of = tokens.texts.map((text, token) => {
    const word = byWord ? tokens.words[token] : null;
    if (word === null || word !== before) {
      labels.push({
        text: word === null ? text : words[word].text,
        segment: tokens.segments[token],
        special: tokens.special[token],
        tokens: [],
      });
    }
    labels.at(-1).tokens.push(token);
    before = word;
    return labels.length - 1;
  });
  return { of, labels };
}

// -- choosing and combining heads

// all [L, H, T, T] -> the matrix of one head [T, T], a view and no copy.
export function head(all, shape, layer, number) {
  const cells = shape.size * shape.size;
  const start = (layer * shape.heads + number) * cells;
  return all.subarray(start, start + cells);
}

// all [L, H, T, T] -> [T, T], the mean over what is "mean" in which = {layer: int | "mean", head: int | "mean"}.
export function average(all, shape, which) {
  const layers = which.layer === "mean" ? range(shape.layers) : [which.layer];
  const heads = which.head === "mean" ? range(shape.heads) : [which.head];
  const mean = new Float64Array(shape.size * shape.size);
  for (const layer of layers) {
    for (const number of heads) {
      const weights = head(all, shape, layer, number);
      for (let cell = 0; cell < mean.length; cell++) mean[cell] += weights[cell];
    }
  }
  for (let cell = 0; cell < mean.length; cell++) mean[cell] /= layers.length * heads.length;
  return new Float32Array(mean);
}

// all [L, H, T, T] -> attention rollout [T, T]: the product, first to last layer, of 0.5 x the mean over the heads +
// 0.5 x the identity (Abnar & Zuidema 2020, equation 1).
export function rollout(all, shape) {
  let product = null;
  for (const layer of range(shape.layers)) {
    const mixed = average(all, shape, { layer, head: "mean" });
    for (let cell = 0; cell < mixed.length; cell++) mixed[cell] /= 2;
    for (let token = 0; token < shape.size; token++) mixed[token * shape.size + token] += 0.5;
    product = product ? multiply(mixed, product, shape.size) : mixed;
  }
  return product;
}

// two matrices [n, n] -> their product [n, n].
function multiply(left, right, size) {
  const product = new Float32Array(size * size);
  const row = new Float64Array(size);
  for (let from = 0; from < size; from++) {
    row.fill(0);
    for (let middle = 0; middle < size; middle++) {
      const factor = left[from * size + middle];
      const start = middle * size;
      for (let to = 0; to < size; to++) row[to] += factor * right[start + to];
    }
    product.set(row, from * size);
  }
  return product;
}

// -- one matrix

// matrix [T, T] -> [W, W] for the W groups of groups(): the sum over key pieces, the mean over query pieces, so that
// a row keeps its sum.
export function merge(matrix, size, { of, labels }) {
  const count = labels.length;
  const merged = new Float64Array(count * count);
  for (let from = 0; from < size; from++) {
    const start = of[from] * count;
    const pieces = labels[of[from]].tokens.length;
    for (let to = 0; to < size; to++) merged[start + of[to]] += matrix[from * size + to] / pieces;
  }
  return new Float32Array(merged);
}

// labels [W] of groups() -> the groups that are shown, ascending.
export function visible(labels, hideSpecial) {
  return range(labels.length).filter((group) => !(hideSpecial && labels[group].special));
}

// matrix [W, W] -> the mean over the shown rows of their mass on columns that are not shown; 0 without rows.
export function hiddenShare(matrix, labels, shown) {
  const count = labels.length;
  const hidden = range(count).filter((group) => !shown.includes(group));
  let mass = 0;
  for (const row of shown) for (const column of hidden) mass += matrix[row * count + column];
  return shown.length ? mass / shown.length : 0;
}

// matrix [W, W] -> [W, W]: in each of rows the fewest largest weights of columns that cover share (0..1) of their
// sum; 0 elsewhere. Of a signed matrix the sizes count.
export function keepTop(matrix, rows, columns, share) {
  const top = new Float32Array(matrix.length);
  const size = side(matrix);
  for (const row of rows) {
    const start = row * size;
    let { least, ties } = cut(
      columns.map((column) => Math.abs(matrix[start + column])),
      share,
    );
    for (const column of columns) {
      const weight = Math.abs(matrix[start + column]);
      if (weight > least || (weight === least && ties-- > 0)) top[start + column] = matrix[start + column];
    }
  }
  return top;
}

// sizes [n] -> {least, ties}: the smallest size still needed for share of the sum, and how many of that size are.
function cut(sizes, share) {
  const sorted = Float64Array.from(sizes).sort().reverse();
  const target = share * sorted.reduce((sum, size) => sum + size, 0);
  let covered = 0;
  let needed = 0;
  while (needed < sorted.length && (covered < target || share >= 1)) covered += sorted[needed++];
  if (!needed) return { least: Infinity, ties: 0 };
  const least = sorted[needed - 1];
  return { least, ties: needed - sorted.indexOf(least) };
}

// matrix [W, W] -> [W], the mean of the chosen rows: where several tokens look together.
export function sumRows(matrix, rows) {
  const size = side(matrix);
  return Float32Array.from({ length: size }, (_, column) => mean(rows.map((row) => matrix[row * size + column])));
}

// two arrays of the same length -> a - b.
export function subtract(a, b) {
  return a.map((value, place) => value - b[place]);
}

// matrix [W, W] -> the number largest weights (by size, if signed) in rows x columns, descending, as
// [{from, to, weight}]; fewer if there are fewer that are not 0.
export function strongest(matrix, rows, columns, number) {
  const size = side(matrix);
  const cells = rows.flatMap((row) => columns.map((column) => row * size + column));
  const sizes = Float64Array.from(cells, (cell) => Math.abs(matrix[cell])).sort();
  const least = sizes[Math.max(0, sizes.length - number)];
  return cells
    .filter((cell) => matrix[cell] && Math.abs(matrix[cell]) >= least)
    .sort((a, b) => Math.abs(matrix[b]) - Math.abs(matrix[a]) || a - b)
    .slice(0, number)
    .map((cell) => ({ from: Math.floor(cell / size), to: cell % size, weight: matrix[cell] }));
}

// scores [n], q·k/√d, null where the key is masked -> {largest, exponentials [n], sum, weights [n]}. As every softmax
// in practice, it subtracts the largest score first: the same weights, and no overflow.
export function softmaxRow(scores) {
  const largest = Math.max(...scores.filter((score) => score !== null));
  const exponentials = Array.from(scores, (score) => (score === null ? 0 : Math.exp(score - largest)));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return { largest, exponentials, sum, weights: exponentials.map((value) => value / sum) };
}

// -- colours

// scheme: [surface, full] for 0..max, or [less, surface, more] for -max..max; each colour and the one returned [r, g, b]
// in 0..255, whole numbers. The scale goes by the square root, because attention is peaky: a quarter of the maximum
// has half of the colour.
export function colour(value, max, scheme) {
  const [less, surface, more] = scheme.length === 3 ? scheme : [scheme[0], ...scheme];
  const full = value < 0 ? less : more;
  const share = max > 0 ? Math.sqrt(Math.min(1, Math.abs(value) / max)) : 0;
  return surface.map((start, channel) => Math.round(start + share * (full[channel] - start)));
}

// -- small things

// The value of make(), computed at the first call and cached.
export function once(make) {
  let value;
  return () => {
    if (value === undefined) value = make();
    return value;
  };
}

function range(count) {
  return Array.from({ length: count }, (_, index) => index);
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

// a square matrix -> the number of its rows.
function side(matrix) {
  return Math.round(Math.sqrt(matrix.length));
}
