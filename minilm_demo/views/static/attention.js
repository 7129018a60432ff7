// The attention explorer: all heads of one input as small maps, one head as lines or a matrix, one row with its numbers.
// Everything reacts here; the server is asked only for what the payload does not have.
//
// The payload (attention_payload in views/attention.py); T tokens, L layers, H heads, all counted from 0:
//   kind "attention" (or "empty", "error" with a sentence), title, texts [1 or 2], layers, heads, size (T)
//   tokens {texts, segments, special, separator, words: [T] index into words or null}, words [{text, segment}]
//   weights: base64 of bytes [L, H, T, T], weight = (byte / 255)²; null for longer inputs, which have overview
//     {size, weights}: the same of size x size cells, see pool in attention_weights.py
//   behaviours {kinds [{name, title, threshold, about}], labels [L][H], scores {name: [L][H] | null}}
//   pair [L][H][2][2] | null, crossing [{layer, head, mass}] | null, answer {tokens, mass [L][H], text} | null
//   prediction {sentence, bars [{label, share, text}]} | null, selected {layer, head, token}: where it opens
//   rows {layer, head, scores: base64 of float32 [T, T]} | null: the raw scores of one head, for a page without a server
//   changed {masked [token], ablated [{layer, head}]}: what the trace was made with
//   before {title, weights, overview, prediction} | null: another trace of the same tokens
//   frames {steps, weights [..], predictions [..]} | null: the trace while the model learned
//   explanation | null: see methods in attention_below.js
//   code, notes [..], footer [..], precomputed
//
//   asked: what the trace was made from; it goes with every question to the server, as `changed` does
//
// callbacks, each of which may be missing; then what needs it is not offered. Each gives the promise of an answer, which
// may be {error: a sentence}:
//   look({masked, ablated, explained} | {texts, checkpoint, compare}) -> another value
//   head({layer, head} | {rollout: true}, before: of the other trace) -> {weights}: one head of a longer input; layer or
//     head may be "mean"
//   row({layer, head, token}) -> {scores [T]}, q·k/√d, null for a masked key
//   file({format: "npz" | "html"}) -> {name, type, base64}

MiniLM.attention = (() => {
  const { make, show } = MiniLM.dom;
  const { maps, weights: W, attentionView: V } = MiniLM;
  const { answerOf, pictures } = MiniLM.asking;
  const NOTHING_YET = { kind: "empty", sentence: "Every head of the model, looking at your text, will be here." };

  // What a change asks to be drawn again; each level includes those before it.
  const LEVELS = ["hover", "chosen", "head", "grid", "value"];
  const CHANGES = {
    hovered: "hover", chosen: "chosen", piece: "chosen", entered: "chosen",
    layer: "head", head: "head", rollout: "head", keep: "head", drawing: "head", several: "head",
    kind: "grid", words: "grid", hideSpecial: "grid", block: "grid", side: "grid", frame: "grid",
  };
  const MOVES_WORDS = ["layer", "head", "rollout", "drawing", "words", "hideSpecial", "block"];
  const ASK_AFTER = 120; // ms that a head is looked at before the server is asked for it
  const MEASURES = 1000; // kept, of each name

  function mount(root, value, callbacks = {}) {
    const page = {
      root, callbacks, value: null, parts: [], ramps: new Map(),
      body: make("div", "mlm-explorer"), live: make("p", "mlm-unseen"),
    };
    page.live.setAttribute("aria-live", "polite");
    page.set = (changes) => set(page, changes);
    // An explanation is of the text that is on the screen, and leaves what was recorded of it there.
    const kept = (found) => (found.explanation ? { frames: page.value.frames } : {});
    page.asking = pictures(root, callbacks.look, (found) => update(page, { ...found, ...kept(found) }));
    page.about = (what) => ({ ...page.value.asked, ...page.value.changed, ...what });
    page.look = (what) => page.asking.ask(page.about(what));
    page.scores = (token, then) => scoresOf(page, token, then);
    root.classList.add("mlm", "mlm-attention");
    root.replaceChildren(page.asking.sentence, page.body, page.live);
    const stops = [listen(page), maps.onTheme(() => recolour(page))];
    update(page, value);
    return {
      update: (next) => { page.asking.forget(); update(page, next); },
      destroy: () => destroy(page, stops),
    };
  }

  function destroy(page, stops) {
    for (const stop of stops) stop();
    stopParts(page);
    page.root.replaceChildren();
  }

  function stopParts(page) {
    for (const part of page.parts) if (part.stop) part.stop();
  }

  function update(page, payload) {
    const value = payload || NOTHING_YET;
    const drawn = value.kind === "attention";
    page.asking.tell(value.kind, drawn ? "" : value.sentence);
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

  // The parts are made once for a model of so many layers and heads.
  function build(page) {
    stopParts(page);
    const made = (file, ...names) => names.map((name) => MiniLM[file][name](page));
    const [top, sides, frames, controls] = made("attentionPanels", "top", "sides", "frames", "controls");
    const [finder, pairs, answer] = made("attentionHeads", "finder", "pairs", "answer");
    const [grid, heading, picture] = made("attentionPictures", "grid", "heading", "picture");
    const [row] = made("attentionRow", "row");
    const [save] = made("attentionExport", "savePart");
    const [explanation, sheet, ...rest] = made(
      "attentionBelow", "explanation", "sheet", "python", "howToRead", "notes");
    const below = [explanation, sheet, save, ...rest];
    page.focusGrid = grid.focus;
    page.focusPicture = picture.focus;
    page.parts = [top, sides, frames, grid, finder, pairs, answer, heading, controls, picture, row, ...below];
    page.body.replaceChildren(
      top.element, sides.element, frames.element,
      make(
        "div", "mlm-main",
        make("section", "mlm-heads", make("h4", "", "All heads"), grid.element, finder.element),
        make("section", "mlm-one", heading.element, controls.element, heading.below, picture.element, row.element),
        make("div", "mlm-between", pairs.element, answer.element)),
      make("div", "mlm-folds", ...below.map(({ element }) => element)));
  }

  // -- changes

  function set(page, changes) {
    const start = performance.now();
    const names = Object.keys(changes);
    Object.assign(page.state, changes);
    if (names.some((name) => MOVES_WORDS.includes(name))) Object.assign(page.state, { hovered: maps.NOWHERE, piece: 0 });
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
    const reached = LEVELS.indexOf(level);
    page.palette = page.palette || maps.palette(root);
    if (reached >= LEVELS.indexOf("head")) {
      page.view = V.look(page.trace, state);
      askForHead(page);
    }
    root.dataset.depth = !state.entered ? "grid" : state.chosen.tokens.length ? "row" : "head";
    for (const part of page.parts) if (LEVELS.indexOf(part.level) <= reached) part.draw(level);
  }

  function recolour(page) {
    page.palette = null;
    if (page.parts.length) draw(page, "value");
  }

  // -- what the server is asked for

  // A longer input has an overview; the head that is looked at comes in full a moment later.
  function askForHead(page) {
    const { trace, state, callbacks } = page;
    const wanted = callbacks.head ? V.missing(trace, state) : [];
    clearTimeout(page.headLater);
    page.waiting = wanted.length ? "An overview; the head in full is on its way." : "";
    if (!wanted.length) return;
    const { layer, head, rollout } = state;
    const what = rollout ? { rollout } : { layer, head };
    page.headLater = setTimeout(() => wanted.forEach(async (ofOther) => {
      const found = await answerOf(callbacks.head(page.about(ofOther ? { ...what, before: true } : what)));
      if (page.trace !== trace || !page.root.isConnected) return;
      if (found.weights) trace.fetched.set(V.keyOf({ layer, head, rollout }, ofOther), W.decode(found.weights));
      if (V.keyOf(page.state) === V.keyOf({ layer, head, rollout })) arrived(page, found);
    }), ASK_AFTER);
  }

  function arrived(page, { weights, error }) {
    if (weights && !V.missing(page.trace, page.state).length) return draw(page, "head");
    if (error) page.waiting = error;
    if (error) draw(page, "hover");
  }

  // The raw scores of one token: {scores [T]}, or {note: why they are not here (yet)}. The first view asks for nothing.
  function scoresOf(page, token, then) {
    const { value, state: { layer, head, entered }, callbacks, trace, scoresFound } = page;
    if (value.rows && value.rows.layer === layer && value.rows.head === head) return storedScores(page, token);
    if (!callbacks.row) return { note: "The scores behind these weights need the app." };
    const key = layer + "," + head + "," + token;
    if (scoresFound.has(key)) return scoresFound.get(key);
    if (!entered) return { note: "" };
    scoresFound.set(key, { note: "The scores are on their way." });
    answerOf(callbacks.row(page.about({ layer, head, token }))).then(({ scores, error }) => {
      scoresFound.set(key, { scores, note: error });
      if (page.trace === trace && page.root.isConnected) then();
    });
    return scoresFound.get(key);
  }

  function storedScores({ value, trace }, token) {
    trace.scores = trace.scores || W.decodeFloats(value.rows.scores);
    const masked = new Set(value.changed.masked);
    const scores = Array.from(trace.scores.subarray(token * value.size, (token + 1) * value.size));
    return { scores: scores.map((score, key) => (masked.has(key) ? null : score)) };
  }

  // -- one depth back: Escape, or a click beside everything

  const INTERACTIVE = "button, a, input, label, summary, select, textarea, table, pre, "
    + "[role=option], [role=gridcell], [role=tab], [role=application]";

  function listen(page) {
    const onKey = (event) => {
      if (!page.root.isConnected) return stop();
      const aside = event.target === document.body && page.root.checkVisibility();
      if (!page.root.contains(event.target) && !aside) return;
      if (event.key === "Escape" && goBack(page, true)) event.preventDefault();
      else if (event.key.startsWith("Page") && event.target.closest(".mlm-picture")) changeLayer(page, event);
    };
    const onClick = (event) => {
      if (!page.root.isConnected) return stop();
      if (page.root.checkVisibility() && !event.target.closest(INTERACTIVE)) goBack(page, false);
    };
    const stop = () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("click", onClick);
    };
    document.addEventListener("keydown", onKey);
    document.addEventListener("click", onClick);
    return stop;
  }

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
    const { layer, rollout } = page.state;
    if (layer === "mean" || rollout) return;
    page.set({ layer: Math.min(page.value.layers - 1, Math.max(0, layer + (event.key === "PageUp" ? -1 : 1))) });
    event.preventDefault();
  }

  return { mount };
})();
