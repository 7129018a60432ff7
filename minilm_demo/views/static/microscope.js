// The distillation microscope: one head's relation in the teacher, in the student, and what differs; every number of its
// loss. Everything reacts here; the server is asked only for what the payload does not have.
//
// The payload (microscope_payload in views/distillation.py); T tokens, H heads, all counted from 0:
//   kind "microscope" (or "empty", "error" with a sentence), recipe, texts [1 or 2], heads, size (T)
//   tokens, words: as in attention.js
//   teacher, student {title, layer, head_size}; badge {kind, title, about}: what the one is to the other
//   relations [{name "QK", title, letters "qk", about, equations [2], loss, teacher, student {weights, overview},
//     divergence: base64 of float32 [H, T]}]; weights and overview as in attention.js, without layers
//   selected {relation, head, from, to}: where it opens; from and to are tokens
//   rows {relation, head, teacher, student: base64 of float32 [T, T]} | null: the raw scores of one head
//   frames {steps, heads, student {name: [weights]}, divergence {name: [[H]]}} | null: the student while it learned
//   code, notes [..], footer [..], precomputed
//   asked: what it was made from; it goes with every question to the server
//
// callbacks, each of which may be missing; then what needs it is not offered. Each gives the promise of an answer, which
// may be {error: a sentence}:
//   look({texts, teacher, student, recipe}) -> another value; the page around it asks for one
//   head({relation, head}) -> {teacher, student}: one head of a longer input in full
//   row({relation, head, token}) -> {teacher, student: [T]}: raw scores x·y/√d
//   file({format: "npz" | "html"}) -> {name, type, base64}

MiniLM.microscope = (() => {
  const { make, show } = MiniLM.dom;
  const { maps, weights: W, microscopeView: V, microscopePanels: panels } = MiniLM;
  const { answerOf, pictures } = MiniLM.asking;
  const NOTHING_YET = { kind: "empty", sentence: "Teacher and student, head by head, will be here." };
  // What a change asks to be drawn again; each level includes those before it.
  const LEVELS = ["hover", "chosen", "head", "value"];
  const CHANGES = { hovered: "hover", chosen: "chosen", relation: "head", head: "head", words: "head", hideSpecial: "head", frame: "head" };
  const ASK_AFTER = 120; // ms that a head is looked at before the server is asked for it

  function mount(root, value, callbacks = {}) {
    const page = {
      root, callbacks, value: null,
      body: make("div", ""), live: make("p", "mlm-unseen"),
    };
    page.live.setAttribute("aria-live", "polite");
    page.set = (changes) => set(page, changes);
    page.scores = (token) => scoresOf(page, token);
    page.about = (what) => ({ ...page.value.asked, ...what });
    page.asking = pictures(root, callbacks.look, (found) => update(page, found));
    root.classList.add("mlm", "mlm-microscope");
    root.replaceChildren(page.asking.sentence, page.body, page.live);
    root.addEventListener("keydown", (event) => {
      if (page.value && onKey(page, event)) event.preventDefault();
    });
    const endTheme = maps.onTheme(() => { page.palette = null; if (page.parts) draw(page, "value"); });
    update(page, value);
    return {
      update: (next) => { page.asking.forget(); update(page, next); },
      destroy() {
        endTheme();
        for (const part of page.parts || []) if (part.stop) part.stop();
        root.replaceChildren();
      },
    };
  }

  function update(page, payload) {
    const value = payload || NOTHING_YET;
    const drawn = value.kind === "microscope";
    page.asking.tell(value.kind, drawn ? "" : value.sentence);
    show(page.body, drawn);
    if (!drawn) return;
    page.state = V.nextState(page.state, page.value, value);
    page.value = value;
    page.data = V.read(value);
    page.scoresFound = new Map();
    if (!page.parts) build(page);
    draw(page, "value");
  }

  function build(page) {
    const [top, frames, relations, bars] = [panels.top(page), panels.frames(page), panels.relations(page), panels.bars(page)];
    const [heading, controls, pictures] = [panels.heading(page), panels.controls(page), picturesPart(page)];
    const [formula, worst] = [panels.formula(page), panels.worst(page)];
    const more = MiniLM.microscopeExport.parts(page);
    page.focusBars = bars.focus;
    page.focusPicture = pictures.focus;
    page.parts = [top, frames, relations, bars, heading, controls, pictures, formula, worst, ...more];
    const folds = make("div", "mlm-folds", ...more.map(({ element }) => element));
    page.body.replaceChildren(
      top.element, frames.element,
      make("section", "mlm-choose", relations.element, bars.element),
      make("section", "mlm-head", make("div", "mlm-head-top", heading.element, controls.element), pictures.element),
      formula.element, worst.element, folds);
  }

  // -- the three maps

  function picturesPart(page) {
    const names = { teacher: "Teacher", student: "Student", difference: "Student − teacher" };
    const all = Object.entries(names).map(([side, name]) => {
      const map = maps.matrix({
        name: name + ", the chosen head", from: "from", to: "to",
        hover: (hovered) => page.set({ hovered }), pick: (place) => pick(page, place),
      });
      const scale = maps.scaleBar();
      const title = make("figcaption", "", name);
      const element = make("figure", "mlm-map mlm-of-" + side, title, map.element, scale.element);
      return { side, map, scale, element };
    });
    const hint = make("p", "mlm-note", "Point at a cell to compare it in all three maps; choose one to see how it is computed.");
    const element = make("div", "", make("div", "mlm-maps", ...all.map((one) => one.element)), hint);
    function draw(level) {
      const { view } = page;
      element.classList.toggle("mlm-at-rest", page.state.hovered.row === null && page.state.hovered.column === null);
      for (const { side, map, scale } of all) {
        if (level === "hover" || level === "chosen") {
          map.point(view.pointed);
          continue;
        }
        const picture = pictureOf(page, side);
        map.draw(picture, view.pointed);
        scale.draw(picture.colours, ...scaleWords(side));
      }
    }
    return { element, level: "hover", draw, focus: () => all[0].map.focus() };
  }

  function scaleWords(side) {
    const full = V.FULL.toFixed(1);
    return side === "difference" ? ["less: −" + full, "+" + full + ": more"] : ["weight 0", full + " and more"];
  }

  // One of the three as maps.matrix takes it.
  function pictureOf(page, side) {
    const { view, value } = page;
    const { less, surface, more, scale } = page.palette;
    const signed = side === "difference";
    const colours = maps.ramp((weight) => W.colour(weight, V.FULL, signed ? [less, surface, more] : [surface, scale]), V.FULL, signed);
    const item = (group) => ({
      text: view.labels[group].text, title: "", side: view.labels[group].segment, faint: view.labels[group].special, masked: false,
    });
    return {
      from: view.rows.map(item), to: view.columns.map(item), values: view[side].values, max: V.FULL, signed,
      paint: colours.paint, colours, sides: value.texts.length > 1 ? { 0: "A", 1: "B" } : null,
    };
  }

  // A cell, or a name, which stands for its row or its column.
  function pick(page, place) {
    if (page.view.cells) return;
    page.set({ chosen: V.cellTokens(page, place), hovered: maps.NOWHERE });
  }

  // -- changes

  function set(page, changes) {
    const names = Object.keys(changes);
    Object.assign(page.state, changes);
    if (names.some((name) => ["words", "hideSpecial"].includes(name))) page.state.hovered = maps.NOWHERE;
    draw(page, LEVELS[names.reduce((most, name) => Math.max(most, LEVELS.indexOf(CHANGES[name])), 0)]);
  }

  function draw(page, level) {
    page.palette = page.palette || maps.palette(page.root);
    if (LEVELS.indexOf(level) >= LEVELS.indexOf("head")) {
      page.view = V.look(page.data, page.state);
      askForHead(page);
    }
    page.view.pointed = V.pointed(page.view, page.state);
    for (const part of page.parts) if (LEVELS.indexOf(part.level) <= LEVELS.indexOf(level)) part.draw(level);
  }

  // Escape lets the chosen cell go; in a map, Page Up and Down go to another head.
  function onKey(page, event) {
    const { state, data } = page;
    if (event.key === "Escape" && state.chosen) {
      page.set({ chosen: null });
      return true;
    }
    const step = { PageUp: -1, PageDown: 1 }[event.key];
    if (!step || !event.target.closest(".mlm-maps")) return false;
    page.set({ head: Math.min(data.heads - 1, Math.max(0, state.head + step)) });
    return true;
  }

  // -- what the server is asked for

  // A longer input has an overview; the head that is looked at comes in full a moment later.
  function askForHead(page) {
    const { data, state, callbacks, view } = page;
    clearTimeout(page.headLater);
    page.waiting = "";
    if (!view.cells || !callbacks.head) return;
    page.waiting = "An overview; the head in full is on its way.";
    const { relation, head } = state;
    page.headLater = setTimeout(async () => {
      const found = await answerOf(callbacks.head(page.about({ relation: page.value.relations[relation].name, head })));
      if (page.data !== data || !page.root.isConnected) return;
      if (!found.error) V.keepHead(data, relation, head, found);
      if (page.state.relation !== relation || page.state.head !== head) return;
      if (!found.error) return draw(page, "head");
      page.waiting = found.error;
      draw(page, "hover");
    }, ASK_AFTER);
  }

  // The raw scores of one token on both sides {teacher, student: [T]}; {error} where they cannot be had, null while they
  // are on their way.
  function scoresOf(page, token) {
    const { value, state, callbacks, data, scoresFound } = page;
    const relation = value.relations[state.relation].name;
    if (V.isReplayed(value, state)) return { error: "The scores behind these weights are kept for the last step only." };
    if (value.rows && value.rows.relation === relation && value.rows.head === state.head) return V.storedScores(data, token);
    if (!callbacks.row) return { error: "The scores behind these weights need the app." };
    const key = relation + "," + state.head + "," + token;
    if (scoresFound.has(key)) return scoresFound.get(key);
    scoresFound.set(key, null);
    answerOf(callbacks.row(page.about({ relation, head: state.head, token }))).then((found) => {
      scoresFound.set(key, found);
      if (page.data === data && page.root.isConnected) draw(page, "chosen");
    });
    return null;
  }

  return { mount, pictureOf };
})();
