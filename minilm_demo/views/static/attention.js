// The attention explorer: all heads of one input as small maps, one head as lines or a matrix, one row with its numbers.
// Everything reacts here; the server is asked only for what the payload does not have.
//
// The payload (attention_payload in views/attention.py); T tokens, L layers, H heads, all counted from 0:
//   kind "attention" (or "empty", "error" with a sentence), title, texts [1 or 2], layers, heads, size (T)
//   tokens {texts, segments, special, separator, words: [T] index into words or null}, words [{text, segment}]
//   weights: base64 of bytes [L, H, T, T], weight = (byte / 255)²; null for longer inputs, which have overview
//     {size, weights}: the same of size x size cells, see `pool` in attention_weights.py
//   behaviours {kinds [{name, title, threshold, about}], labels [L][H], scores {name: [L][H] | null}}
//   pair [L][H][2][2] | null, crossing [{layer, head, mass}] | null, answer {tokens, mass [L][H], text} | null
//   prediction {sentence, bars [{label, share, text}]} | null, selected {layer, head, token}: where it opens
//   rows {layer, head, scores: base64 of float32 [T, T]} | null: the raw scores of one head, for a page without a server
//   changed {masked [token], ablated [{layer, head}]}: what the trace was made with
//   before {title, weights, overview, prediction, note} | null: another trace of the same tokens
//   frames {steps, weights [..], predictions [..]} | null: the trace while the model learned
//   explanation | null: see drawExplanation in attention_panels.js
//   code, notes [..], footer [..], precomputed
//
// callbacks, each of which may be missing; then what needs it is not offered:
//   head({layer, head} | {rollout: true}) -> promise of {weights}: one head of a longer input; either may be "mean"
//   row({layer, head, token}) -> promise of {scores [T]}, q·k/√d, null for a masked key
//   retrace({masked, ablated}), explain({}): answered through update(value)
//   file({format: "npz" | "html"}) -> promise of {name, type, base64}

MiniLM.attention = (() => {
  const { make, say, show } = MiniLM.dom;
  const { maps, weights: W, attentionView: V, attentionPanels: panels } = MiniLM;
  const NOTHING_YET = { kind: "empty", sentence: "Every head of the model, looking at your text, will be here." };

  // What a change asks to be drawn again; each level includes those before it.
  const LEVELS = ["hover", "chosen", "head", "grid", "value"];
  const CHANGES = {
    hovered: "hover", chosen: "chosen", several: "head", piece: "chosen", entered: "chosen",
    layer: "head", head: "head", rollout: "head", keep: "head", drawing: "head", kind: "grid",
    words: "grid", hideSpecial: "grid", block: "grid", side: "grid", frame: "grid",
  };
  const ASK_AFTER = 120; // ms that a head is looked at before the server is asked for it
  const ANSWER_WITHIN = 20000; // ms
  const MEASURES = 1000; // kept, of each name
  let mounted = 0;

  function mount(root, value, callbacks = {}) {
    const page = {
      root, callbacks, id: ++mounted, value: null, ramps: new Map(),
      sentence: make("p", "mlm-why"), body: make("div", "mlm-explorer"), live: make("p", "mlm-unseen"),
    };
    page.sentence.setAttribute("aria-live", "polite");
    page.live.setAttribute("aria-live", "polite");
    page.set = (changes) => set(page, changes);
    page.wait = () => wait(page);
    page.retrace = (changed) => { wait(page); callbacks.retrace(changed); };
    page.scores = (token, then) => scoresOf(page, token, then);
    page.pictureOf = () => pictureOf(page);
    root.classList.add("mlm", "mlm-attention");
    root.replaceChildren(page.sentence, page.body, page.live);
    const stops = [listen(page), maps.onTheme(() => { page.palette = null; if (page.parts) draw(page, "value"); })];
    update(page, value);
    return {
      update: (next) => update(page, next),
      destroy() {
        for (const stop of stops) stop();
        for (const part of page.parts || []) if (part.stop) part.stop();
        root.replaceChildren();
      },
    };
  }

  function update(page, payload) {
    const value = payload || NOTHING_YET;
    rest(page);
    const drawn = value.kind === "attention";
    page.sentence.dataset.kind = value.kind;
    say(page.sentence, drawn ? "" : value.sentence);
    show(page.sentence, !drawn);
    show(page.body, drawn);
    if (!drawn) return;
    const sameGrid = page.value && page.value.layers === value.layers && page.value.heads === value.heads;
    page.state = page.value ? V.nextState(page.state, page.value, value) : V.firstState(value);
    page.value = value;
    page.trace = V.read(value);
    page.scoresFound = new Map();
    if (!sameGrid) build(page);
    draw(page, "value");
    performance.mark("mlm-attention-first-drawn");
  }

  // -- the parts, made once for a model of so many layers and heads

  function build(page) {
    for (const part of page.parts || []) if (part.stop) part.stop();
    const [top, sides, frames] = [panels.top(page), panels.sides(page), panels.frames(page)];
    const [finder, pairs, answer] = [panels.finder(page), panels.pairs(page), panels.answer(page)];
    const [controls, row] = [panels.controls(page), panels.row(page)];
    const [grid, picture, heading] = [gridPart(page), picturePart(page), headingPart(page)];
    const more = [panels.explanation(page), ...MiniLM.attentionExport.parts(page)];
    const heads = make("section", "mlm-heads", make("h4", "", "All heads"), grid.element, finder.element);
    const one = make("section", "mlm-one", heading.element, controls.element, heading.below, picture.element, row.element);
    const between = make("div", "mlm-between", pairs.element, answer.element);
    const main = make("div", "mlm-main", heads, one, between);
    page.focusPicture = picture.focus;
    page.focusGrid = grid.focus;
    page.parts = [top, sides, frames, grid, finder, pairs, answer, heading, controls, picture, row, ...more];
    const folds = make("div", "mlm-folds", ...more.map(({ element }) => element));
    page.body.replaceChildren(top.element, sides.element, frames.element, main, folds);
  }

  function headingPart(page) {
    const title = make("h3", "");
    const kind = make("span", "mlm-kind-chip");
    const line = make("p", "mlm-sentence");
    const note = make("p", "mlm-note");
    const element = make("div", "mlm-heading-line", title, kind);
    function draw() {
      const { trace, state, view } = page;
      const single = V.isSingle(state);
      const mark = single && panels.markOf(page, state.layer, state.head);
      const name = V.headName(trace, state);
      const sentence = V.sentence(trace, view, state);
      say(title, name);
      show(kind, single);
      if (single) {
        kind.dataset.kind = mark.kind;
        say(kind, (mark.sign ? mark.sign + " " : "") + mark.label.split(": ").slice(1).join(": "));
      }
      say(line, sentence);
      say(note, page.waiting || overviewNote(page));
      show(note, note.textContent !== "");
      say(page.live, name + ": " + sentence);
    }
    return { element, below: make("div", "mlm-said", line, note), level: "hover", draw };
  }

  function overviewNote({ trace, view, value, callbacks, state }) {
    if (!view.cells) return "";
    const cell = "An overview: " + trace.shape.size + " cells of about " + Math.round(value.size / trace.shape.size) + " tokens each.";
    if (callbacks.head && state.side === "this") return cell;
    return cell + (callbacks.head ? " The other trace and the difference come as an overview only." : " Single heads in full need the app.");
  }

  function gridPart(page) {
    const { layers, heads } = page.value;
    const numbered = (count, word) => Array.from({ length: count }, (_, place) => ({ text: String(place + 1), label: word + " " + (place + 1) }));
    const mean = (label) => ({ text: "mean", label, apart: true });
    const placeOf = ({ row, column }) => ({ layer: row === layers ? "mean" : row, head: column === heads ? "mean" : column });
    const grid = maps.thumbnails({
      name: "All heads: a row is a layer, a column is a head", rowTitle: "Layer", columnTitle: "Head",
      rows: [...numbered(layers, "Layer"), mean("Mean of all layers")],
      columns: [...numbered(heads, "Head"), mean("Mean of the layer's heads")],
      pick: (place) => page.set({ ...placeOf(place), rollout: false, entered: true }),
      enter: () => { page.set({ entered: true }); page.focusPicture(); },
    });
    let paintedFor = null;
    function draw(level) {
      const { state, value } = page;
      grid.choose({ row: state.layer === "mean" ? layers : state.layer, column: state.head === "mean" ? heads : state.head });
      grid.element.classList.toggle("mlm-rollout", state.rollout);
      if (level === "head") return;
      grid.mark((row, column) => {
        const place = placeOf({ row, column });
        const mark = panels.markOf(page, place.layer, place.head);
        const off = value.changed.ablated.some((one) => one.layer === row && one.head === column);
        return off ? { ...mark, kind: "off", sign: "✕", label: mark.label + ", switched off" } : mark;
      });
      const painted = JSON.stringify([state.words, state.hideSpecial, state.block, state.side, state.frame]);
      if (level === "grid" && painted === paintedFor) return; // only the kind looked for is another one
      paintedFor = painted;
      grid.draw(thumbnails(page, placeOf));
    }
    return { element: grid.element, level: "head", draw, focus: grid.focus };
  }

  function thumbnails(page, placeOf) {
    const { trace, state, view, value } = page;
    const thumbnail = V.thumbnails(trace, state);
    const all = Array.from({ length: value.layers + 1 }, (_, row) => Array.from({ length: value.heads + 1 }, (__, column) => {
      return thumbnail(placeOf({ row, column }));
    }));
    const most = view.signed ? Math.max(V.REASONABLE, ...all.flat().map(V.largest)) : V.FULL;
    const height = trace.whole ? view.rows.length : trace.shape.size;
    return { height, width: all[0][0].length / height, at: (row, column) => all[row][column], colours: coloursOf(page, most) };
  }

  // -- the large picture

  function picturePart(page) {
    const events = {
      name: "the chosen head", from: "from", to: "to", resting: " · received on average",
      hover: (hovered) => page.set({ hovered }),
      pick: (place, several) => pick(page, place, several),
    };
    const lines = maps.lines(events);
    const matrix = maps.matrix(events);
    const scale = maps.scaleBar();
    const element = make("div", "mlm-picture", lines.element, matrix.element, scale.element);
    const now = () => (page.view.lines ? lines : matrix);
    function draw(level) {
      const { view, state } = page;
      if (level !== "hover" && level !== "chosen") {
        show(lines.element, view.lines);
        show(matrix.element, !view.lines);
        show(scale.element, !view.lines || view.signed);
        const picture = pictureOf(page);
        now().draw(picture, V.pointed(view, state));
        scale.draw(picture.colours, ...scaleWords(view, page.trace));
      } else now().point(V.pointed(view, state));
    }
    return { element, level: "hover", draw, focus: () => now().focus(V.chosenPlaces(page.view, page.state.chosen).rows.map((row) => ({ row }))[0]) };
  }

  function pictureOf(page) {
    const { view, value } = page;
    const colours = coloursOf(page, view.max);
    const item = (group) => ({
      text: view.labels[group].text, title: V.pieceTitle(view.labels[group], value),
      side: view.labels[group].segment, faint: view.labels[group].special,
      masked: view.labels[group].tokens.every((token) => value.changed.masked.includes(token)),
    });
    return {
      from: view.rows.map(item), to: view.columns.map(item), values: view.values, max: view.max, signed: view.signed,
      paint: colours.paint, colours, sides: value.texts.length > 1 ? page.sideNames : null,
    };
  }

  function scaleWords({ signed, max }, { otherTitle }) {
    return signed ? ["less than in " + otherTitle + ": −" + max.toFixed(2), "+" + max.toFixed(2) + " more"] : ["weight 0", max.toFixed(1) + " and more"];
  }

  function coloursOf(page, max) {
    const { less, surface, more, scale } = page.palette;
    const scheme = page.view.signed ? [less, surface, more] : [surface, scale];
    const key = scheme.join("; ") + " " + max;
    if (!page.ramps.has(key)) {
      page.ramps.clear();
      page.ramps.set(key, maps.ramp((value) => W.colour(value, max, scheme), max, page.view.signed));
    }
    return page.ramps.get(key);
  }

  // Choosing a word keeps it; the same again lets it go; with Ctrl, Shift or the switch it joins the others.
  function pick(page, { row, column }, several) {
    const { view, state } = page;
    const axis = row !== null ? "row" : "column";
    const { tokens } = view.labels[axis === "row" ? view.rows[row] : view.columns[column]];
    const before = state.chosen.axis === axis ? state.chosen.tokens : [];
    const held = tokens.every((token) => before.includes(token));
    const without = before.filter((token) => !tokens.includes(token));
    const joined = several || state.several ? (held ? without : [...before, ...tokens]) : held && !without.length && state.entered ? [] : tokens;
    page.set({ chosen: { axis, tokens: joined }, piece: 0, entered: true });
  }

  // -- changes

  function set(page, changes) {
    const start = performance.now();
    const names = Object.keys(changes);
    Object.assign(page.state, changes);
    if (names.some((name) => ["layer", "head", "rollout", "drawing", "words", "hideSpecial", "block"].includes(name))) {
      Object.assign(page.state, { hovered: maps.NOWHERE, piece: 0 });
    }
    const level = names.reduce((most, name) => Math.max(most, LEVELS.indexOf(CHANGES[name])), 0);
    draw(page, LEVELS[level]);
    if ("hovered" in changes) measure("mlm-attention-hover", start);
    else if ("layer" in changes || "head" in changes) measure("mlm-attention-switch", start);
  }

  function measure(name, start) {
    if (performance.getEntriesByName(name).length >= MEASURES) performance.clearMeasures(name);
    performance.measure(name, { start, end: performance.now() });
  }

  function draw(page, level) {
    const { root, state } = page;
    page.palette = page.palette || maps.palette(root);
    page.sideNames = page.sideNames || Object.fromEntries(panels.LETTERS.map((letter, side) => [side, letter]));
    if (LEVELS.indexOf(level) >= LEVELS.indexOf("head")) {
      page.view = V.look(page.trace, state);
      askForHead(page);
    }
    root.dataset.depth = !state.entered ? "grid" : state.chosen.tokens.length ? "row" : "head";
    for (const part of page.parts) if (LEVELS.indexOf(part.level) <= LEVELS.indexOf(level)) part.draw(level);
  }

  // -- what the server is asked for

  // A longer input has an overview; the head that is looked at comes in full a moment later.
  function askForHead(page) {
    const { trace, state, callbacks } = page;
    clearTimeout(page.asking);
    page.waiting = "";
    if (trace.whole || state.side !== "this" || !callbacks.head || trace.fetched.has(V.keyOf(state))) return;
    page.waiting = "An overview; the head in full is on its way.";
    const key = V.keyOf(state);
    page.asking = setTimeout(async () => {
      const what = state.rollout ? { rollout: true } : { layer: state.layer, head: state.head };
      const found = await answerOf(callbacks.head(what));
      if (page.trace !== trace || !page.root.isConnected) return;
      if (found) trace.fetched.set(key, W.decode(found.weights));
      if (V.keyOf(page.state) !== key) return;
      if (found) return draw(page, "head");
      page.waiting = "The server does not answer; this is the overview.";
      draw(page, "hover");
    }, ASK_AFTER);
  }

  // Until the answer comes back through update(value), or too much time has passed for there to be one.
  function wait(page) {
    rest(page);
    page.root.setAttribute("aria-busy", "true");
    page.waited = setTimeout(() => rest(page), ANSWER_WITHIN);
  }

  function rest(page) {
    clearTimeout(page.waited);
    page.root.removeAttribute("aria-busy");
  }

  // null where the server cannot be reached.
  async function answerOf(promise) {
    try {
      return await promise;
    } catch {
      return null;
    }
  }

  // The raw scores of one token [T], or null while they are on their way or where they cannot be had.
  function scoresOf(page, token, then) {
    const { value, state, callbacks, trace, scoresFound } = page;
    const { layer, head } = state;
    if (value.rows && value.rows.layer === layer && value.rows.head === head) {
      const all = (trace.scores = trace.scores || W.decodeFloats(value.rows.scores));
      const masked = new Set(value.changed.masked);
      return Array.from(all.subarray(token * value.size, (token + 1) * value.size), (score, key) => (masked.has(key) ? null : score));
    }
    const key = layer + "," + head + "," + token;
    if (scoresFound.has(key)) return scoresFound.get(key);
    if (!callbacks.row || !state.entered) return null; // the first view asks for nothing
    scoresFound.set(key, null);
    answerOf(callbacks.row({ layer, head, token })).then((found) => {
      if (found) scoresFound.set(key, found.scores);
      if (found && page.trace === trace && page.root.isConnected) then();
    });
    return null;
  }

  // -- one depth back: Escape, or a click beside everything

  function listen(page) {
    const onKey = (event) => {
      if (!page.root.isConnected) return stop();
      const meant = page.root.contains(event.target) || (event.target === document.body && page.root.checkVisibility());
      if (!meant) return;
      if (event.key === "Escape" && goBack(page, true)) event.preventDefault();
      else if (event.key.startsWith("Page") && event.target.closest(".mlm-picture")) changeLayer(page, event);
    };
    const onClick = (event) => {
      if (!page.root.isConnected) return stop();
      if (!page.value || event.target.closest(INTERACTIVE)) return;
      goBack(page, false);
    };
    document.addEventListener("keydown", onKey);
    document.addEventListener("click", onClick);
    const stop = () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("click", onClick);
    };
    return stop;
  }

  const INTERACTIVE = "button, a, input, label, summary, select, textarea, table, pre, [role=option], [role=gridcell], [role=tab], [role=application]";

  function goBack(page, byKey) {
    if (!page.state) return false;
    if (page.state.chosen.tokens.length) page.set({ chosen: { axis: "row", tokens: [] } });
    else if (page.state.entered) {
      page.set({ entered: false });
      if (byKey) page.focusGrid();
    } else return false;
    return true;
  }

  function changeLayer(page, event) {
    const { layer } = page.state;
    if (layer === "mean" || page.state.rollout) return;
    const next = Math.min(page.value.layers - 1, Math.max(0, layer + (event.key === "PageUp" ? -1 : 1)));
    page.set({ layer: next });
    event.preventDefault();
  }

  return { mount };
})();
