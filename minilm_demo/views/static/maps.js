// Pictures of weights that know no model and no page: a grid of small maps, one large map, lines between words. A row is
// where a weight comes from, a column where it goes. Numbers come in through `draw` and `point`; what people point at
// goes out through callbacks as a place {row, column}, with null for the one that is not meant.

MiniLM.maps = (() => {
  const { make, shape, say, show } = MiniLM.dom;
  const NOWHERE = { row: null, column: null };
  const COLOURS = {
    surface: "--mlm-surface", text: "--mlm-text", line: "--mlm-line",
    scale: "--mlm-ink", less: "--mlm-less", more: "--mlm-more",
  };

  // -- colours

  // The page's colours as they are now, light or dark: {surface: [r, g, b], …}. `node` stands inside the component.
  function palette(node) {
    const canvas = make("canvas", "");
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const style = getComputedStyle(node);
    const read = (variable) => {
      pen.fillStyle = style.getPropertyValue(variable);
      pen.fillRect(0, 0, 1, 1);
      return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    return Object.fromEntries(Object.entries(COLOURS).map(([name, variable]) => [name, read(variable)]));
  }

  // Call `redraw` when the page turns light or dark. Returns a function that ends this.
  function onTheme(redraw) {
    const observer = new MutationObserver(redraw);
    observer.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", redraw);
    return () => { observer.disconnect(); dark.removeEventListener("change", redraw); };
  }

  // paint(value) -> [r, g, b] as a table of 256 pixels over the square root of the value, which takes a map of a
  // thousand heads in a few milliseconds. `signed`: from -max to max, else from 0.
  function ramp(paint, max, signed) {
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

  function css([r, g, b], alpha = 1) {
    return "rgb(" + Math.round(r) + " " + Math.round(g) + " " + Math.round(b) + " / " + alpha.toFixed(3) + ")";
  }

  // The scale in numbers: what the palest and the strongest colour stand for.
  function scaleBar() {
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

  // Keep the width of an element in `state`, so that drawing need not ask for it, which would make the browser lay out
  // the page at once; call `redraw` when it is another one.
  function onWidth(element, state, redraw) {
    new ResizeObserver(([{ contentRect }]) => {
      const changed = contentRect.width !== state.width;
      state.width = contentRect.width;
      if (changed && state.width) redraw();
    }).observe(element);
  }

  // A canvas of so many CSS pixels, sharp on every screen; its pen draws in CSS pixels.
  function sharp(canvas, width, height) {
    const density = window.devicePixelRatio || 1;
    const pen = canvas.getContext("2d");
    resize(canvas, pen, Math.round(width * density), Math.round(height * density));
    canvas.style.width = width + "px";
    canvas.style.height = height + "px";
    pen.setTransform(density, 0, 0, density, 0, 0);
    return pen;
  }

  // To empty a canvas is much faster than to make it anew.
  function resize(canvas, pen, width, height) {
    pen.setTransform(1, 0, 0, 1, 0, 0);
    if (canvas.width === width && canvas.height === height) pen.clearRect(0, 0, width, height);
    else Object.assign(canvas, { width, height });
  }

  // Weights as pixels, one each, on a canvas that is not shown, to be drawn from at any size. `at(row, column)`: the
  // weights [height, width] of one of several maps that lie side by side without a gap.
  function mosaic(rows, columns, height, width, at, colours, canvas = make("canvas", "")) {
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

  // -- a grid of small maps

  // options: {name, rowTitle, columnTitle, rows, columns [{text, label, apart}], pick(place), enter(place)}. `apart`
  // leaves a gap before it. Returns {element, draw(picture), mark(marks), choose(place), focus()}.
  function thumbnails(options) {
    const canvas = make("canvas", "mlm-thumbs-canvas");
    canvas.setAttribute("aria-hidden", "true");
    const cells = options.rows.map((row, y) => options.columns.map((column, x) => makeThumb(row, column, y, x)));
    const grid = make("div", "mlm-thumbs-grid", thumbHeadings(options), ...cells.map((line, y) => thumbRow(options.rows[y], line)));
    grid.setAttribute("role", "grid");
    grid.setAttribute("aria-label", options.name);
    grid.style.setProperty("--columns", options.columns.map(({ apart }) => (apart ? "var(--apart) " : "") + "minmax(0, var(--most))").join(" "));
    const element = make("div", "mlm-thumbs", make("p", "mlm-axis", options.columnTitle), canvas, grid);
    const state = { element, canvas, cells, source: make("canvas", ""), chosen: { row: 0, column: 0 }, picture: null };

    const placeOf = (event) => {
      const cell = event.target.closest("[role=gridcell]");
      return cell && { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
    };
    grid.addEventListener("click", (event) => { if (placeOf(event)) options.pick(placeOf(event)); });
    grid.addEventListener("keydown", (event) => {
      const place = placeOf(event);
      if (!place || event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === "Enter" || event.key === " ") options.enter(place);
      const next = step(place, event.key, options.rows.length, options.columns.length);
      if (next) {
        options.pick(next);
        cells[next.row][next.column].focus();
      }
      if (next || event.key === "Enter" || event.key === " ") event.preventDefault();
    });
    new ResizeObserver(() => paintThumbs(state)).observe(grid);

    return {
      element,
      draw(picture) { state.picture = picture; paintThumbs(state); },
      mark(marks) { cells.forEach((line, y) => line.forEach((cell, x) => markThumb(cell, marks(y, x)))); },
      choose(place) { choose(state, place); },
      focus() { cells[state.chosen.row][state.chosen.column].focus(); },
    };
  }

  function makeThumb(row, column, y, x) {
    const cell = make("div", "mlm-thumb", make("span", "mlm-thumb-frame"), make("span", "mlm-thumb-sign"));
    cell.setAttribute("role", "gridcell");
    cell.tabIndex = -1;
    cell.dataset.row = y;
    cell.dataset.column = x;
    if (row.apart) cell.classList.add("mlm-apart-row");
    if (column.apart) cell.style.gridColumnStart = String(x + 3); // the gap before it is a column of the layout too
    return cell;
  }

  function thumbHeadings({ columns, rowTitle }) {
    const corner = make("span", "mlm-thumb-corner", rowTitle);
    corner.setAttribute("role", "columnheader");
    const line = make("div", "mlm-thumbs-row", corner, ...columns.map(({ text, label, apart }, x) => {
      const heading = make("span", "mlm-thumb-column", text);
      heading.setAttribute("role", "columnheader");
      heading.setAttribute("aria-label", label);
      if (apart) heading.style.gridColumnStart = String(x + 3);
      return heading;
    }));
    line.setAttribute("role", "row");
    return line;
  }

  function thumbRow({ text, label, apart }, cells) {
    const heading = make("span", "mlm-thumb-row-name", text);
    heading.setAttribute("role", "rowheader");
    heading.setAttribute("aria-label", label);
    const line = make("div", "mlm-thumbs-row" + (apart ? " mlm-apart-row" : ""), heading, ...cells);
    line.setAttribute("role", "row");
    return line;
  }

  // mark: {kind, sign, label, dim}: the class of its frame, a letter or arrow below it, its name, whether it steps back.
  function markThumb(cell, { kind, sign, label, dim }) {
    cell.dataset.kind = kind;
    say(cell.lastChild, sign);
    cell.setAttribute("aria-label", label);
    cell.title = label;
    cell.classList.toggle("mlm-dim", dim);
  }

  function choose(state, place) {
    const set = ({ row, column }, chosen) => {
      const cell = state.cells[row][column];
      cell.classList.toggle("mlm-chosen", chosen);
      cell.setAttribute("aria-selected", String(chosen));
      cell.tabIndex = chosen ? 0 : -1;
    };
    set(state.chosen, false);
    state.chosen = place;
    set(place, true);
  }

  // picture: {height, width, at(row, column) -> weights [height, width], colours}.
  function paintThumbs({ element, canvas, cells, source, picture }) {
    if (!picture || !element.clientWidth) return; // not on screen yet; the observer calls again
    const { height, width, at, colours } = picture;
    const pen = sharp(canvas, element.clientWidth, element.clientHeight);
    mosaic(cells.length, cells[0].length, height, width, at, colours, source);
    const size = cells[0][0].firstChild.clientWidth;
    pen.imageSmoothingEnabled = Math.max(height, width) > size; // many weights in few pixels: their average, else squares
    pen.imageSmoothingQuality = "high";
    const corner = element.getBoundingClientRect();
    cells.forEach((line, y) => line.forEach((cell, x) => {
      const box = cell.firstChild.getBoundingClientRect();
      pen.drawImage(source, x * width, y * height, width, height, box.left - corner.left, box.top - corner.top, box.width, box.height);
    }));
  }

  // The place an arrow key leads to, or null for another key.
  function step({ row, column }, key, rows, columns) {
    const moves = {
      ArrowUp: [-1, 0], PageUp: [-1, 0], ArrowDown: [1, 0], PageDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
      Home: [0, -columns], End: [0, columns],
    };
    if (!(key in moves)) return null;
    const within = (value, count) => Math.min(count - 1, Math.max(0, value));
    return { row: within(row + moves[key][0], rows), column: within(column + moves[key][1], columns) };
  }

  // -- lines between two lists of words

  const SIDE_HEIGHT = 26; // pixels of the line that names a text
  const LINKS = 600; // lines drawn at most, the strongest
  const ROW_HEIGHTS = [[12, 34], [18, 30], [26, 27], [40, 24], [Infinity, 21]]; // up to so many words -> pixels a word

  // options: {name, from, to: the titles of the lists, resting: said of the bars while nothing is pointed at,
  // hover(place), pick(place, several)}.
  // Returns {element, draw(picture), point(pointed), focus()}.
  function lines(options) {
    const [all, meant] = [make("canvas", ""), make("canvas", "")]; // below all lines, above those that are pointed at
    const middle = make("div", "mlm-lines-middle", all, meant);
    middle.setAttribute("aria-hidden", "true");
    const state = { options, middle, all, meant, width: 0, picture: null, pointed: null, links: [] };
    state.from = wordList(options, "row", options.from);
    state.to = wordList(options, "column", options.to);
    for (const [list, other] of [[state.from, state.to], [state.to, state.from]]) listen(list, other, options);
    state.toTitle = make("p", "mlm-axis mlm-to", options.to);
    state.element = make("div", "mlm-lines", make("p", "mlm-axis mlm-from", options.from), state.toTitle, state.from.element, middle, state.to.element);
    onWidth(middle, state, () => paintLines(state));
    return {
      element: state.element,
      draw(picture, pointed) { state.pointed = pointed; drawLines(state, picture); },
      point(pointed) { state.pointed = pointed; paintPointed(state); tellNumbers(state); },
      focus(place) { focusWord(state.from, place && place.row !== null ? place.row : 0); },
    };
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
    const pointAt = (event) => { if (at(event) >= 0) options.hover(placeAt(list, at(event))); };
    list.element.addEventListener("pointerover", pointAt);
    list.element.addEventListener("focusin", pointAt);
    list.element.addEventListener("pointerleave", () => options.hover(NOWHERE));
    list.element.addEventListener("focusout", () => options.hover(NOWHERE));
    list.element.addEventListener("click", (event) => {
      if (at(event) >= 0) options.pick(placeAt(list, at(event)), event.ctrlKey || event.metaKey || event.shiftKey);
    });
    list.element.addEventListener("keydown", (event) => {
      const index = at(event);
      if (index < 0 || event.altKey) return;
      const steps = { ArrowUp: -1, ArrowDown: 1, Home: -list.words.length, End: list.words.length };
      if (event.key in steps) focusWord(list, index + steps[event.key]);
      else if (event.key === "ArrowLeft" || event.key === "ArrowRight") focusWord(other, nearest(other.ys, list.ys[index]));
      else if (event.key === "Enter" || event.key === " ") options.pick(placeAt(list, index), event.ctrlKey || event.metaKey || event.shiftKey);
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

  function nearest(ys, y) {
    return ys.reduce((best, one, index) => (Math.abs(one - y) < Math.abs(ys[best] - y) ? index : best), 0);
  }

  // picture: {from, to [{text, title, side, faint, masked}], values [from, to], max, signed, paint(value) -> [r, g, b],
  // sides: {side: its name} | null}.
  function drawLines(state, picture) {
    const height = ROW_HEIGHTS.find(([count]) => Math.max(picture.from.length, picture.to.length) <= count)[1];
    state.element.style.setProperty("--row", height + "px");
    state.element.classList.toggle("mlm-tight", height < 27);
    state.picture = picture;
    fillList(state.from, picture.from, picture.sides, height);
    fillList(state.to, picture.to, picture.sides, height);
    state.links = linksOf(picture);
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

  function sameItems(before, now) {
    const same = (one, other) => ["text", "title", "side", "faint", "masked"].every((name) => one[name] === other[name]);
    return before.length === now.length && before.every((item, index) => same(item, now[index]));
  }

  function sideName(text) {
    const line = make("div", "mlm-side-line", text);
    line.setAttribute("role", "presentation");
    return line;
  }

  function wordOption({ text, title, faint, masked }) {
    const words = make("span", "mlm-token-text", text);
    words.dir = "auto";
    const option = make("div", "mlm-token", words, make("span", "mlm-token-bar", make("i", ""), make("span", "mlm-token-number")));
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    option.tabIndex = -1;
    option.title = title;
    option.classList.toggle("mlm-faint", faint);
    option.classList.toggle("mlm-masked", masked);
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
    return links.sort((one, other) => Math.abs(one.value) - Math.abs(other.value)).slice(-LINKS);
  }

  function paintLines(state) {
    const { middle, links, picture } = state;
    state.width = state.width || middle.clientWidth;
    if (!picture || !state.width) return; // not on screen yet; the observer calls again
    state.height = Math.max(state.from.bottom, state.to.bottom, 1);
    const pen = sharp(state.all, state.width, state.height);
    for (const link of links) drawLink(pen, state, link, picture.max);
    paintPointed(state);
  }

  function paintPointed(state) {
    const { middle, meant, width, height, links, picture, pointed } = state;
    if (!picture || !width) return;
    const pen = sharp(meant, width, height);
    const [rows, columns] = [new Set(pointed.rows), new Set(pointed.columns)];
    const bright = links.filter(({ row, column }) => rows.has(row) || columns.has(column));
    const full = fullLength(bright.map(({ value }) => value), picture);
    for (const link of bright) drawLink(pen, state, link, full);
    middle.classList.toggle("mlm-some", rows.size + columns.size > 0);
  }

  // What a bar or a line at its strongest stands for when few are pointed at: the largest of them, within reason.
  function fullLength(values, { max }) {
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return Math.min(max, Math.max(max / 2, largest));
  }

  function drawLink(pen, { from, to, width }, { row, column, value, colour }, full) {
    const { start, end, bend } = linkShape(from.ys[row], to.ys[column], width);
    const share = Math.min(1, Math.abs(value) / full);
    const { alpha, thickness } = linkInk(share);
    pen.strokeStyle = css(colour, alpha);
    pen.lineWidth = thickness;
    pen.beginPath();
    pen.moveTo(start[0], start[1]);
    pen.bezierCurveTo(bend[0], start[1], bend[1], end[1], end[0], end[1]);
    pen.stroke();
  }

  // share 0..1 of the strongest line -> how it is drawn.
  function linkInk(share) {
    return { alpha: 0.03 + 0.92 * share ** 0.7, thickness: 0.8 + 7 * share };
  }

  function linkShape(y1, y2, width) {
    return { start: [0, y1], end: [width, y2], bend: [0.42 * width, 0.58 * width] };
  }

  // pointed: {rows, columns: the places meant; to, from: the numbers beside the words of either list, or null; resting:
  // nothing is pointed at, and the numbers are only hinted at; kept {rows, columns}: what a person chose}.
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
    const full = numbers ? fullLength(numbers, picture) : max;
    list.element.classList.toggle("mlm-resting", Boolean(resting));
    list.words.forEach((word, index) => {
      const [bar, number] = word.lastChild.children;
      const value = numbers ? numbers[index] : 0;
      const share = Math.min(1, Math.abs(value) / full);
      const seen = numbers !== null && Math.abs(value) >= 0.005;
      word.classList.toggle("mlm-meant", chosen.has(index));
      word.classList.toggle("mlm-away", (chosen.size > 0 && !chosen.has(index)) || (others.length > 0 && !seen));
      say(number, seen && !resting ? weightText(value, signed) : "");
      bar.style.setProperty("--share", seen ? share.toFixed(3) : "0");
      if (seen) bar.style.background = css(paint(value < 0 ? -max : max));
    });
  }

  function tellKept({ words }, kept) {
    words.forEach((word, index) => word.setAttribute("aria-selected", String(kept.includes(index))));
  }

  function weightText(value, signed) {
    const text = Math.abs(value).toFixed(2);
    return signed ? (value < 0 ? "−" : "+") + text : text;
  }

  // -- one large map

  const LABEL = 13; // pixels of the letters; a name every so many pixels at least
  const SLANT = -50; // degrees of the names above the map

  // options: {name, from, to: titles of the axes, hover(place), pick(place, several)}. Same picture as `lines`, with
  // `colours` (a ramp) instead of `paint`. Returns {element, draw(picture), point(pointed), focus()}.
  function matrix(options) {
    const canvas = make("canvas", "");
    canvas.setAttribute("aria-hidden", "true");
    const svg = shape("svg", { "aria-hidden": "true" });
    const box = make("div", "mlm-matrix-box", canvas, svg);
    box.tabIndex = 0;
    box.setAttribute("role", "application");
    box.setAttribute("aria-label", options.name + ". Arrow keys move from cell to cell, Enter keeps a row.");
    const element = make("div", "mlm-matrix", box);
    const state = { options, element, box, canvas, svg, source: make("canvas", ""), width: 0, picture: null, layout: null, cursor: NOWHERE, pointed: { rows: [], columns: [] } };
    const hover = (place) => { state.cursor = place; options.hover(place); };
    box.addEventListener("pointermove", (event) => {
      const place = cellAt(state, event);
      if (place.row !== state.cursor.row || place.column !== state.cursor.column) hover(place);
    });
    box.addEventListener("pointerleave", () => hover(NOWHERE));
    box.addEventListener("click", (event) => {
      const place = cellAt(state, event);
      if (place.row !== null || place.column !== null) options.pick(place, event.ctrlKey || event.metaKey || event.shiftKey);
    });
    box.addEventListener("focus", () => { if (box.matches(":focus-visible")) hover(cornerOf(state)); });
    box.addEventListener("blur", () => hover(NOWHERE));
    box.addEventListener("keydown", (event) => {
      if (!state.picture || event.altKey) return;
      const next = step(cornerOf(state), event.key, state.picture.from.length, state.picture.to.length);
      if (next && !event.key.startsWith("Page")) hover(next);
      else if (event.key === "Enter" || event.key === " ") options.pick(cornerOf(state), event.ctrlKey || event.metaKey || event.shiftKey);
      else return;
      event.preventDefault();
    });
    onWidth(element, state, () => layOut(state));
    return {
      element,
      draw(picture, pointed) { drawMatrix(state, picture, pointed); },
      point(pointed) { state.pointed = pointed; drawPointed(state); },
      focus() { box.focus(); },
    };
  }

  // Where the keyboard stands: what is pointed at, else the first row that is kept.
  function cornerOf({ cursor, pointed }) {
    return { row: cursor.row ?? pointed.rows[0] ?? 0, column: cursor.column ?? pointed.columns[0] ?? 0 };
  }

  // A name is a place too: left of the map a row, above it a column.
  function cellAt({ layout, canvas }, event) {
    if (!layout) return NOWHERE;
    const corner = canvas.getBoundingClientRect();
    const place = (offset, size, count) => {
      const index = Math.floor(offset / size);
      return index >= 0 && index < count ? index : null;
    };
    const x = event.clientX - corner.left;
    const y = event.clientY - corner.top;
    const row = place(y, layout.cellHeight, layout.rows);
    const column = place(x, layout.cellWidth, layout.columns);
    if (x < 0 && row !== null) return { row, column: null };
    if (y < 0 && column !== null) return { row: null, column };
    return row !== null && column !== null ? { row, column } : NOWHERE;
  }

  // The same names again keep their places; only the colours are other ones.
  function drawMatrix(state, picture, pointed) {
    const before = state.picture;
    Object.assign(state, { picture, pointed });
    if (!before || !state.layout || !sameItems(before.from, picture.from) || !sameItems(before.to, picture.to)) return layOut(state);
    paintMatrix(state);
    drawPointed(state);
  }

  function layOut(state) {
    const { element, picture } = state;
    state.width = state.width || element.clientWidth;
    if (!picture || !state.width) return; // not on screen yet; the observer calls again
    state.layout = matrixLayout(state.width, picture);
    paintMatrix(state);
    drawNames(state);
    drawPointed(state);
  }

  function matrixLayout(width, { from, to }) {
    const widest = (items) => Math.max(0, ...items.map(({ text }) => textWidth(shorten(text))));
    const left = Math.min(0.3 * width, widest(from) + 14);
    const slanted = Math.min(150, widest(to) + 8);
    const top = Math.max(24, slanted * Math.sin((-SLANT * Math.PI) / 180) + 12);
    const room = width - left - slanted * Math.cos((SLANT * Math.PI) / 180) * 0.8;
    const fit = Math.min(room / to.length, 36);
    const cell = fit >= 14 ? Math.floor(fit) : fit;
    const cellHeight = from.length === to.length ? cell : Math.min(36, Math.max(cell, 16));
    return {
      left, top, cellWidth: cell, cellHeight, rows: from.length, columns: to.length,
      width: left + cell * to.length, height: top + cellHeight * from.length,
    };
  }

  const ruler = document.createElement("canvas").getContext("2d");

  function textWidth(text) {
    ruler.font = LABEL + "px ui-sans-serif, system-ui, sans-serif";
    return 1.06 * ruler.measureText(text).width;
  }

  function shorten(text) {
    return [...text].length > 16 ? [...text].slice(0, 15).join("") + "…" : text;
  }

  function paintMatrix({ canvas, layout, picture, source }) {
    const { rows, columns, cellWidth, cellHeight } = layout;
    const pen = sharp(canvas, columns * cellWidth, rows * cellHeight);
    mosaic(1, 1, rows, columns, () => picture.values, picture.colours, source);
    pen.imageSmoothingEnabled = cellWidth < 2;
    pen.drawImage(source, 0, 0, columns, rows, 0, 0, columns * cellWidth, rows * cellHeight);
    canvas.style.left = layout.left + "px";
    canvas.style.top = layout.top + "px";
  }

  function drawNames(state) {
    const { svg, box, layout, picture } = state;
    box.style.height = layout.height + "px";
    svg.setAttribute("width", state.width);
    svg.setAttribute("height", layout.height + 1);
    state.marks = shape("g");
    state.names = { from: nameRow(picture.from, layout, "from"), to: nameRow(picture.to, layout, "to") };
    svg.replaceChildren(
      drawFrame(layout, picture), state.marks,
      shape("g", { class: "mlm-names" }), shape("g", { class: "mlm-names mlm-now" }));
    svg.children[2].append(...state.names.from.filter(Boolean), ...state.names.to.filter(Boolean));
  }

  // One name in so many, where there is no room for all.
  function nameRow(items, layout, axis) {
    const every = Math.ceil((LABEL + 2) / (axis === "from" ? layout.cellHeight : layout.cellWidth));
    return items.map((item, index) => (index % every ? null : nameAt(item, layout, axis, index)));
  }

  function nameAt({ text, faint, masked }, layout, axis, index) {
    const x = axis === "from" ? layout.left - 8 : layout.left + (index + 0.5) * layout.cellWidth;
    const y = axis === "from" ? layout.top + (index + 0.5) * layout.cellHeight : layout.top - 8;
    const place = "translate(" + x + " " + y + ")" + (axis === "to" ? " rotate(" + SLANT + ")" : "");
    return shape("text", {
      transform: place, "text-anchor": axis === "from" ? "end" : "start", dy: axis === "from" ? "0.35em" : "0",
      class: (faint ? "mlm-faint" : "") + (masked ? " mlm-masked" : ""),
    }, shorten(text));
  }

  function drawFrame(layout, { from, to }) {
    const frame = shape("g", { class: "mlm-matrix-frame" });
    const { left, top, cellWidth, cellHeight, rows, columns } = layout;
    frame.append(shape("rect", { x: left - 0.5, y: top - 0.5, width: columns * cellWidth + 1, height: rows * cellHeight + 1 }));
    for (const index of borders(from)) frame.append(shape("path", { d: "M" + left + " " + (top + index * cellHeight) + "h" + columns * cellWidth }));
    for (const index of borders(to)) frame.append(shape("path", { d: "M" + (left + index * cellWidth) + " " + top + "v" + rows * cellHeight }));
    return frame;
  }

  // Where one text ends and the other begins.
  function borders(items) {
    return items.map((item, index) => (index && items[index - 1].side !== item.side ? index : 0)).filter((index) => index);
  }

  function drawPointed(state) {
    const { layout, marks, picture, pointed, cursor, svg } = state;
    if (!layout || !picture) return;
    const { left, top, cellWidth, cellHeight, rows, columns } = layout;
    const band = (index, count, axis) => (axis === "row"
      ? { x: left, y: top + index * cellHeight, width: columns * cellWidth, height: count * cellHeight }
      : { x: left + index * cellWidth, y: top, width: count * cellWidth, height: rows * cellHeight });
    const kept = pointed.rows.filter((index) => index < rows);
    const keptColumns = pointed.columns.filter((index) => index < columns);
    marks.replaceChildren(
      ...(kept.length ? gaps(kept, rows).map(([index, count]) => shape("rect", { ...band(index, count, "row"), class: "mlm-veil" })) : []),
      ...(keptColumns.length && !kept.length ? gaps(keptColumns, columns).map(([index, count]) => shape("rect", { ...band(index, count, "column"), class: "mlm-veil" })) : []),
      ...kept.map((index) => shape("rect", { ...band(index, 1, "row"), class: "mlm-band" })),
      ...keptColumns.map((index) => shape("rect", { ...band(index, 1, "column"), class: "mlm-band" })),
      ...(cursor.row !== null && cursor.column !== null && cursor.row < rows && cursor.column < columns
        ? [shape("rect", { x: left + cursor.column * cellWidth, y: top + cursor.row * cellHeight, width: cellWidth, height: cellHeight, class: "mlm-cell-mark" })] : []));
    const strong = svg.children[3];
    const named = (list, items, axis) => list.filter((index) => items[index]).slice(0, 12).map((index) => nameAt(items[index], layout, axis, index));
    strong.replaceChildren(...named(kept, picture.from, "from"), ...named(keptColumns, picture.to, "to"));
    svg.classList.toggle("mlm-some", kept.length + keptColumns.length > 0);
  }

  // The stretches [first, count] of 0..count-1 that are not among `kept`.
  function gaps(kept, count) {
    const stretches = [];
    const inside = new Set(kept);
    for (let index = 0; index < count; index++) {
      if (inside.has(index)) continue;
      if (index && !inside.has(index - 1) && stretches.length) stretches.at(-1)[1]++;
      else stretches.push([index, 1]);
    }
    return stretches;
  }

  return { palette, onTheme, ramp, css, scaleBar, mosaic, thumbnails, lines, matrix, linkShape, linkInk, weightText, NOWHERE };
})();
