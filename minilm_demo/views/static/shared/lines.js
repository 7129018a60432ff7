// Lines between two lists of words: from those that look to those that are looked at, with the numbers beside the
// words. Each list is one stop of the Tab key; the arrow keys go from word to word and from list to list.

import { onWidth, sharp } from "./canvas.js";
import { css } from "./colours.js";
import { make, say } from "./dom.js";
import { linkInk, linkShape } from "./link.js";
import { weightText } from "./numbers.js";
import { adds, NOWHERE, sameItems } from "./places.js";

const SIDE_HEIGHT = 26; // pixels of the line that names a text
const LINKS = 600; // lines drawn at most, the strongest
const LONGEST = 64; // words; longer lists scroll, each for itself, and lines lead to the words in sight
const SCROLLED = 560; // pixels of a list that scrolls
const ROW_HEIGHTS = [
  [12, 34],
  [18, 30],
  [26, 27],
  [40, 24],
  [Infinity, 21],
]; // up to so many words: pixels of a word

// options: {name, from, to: the titles of the lists, resting: said of the bars while nothing is pointed at,
// hover(place), pick(place, several)}. Returns {element, draw(picture, pointed), point(pointed), focus(place),
// reveal(place): scroll to a place}.
//   picture: {from, to [{text, title, side, faint, masked, beyond}], values [from, to], max, full (the weight of a full
//     bar; null: the largest of those shown), signed, sides {side: its name} or null, paint(value) -> [r, g, b]}
//   pointed: {rows, columns: the places meant, kept {rows, columns}: what a person chose, to, from: the numbers beside
//     the words of either list, or null, resting: nothing is pointed at, and the numbers are only hinted at}
export function create(options) {
  const [all, meant] = [make("canvas", ""), make("canvas", "")]; // below all lines, above those that are pointed at
  const middle = make("div", "mlm-lines-middle", all, meant);
  middle.setAttribute("aria-hidden", "true");
  const [from, to] = [wordList(options, "row", options.from), wordList(options, "column", options.to)];
  const toTitle = make("p", "mlm-axis mlm-to", options.to);
  const fromTitle = make("p", "mlm-axis mlm-from", options.from);
  const element = make("div", "mlm-lines", fromTitle, toTitle, from.element, middle, to.element);
  const state = {
    options,
    element,
    middle,
    all,
    meant,
    from,
    to,
    toTitle,
    width: 0,
    picture: null,
    pointed: null,
    every: [],
    links: [],
    scrolls: false,
  };
  for (const [list, other] of [
    [from, to],
    [to, from],
  ]) {
    listen(list, other, options);
  }
  for (const list of [from, to]) list.element.addEventListener("scroll", () => paintLines(state));
  onWidth(middle, state, () => paintLines(state));
  return {
    element,
    draw(picture, pointed) {
      state.pointed = pointed;
      drawLines(state, picture);
    },
    point(pointed) {
      state.pointed = pointed;
      paintPointed(state);
      tellNumbers(state);
    },
    focus(place) {
      focusWord(state.from, place && place.row !== null ? place.row : 0);
    },
    reveal({ row, column }) {
      if (row !== null) revealWord(from, row);
      if (column !== null) revealWord(to, column);
    },
  };
}

function revealWord({ element, ys }, index) {
  element.scrollTop = ys[index] - element.clientHeight / 2;
}

function wordList({ name }, axis, title) {
  const element = make("div", "mlm-word-list mlm-" + (axis === "row" ? "from" : "to"));
  element.setAttribute("role", "listbox");
  element.setAttribute("aria-multiselectable", "true");
  element.setAttribute("aria-label", title + ", " + name);
  return { element, axis, words: [], ys: [], items: null };
}

function placeAt(list, index) {
  return { ...NOWHERE, [list.axis]: index };
}

function listen(list, other, options) {
  const at = (event) => list.words.indexOf(event.target.closest("[role=option]"));
  const pointAt = (event) => {
    if (at(event) >= 0) options.hover(placeAt(list, at(event)));
  };
  list.element.addEventListener("pointerover", pointAt);
  list.element.addEventListener("focusin", pointAt);
  list.element.addEventListener("pointerleave", () => options.hover(NOWHERE));
  list.element.addEventListener("focusout", () => options.hover(NOWHERE));
  list.element.addEventListener("click", (event) => {
    if (at(event) >= 0) options.pick(placeAt(list, at(event)), adds(event));
  });
  list.element.addEventListener("keydown", (event) => {
    const index = at(event);
    if (index < 0 || event.altKey) return;
    const steps = { ArrowUp: -1, ArrowDown: 1, Home: -list.words.length, End: list.words.length };
    const across = ["ArrowLeft", "ArrowRight"].includes(event.key);
    if (event.key in steps) focusWord(list, index + steps[event.key]);
    else if (across) focusWord(other, nearest(other.ys, yOf(list, index) + other.element.scrollTop));
    else if (event.key === "Enter" || event.key === " ") options.pick(placeAt(list, index), adds(event));
    else return;
    event.preventDefault();
  });
}

function focusWord(list, index) {
  const next = list.words[Math.min(list.words.length - 1, Math.max(0, index))];
  if (!next) return;
  for (const word of list.words) word.tabIndex = word === next ? 0 : -1;
  next.focus();
}

// Where a word stands in the picture, which a list that scrolls moves.
function yOf({ ys, element }, index) {
  return ys[index] - element.scrollTop;
}

function nearest(ys, y) {
  return ys.reduce((best, one, index) => (Math.abs(one - y) < Math.abs(ys[best] - y) ? index : best), 0);
}

function drawLines(state, picture) {
  const height = ROW_HEIGHTS.find(([count]) => Math.max(picture.from.length, picture.to.length) <= count)[1];
  state.element.style.setProperty("--row", height + "px");
  state.element.classList.toggle("mlm-tight", height < 27);
  state.scrolls = Math.max(picture.from.length, picture.to.length) > LONGEST;
  state.element.classList.toggle("mlm-long", state.scrolls);
  state.element.style.setProperty("--tallest", SCROLLED + "px");
  state.picture = picture;
  fillList(state.from, picture.from, picture.sides, height);
  fillList(state.to, picture.to, picture.sides, height);
  state.every = linksOf(picture);
  state.links = state.every.slice(-LINKS);
  paintLines(state);
  tellNumbers(state);
}

// The same words again keep their elements, and with them the focus.
function fillList(list, items, sides, height) {
  if (list.items && list.height === height && list.sides === sides && sameItems(list.items, items)) return;
  Object.assign(list, { items, sides, height, words: [], ys: [] });
  const children = [];
  let y = 0;
  items.forEach((item, index) => {
    if (sides && (!index || items[index - 1].side !== item.side)) {
      children.push(sideName(sides[item.side]));
      y += SIDE_HEIGHT;
    }
    list.words.push(wordOption(item));
    list.ys.push(y + height / 2);
    y += height;
    children.push(list.words[index]);
  });
  list.bottom = y;
  if (list.words.length) list.words[0].tabIndex = 0;
  list.element.replaceChildren(...children);
}

function sideName(text) {
  const line = make("div", "mlm-side-line", text);
  line.setAttribute("role", "presentation");
  return line;
}

function wordOption({ text, title, faint, masked, beyond }) {
  const words = make("span", "mlm-token-text", text);
  words.dir = "auto";
  const bar = make("span", "mlm-token-bar", make("i", ""), make("span", "mlm-token-number"));
  const option = make("div", "mlm-token", words, bar);
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.tabIndex = -1;
  option.title = title;
  option.classList.toggle("mlm-faint", faint);
  option.classList.toggle("mlm-masked", masked);
  option.classList.toggle("mlm-beyond", Boolean(beyond));
  return option;
}

// The lines that can be seen, weakest first, so that the strong ones lie on top.
function linksOf({ from, to, values, max, paint }) {
  const [more, less] = [paint(max), paint(-max)];
  const links = [];
  for (let row = 0; row < from.length; row++) {
    for (let column = 0; column < to.length; column++) {
      const value = values[row * to.length + column];
      if (Math.abs(value) > 0.02 * max) links.push({ row, column, value, colour: value < 0 ? less : more });
    }
  }
  return links.sort((a, b) => Math.abs(a.value) - Math.abs(b.value));
}

// Whether a line has an end among the words that a list shows; lists that do not scroll show all.
function inSight({ from, to, height }, { row, column }) {
  const shown = (y) => y >= 0 && y <= height;
  return shown(yOf(from, row)) || shown(yOf(to, column));
}

function paintLines(state) {
  const { middle, links, picture } = state;
  state.width = state.width || middle.clientWidth;
  if (!picture || !state.width) return; // not on screen yet; the observer draws later
  const bottom = Math.max(state.from.bottom, state.to.bottom, 1);
  state.height = state.scrolls ? Math.min(SCROLLED, bottom) : bottom;
  const pen = sharp(state.all, state.width, state.height);
  for (const link of links) if (inSight(state, link)) drawLink(pen, state, link, picture.max);
  paintPointed(state);
}

function paintPointed(state) {
  const { middle, meant, width, height, every, picture, pointed } = state;
  if (!picture || !width) return;
  const pen = sharp(meant, width, height);
  const [rows, columns] = [new Set(pointed.rows), new Set(pointed.columns)];
  const bright = every.filter(({ row, column }) => rows.has(row) || columns.has(column)).slice(-LINKS);
  const full = fullLength(
    bright.map(({ value }) => value),
    picture,
  );
  for (const link of bright) drawLink(pen, state, link, full);
  middle.classList.toggle("mlm-some", rows.size + columns.size > 0);
}

// What a bar or a line at its strongest stands for when few are pointed at: the largest of them, within reason.
function fullLength(values, { max, full }) {
  if (full) return max;
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return Math.min(max, Math.max(max / 2, largest));
}

function drawLink(pen, { from, to, width }, { row, column, value, colour }, full) {
  const { start, end, bend } = linkShape(yOf(from, row), yOf(to, column), width);
  const share = Math.min(1, Math.abs(value) / full);
  const { alpha, thickness } = linkInk(share);
  pen.strokeStyle = css(colour, alpha);
  pen.lineWidth = thickness;
  pen.beginPath();
  pen.moveTo(start[0], start[1]);
  pen.bezierCurveTo(bend[0], start[1], bend[1], end[1], end[0], end[1]);
  pen.stroke();
}

function tellNumbers({ from, to, toTitle, options, picture, pointed }) {
  if (!picture) return;
  say(toTitle, options.to + (pointed.resting ? options.resting : ""));
  tellList(from, pointed.rows, pointed.columns, pointed.from, picture, false);
  tellList(to, pointed.columns, pointed.rows, pointed.to, picture, pointed.resting);
  tellKept(from, pointed.kept.rows);
  tellKept(to, pointed.kept.columns);
}

function tellList(list, meant, others, numbers, picture, resting) {
  const { max, signed, paint } = picture;
  const chosen = new Set(meant);
  const full = picture.full || (numbers ? fullLength(numbers, picture) : max);
  list.element.classList.toggle("mlm-resting", Boolean(resting));
  list.words.forEach((word, index) => {
    const [bar, number] = word.lastChild.children;
    const value = numbers ? numbers[index] : 0;
    const share = Math.min(1, Math.abs(value) / full);
    const visible = numbers !== null && Math.abs(value) >= 0.005;
    word.classList.toggle("mlm-meant", chosen.has(index));
    word.classList.toggle("mlm-away", (chosen.size > 0 && !chosen.has(index)) || (others.length > 0 && !visible));
    say(number, visible && !resting ? weightText(value, signed) : "");
    bar.style.setProperty("--share", visible ? share.toFixed(3) : "0");
    if (visible) bar.style.background = css(paint(value < 0 ? -max : max));
  });
}

function tellKept({ words }, kept) {
  for (const [index, word] of words.entries()) word.setAttribute("aria-selected", String(kept.includes(index)));
}
