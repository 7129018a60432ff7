// The parts of the attention explorer around its pictures. Each is {element, level, draw(level)}: `level` is the smallest
// change that it has to be drawn again for (see LEVELS in attention.js). All of them read `page` {value, trace, state,
// view, callbacks, id} and change it through `page.set({…})` alone.

MiniLM.attentionPanels = (() => {
  const { make, shape, say, show, table, details } = MiniLM.dom;
  const { headName, quoted, isSingle, keyOf } = MiniLM.attentionView;
  const W = MiniLM.weights;
  const LETTERS = ["A", "B"];
  const SIGNS = { previous: "←", next: "→", same: "↻", separator: "‖", cross_sentence: "⇄", broad: "≡" };
  const LISTED = 12; // heads of a kind

  // -- small things

  function button(text, press, className = "") {
    const node = make("button", "mlm-small " + className, text);
    node.type = "button";
    node.addEventListener("click", press);
    return node;
  }

  function percent(share) {
    return (100 * share).toFixed(0) + " %";
  }

  // The same for a style, which has no space in it.
  function length(share) {
    return (100 * Math.min(1, share)).toFixed(1) + "%";
  }

  // options [{value, text}] as radio buttons that look like one row of buttons.
  function radios(page, legend, options, pick) {
    const inputs = new Map();
    const labels = options.map(({ value, text }) => {
      const input = make("input", "");
      Object.assign(input, { type: "radio", name: "mlm-" + page.id + "-" + legend, value });
      input.addEventListener("change", () => pick(value));
      inputs.set(value, input);
      return make("label", "", input, make("span", "", text));
    });
    const element = make("fieldset", "mlm-radios", make("legend", "mlm-unseen", legend), ...labels);
    const choose = (value) => inputs.forEach((input, one) => { input.checked = one === value; });
    const allow = (value, allowed) => { inputs.get(value).disabled = !allowed; };
    return { element, choose, allow };
  }

  function checkbox(text, change) {
    const input = make("input", "");
    input.type = "checkbox";
    input.addEventListener("change", () => change(input.checked));
    return { element: make("label", "mlm-check", input, text), input };
  }

  function headText({ layer, head }) {
    return "Layer " + (layer + 1) + ", head " + (head + 1);
  }

  function headButton(page, place, number) {
    const { layer, head, rollout } = page.state;
    const node = button("", () => page.set({ layer: place.layer, head: place.head, rollout: false, entered: true }), "mlm-head-button");
    node.append(headText(place), make("span", "mlm-number", number));
    node.setAttribute("aria-pressed", String(!rollout && layer === place.layer && head === place.head));
    return node;
  }

  // -- what was asked and what the model says

  function top(page) {
    const title = make("p", "mlm-trace-title");
    const texts = make("div", "mlm-trace-texts");
    const answer = make("div", "mlm-trace-answer");
    const chips = make("div", "mlm-chips");
    const element = make("header", "mlm-trace", make("div", "", title, texts, chips), answer);
    function draw() {
      const { value } = page;
      say(title, value.title + (value.precomputed ? " · precomputed" : ""));
      texts.replaceChildren(...value.texts.map((text, place) => make(
        "p", "", value.texts.length > 1 ? make("b", "mlm-letter", LETTERS[place]) : null, plain(text))));
      answer.replaceChildren(...predictionParts(page));
      chips.replaceChildren(...changeChips(page));
      show(chips, chips.children.length > 0);
    }
    return { element, level: "grid", draw };
  }

  function plain(text) {
    const node = make("span", "", text);
    node.dir = "auto";
    return node;
  }

  function predictionParts({ value, state }) {
    const now = state.frame === null ? value.prediction : value.frames.predictions[state.frame];
    if (!now) return [];
    const before = value.before && value.before.prediction;
    return [
      make("p", "mlm-says", now.sentence),
      ...now.bars.map((bar, place) => predictionBar(bar, before && before.bars[place])),
      before ? make("p", "mlm-was", value.before.title + ": " + before.sentence) : null,
    ].filter((part) => part);
  }

  function predictionBar({ label, share, text = percent(share) }, before) {
    const fill = make("i", "");
    fill.style.width = length(share);
    const bar = make("span", "mlm-share", fill);
    if (before) {
      const mark = make("b", "");
      mark.style.insetInlineStart = length(before.share);
      bar.append(mark);
    }
    return make("p", "mlm-share-line", make("span", "mlm-share-name", label), bar, make("span", "mlm-number", text));
  }

  // What this trace was made with, each with a button that undoes it.
  function changeChips(page) {
    const { masked, ablated } = page.value.changed;
    const chip = (text, left) => (page.callbacks.retrace
      ? button(text + " ✕", () => page.retrace(left), "mlm-chip") : make("span", "mlm-chip", text));
    const chips = [
      ...masked.map((token) => chip("Masked: " + page.value.tokens.texts[token], { masked: masked.filter((one) => one !== token), ablated })),
      ...ablated.map((place) => chip(headText(place) + " off", { masked, ablated: ablated.filter((one) => one !== place) })),
    ];
    if (chips.length > 1 && page.callbacks.retrace) chips.push(button("Undo all", () => page.retrace({ masked: [], ablated: [] })));
    return chips;
  }

  // -- this trace, the other one, the difference; a trace while it learns

  function sides(page) {
    const element = make("div", "mlm-sides");
    let choice = null;
    let drawnFor = null;
    function draw() {
      const { value, trace, state } = page;
      show(element, trace.other !== null);
      if (!trace.other) return;
      if (drawnFor !== trace) {
        const changed = value.changed.masked.length + value.changed.ablated.length > 0;
        choice = radios(page, "Which trace", [
          { value: "this", text: value.frames ? "This step" : changed ? "With the change" : value.title },
          { value: "other", text: value.frames && !value.before ? "Step " + value.frames.steps[0] : trace.otherTitle },
          { value: "difference", text: "Difference" },
        ], (side) => page.set({ side }));
        const note = value.before && value.before.note;
        element.replaceChildren(choice.element, ...(note ? [make("p", "mlm-note", note)] : []));
        drawnFor = trace;
      }
      choice.choose(state.side);
    }
    return { element, level: "grid", draw };
  }

  function frames(page) {
    const element = make("section", "mlm-frames");
    const slider = make("input", "");
    Object.assign(slider, { type: "range", min: 0, step: 1 });
    const words = make("p", "mlm-frame-words");
    const key = make("p", "mlm-frame-key");
    const chart = shape("svg", { class: "mlm-frame-chart", height: 76, role: "img" });
    const play = button("Play", () => toggle());
    const state = { timer: null };
    slider.setAttribute("aria-label", "Step of the training");
    slider.addEventListener("input", () => { stop(); page.set({ frame: Number(slider.value) }); });
    element.append(
      make("div", "mlm-frame-head", make("h4", "", "While it learns"), words, key), chart,
      make("div", "mlm-frame-line", play, slider));
    new ResizeObserver(() => drawChart()).observe(slider);

    function toggle() {
      if (state.timer) return stop();
      const last = page.value.frames.steps.length - 1;
      if (page.state.frame === last) page.set({ frame: 0 });
      say(play, "Pause");
      state.timer = setInterval(() => {
        if (!element.isConnected || !page.value.frames || page.state.frame >= page.value.frames.steps.length - 1) return stop();
        page.set({ frame: page.state.frame + 1 });
      }, 450);
    }
    function stop() {
      clearInterval(state.timer);
      state.timer = null;
      say(play, "Play");
    }
    function drawChart() {
      const { frames: all } = page.value;
      if (all && slider.clientWidth) drawFrames(chart, all, page.state.frame, slider.clientWidth);
    }
    function draw() {
      const { frames: all } = page.value;
      show(element, Boolean(all));
      if (!all) return stop();
      slider.max = all.steps.length - 1;
      slider.value = page.state.frame;
      const now = all.predictions[page.state.frame];
      const step = "Step " + all.steps[page.state.frame] + " of " + all.steps.at(-1);
      slider.setAttribute("aria-valuetext", step);
      say(words, step + (now ? ": " + now.sentence : ""));
      key.replaceChildren(...frameKey(all));
      drawChart();
    }
    return { element, level: "grid", draw, stop };
  }

  function hasCurves({ predictions }) {
    return predictions.every((one) => one && one.bars.length);
  }

  // The label that wins at the end has the thick line; the others are told apart by their dashes.
  function dashes(predictions) {
    const last = predictions.at(-1).bars;
    const best = last.reduce((top, { share }, place) => (share > last[top].share ? place : top), 0);
    return last.map(({ label }, place) => ({ label, dash: place === best ? 0 : 1 + ((place + last.length - best - 1) % last.length) }));
  }

  function frameKey(all) {
    if (!hasCurves(all)) return [];
    return dashes(all.predictions).map(({ label, dash }) => {
      const line = shape("svg", { width: 30, height: 10, "aria-hidden": "true" });
      line.append(shape("path", { d: "M0 5H30", class: "mlm-frame-curve mlm-dash-" + dash }));
      return make("span", "", line, label);
    });
  }

  // The probabilities of the labels over the steps, above the slider and on its axis.
  function drawFrames(svg, all, frame, width) {
    const { steps, predictions } = all;
    svg.style.display = hasCurves(all) ? "" : "none";
    if (!hasCurves(all)) return;
    const edge = 8; // half of the slider's knob
    const x = (place) => edge + (place / Math.max(1, steps.length - 1)) * (width - 2 * edge);
    const y = (share) => 68 - 60 * share;
    const lines = dashes(predictions).map(({ dash }, place) => {
      const points = predictions.map(({ bars }, step) => x(step).toFixed(1) + " " + y(bars[place].share).toFixed(1));
      return shape("path", { d: "M" + points.join("L"), class: "mlm-frame-curve mlm-dash-" + dash });
    });
    svg.setAttribute("width", width);
    svg.setAttribute("aria-label", "Probability of each label over the steps: " + predictions.at(-1).bars.map(({ label, share }) => label + " " + percent(share)).join(", ") + " at the end.");
    svg.replaceChildren(
      shape("path", { class: "mlm-frame-base", d: "M0 " + y(0) + "H" + width + "M0 " + y(1) + "H" + width }), ...lines,
      shape("path", { class: "mlm-frame-now", d: "M" + x(frame) + " 2V74" }),
      ...predictions[frame].bars.map(({ share }) => shape("circle", { class: "mlm-frame-dot", cx: x(frame), cy: y(share), r: 4 })));
  }

  // -- head finder

  function finder(page) {
    const list = make("div", "mlm-kinds");
    const about = make("div", "mlm-kind-about");
    const rollout = button("Attention rollout", () => page.set({ rollout: !page.state.rollout, entered: true }));
    rollout.title = "All layers together: what can be followed back through the network (Abnar and Zuidema 2020)";
    const element = make("div", "mlm-finder", list, about, rollout);
    let kinds = [];
    function draw(level) {
      const { state } = page;
      if (level === "value") {
        kinds = kindsOf(page.value);
        list.replaceChildren(...kinds.map((kind) => kindButton(page, kind)));
      }
      kinds.forEach(({ name }, place) => list.children[place].setAttribute("aria-pressed", String(state.kind === name)));
      const chosen = kinds.find(({ name }) => name === state.kind);
      about.replaceChildren(...(chosen ? aboutKind(page, chosen) : []));
      rollout.setAttribute("aria-pressed", String(state.rollout));
      show(rollout, page.trace.whole || Boolean(page.callbacks.head));
    }
    return { element, level: "head", draw };
  }

  // The kinds that can be told for this text, with their heads, and the rest.
  function kindsOf({ behaviours, layers, heads }) {
    const of = (name) => {
      const found = [];
      for (let layer = 0; layer < layers; layer++) {
        for (let head = 0; head < heads; head++) {
          const score = behaviours.scores[name] ? behaviours.scores[name][layer][head] : null;
          if (behaviours.labels[layer][head] === name) found.push({ layer, head, score });
        }
      }
      return found.sort((one, other) => other.score - one.score);
    };
    const told = ({ name }) => behaviours.scores[name] && behaviours.scores[name].some((layer) => layer.some((score) => score !== null));
    return [...behaviours.kinds.filter(told), { name: "mixed", title: "Mixed", about: "No behaviour reaches its threshold for this text." }]
      .map((kind) => ({ ...kind, found: of(kind.name) }));
  }

  function kindButton(page, { name, title, found }) {
    const node = button("", () => page.set({ kind: page.state.kind === name ? null : name }), "mlm-kind");
    node.dataset.kind = name;
    node.append(make("span", "mlm-thumb-sign", SIGNS[name] || ""), title, make("span", "mlm-number", String(found.length)));
    return node;
  }

  function aboutKind(page, { about, threshold, found, name }) {
    const line = about + (threshold === undefined ? "" : " Threshold: " + threshold.toFixed(2) + ".");
    const heads = name === "mixed" ? [] : found.slice(0, LISTED).map((place) => headButton(page, place, place.score.toFixed(2)));
    return [make("p", "mlm-note", line), make("div", "mlm-buttons", ...heads)];
  }

  // What the grid writes on a head: its kind, its sign, its name and score, and whether another kind is looked for.
  function markOf({ value, state }, layer, head) {
    if (layer === "mean" || head === "mean") return { kind: "none", sign: "", label: headName({ value }, { layer, head }), dim: state.kind !== null };
    const name = value.behaviours.labels[layer][head];
    const kind = value.behaviours.kinds.find((one) => one.name === name);
    const score = kind && value.behaviours.scores[name][layer][head];
    const label = headText({ layer, head }) + ": " + (kind ? kind.title + " " + score.toFixed(2) : "Mixed");
    return { kind: name, sign: SIGNS[name] || "", label, dim: state.kind !== null && state.kind !== name };
  }

  // -- pairs and answers

  function pairs(page) {
    const box = make("div", "mlm-blocks");
    const crossing = make("div", "mlm-buttons");
    const crossingTitle = make("p", "mlm-subtitle", "The five heads that talk most across the texts");
    const all = button("Show all", () => page.set({ block: null }));
    const note = make("p", "mlm-note", "How much of a word's weight goes to all words of a text; the rest goes to the special tokens. Choose a cell to see it alone.");
    const element = make("section", "mlm-pairs", make("h4", "", "Within and across the texts"), box, note, crossingTitle, crossing);
    function draw() {
      const { value } = page;
      show(element, value.texts.length > 1);
      if (value.texts.length < 2) return;
      box.replaceChildren(blockTable(page, blockMass(page)), all);
      show(all, page.state.block !== null);
      show(crossingTitle, Boolean(value.crossing));
      crossing.replaceChildren(...(value.crossing || []).map((place) => headButton(page, place, percent(place.mass))));
    }
    return { element, level: "head", draw };
  }

  // [2][2]: the mean mass that a token of one text gives to the other text's tokens.
  function blockMass({ value, view, state }) {
    if (view.cells) return isSingle(state) ? value.pair[state.layer][state.head] : null;
    const size = view.labels.length;
    return LETTERS.map((_, from) => LETTERS.map((__, to) => {
      let [mass, tokens] = [0, 0];
      view.labels.forEach((row, one) => {
        if (row.special || row.segment !== from) return;
        tokens += row.tokens.length;
        view.labels.forEach((column, other) => {
          if (!column.special && column.segment === to) mass += view.matrix[one * size + other] * row.tokens.length;
        });
      });
      return tokens ? mass / tokens : 0;
    }));
  }

  function blockTable(page, mass) {
    const cell = (from, to) => {
      const chosen = page.state.block && page.state.block[0] === from && page.state.block[1] === to;
      const node = button(mass ? signedPercent(mass[from][to], page.view.signed) : "–", () => page.set({ block: chosen ? null : [from, to] }), "mlm-block");
      if (mass) node.style.setProperty("--share", length(Math.abs(mass[from][to])));
      if (mass && page.view.signed) node.classList.add(mass[from][to] < 0 ? "mlm-less" : "mlm-more");
      node.setAttribute("aria-pressed", String(Boolean(chosen)));
      node.setAttribute("aria-label", LETTERS[from] + " to " + LETTERS[to] + ": " + node.textContent);
      return node;
    };
    return table("Weight between the texts", ["from", "to A", "to B"], [["A", cell(0, 0), cell(0, 1)], ["B", cell(1, 0), cell(1, 1)]], true);
  }

  function signedPercent(share, signed) {
    return (signed ? (share < 0 ? "−" : "+") : "") + percent(Math.abs(share));
  }

  function answer(page) {
    const title = make("h4", "");
    const now = make("p", "mlm-note");
    const list = make("div", "mlm-buttons");
    const mark = button("", () => page.set({ chosen: { axis: "column", tokens: page.value.answer.tokens } }));
    const element = make("section", "mlm-answer-mass", title, now, list, mark);
    function draw() {
      const { value, state } = page;
      show(element, Boolean(value.answer));
      if (!value.answer) return;
      const { mass, text } = value.answer;
      say(title, "The heads whose question looks at the answer");
      say(mark, "Who looks at " + quoted(text) + "?");
      say(now, isSingle(state) ? "This head: " + percent(mass[state.layer][state.head]) + " of the question's weight is on " + quoted(text) + "." : "");
      const heads = mass.flatMap((layer, l) => layer.map((share, h) => ({ layer: l, head: h, share })));
      const best = heads.sort((one, other) => other.share - one.share).slice(0, 5);
      list.replaceChildren(...best.map((place) => headButton(page, place, percent(place.share))));
    }
    return { element, level: "head", draw };
  }

  // -- the controls of the large picture

  function controls(page) {
    const drawing = radios(page, "Drawn as", [{ value: "lines", text: "Lines" }, { value: "matrix", text: "Matrix" }], (value) => page.set({ drawing: value }));
    const words = radios(page, "Unit", [{ value: "words", text: "Words" }, { value: "pieces", text: "Pieces" }], (value) => page.set({ words: value === "words" }));
    const special = checkbox("", (checked) => page.set({ hideSpecial: checked }));
    const specialText = make("span", "");
    special.element.append(specialText);
    const several = checkbox("Select several words", (checked) => page.set({ several: checked }));
    const keep = make("input", "");
    Object.assign(keep, { type: "range", min: 5, max: 100, step: 5 });
    keep.addEventListener("input", () => page.set({ keep: Number(keep.value) }));
    const keepText = make("span", "mlm-number");
    const keepBox = make("label", "mlm-keep", "Keep the strongest", keep, keepText);
    const more = make("details", "mlm-details mlm-settings", make("summary", "", "More settings"), make("div", "mlm-controls", keepBox, several.element));
    const off = offSwitch(page);
    const element = make(
      "div", "mlm-toolbar",
      make("div", "mlm-controls", drawing.element, words.element, off.element),
      make("div", "mlm-controls", special.element, more));
    function draw() {
      const { state, view, value } = page;
      drawing.choose(view.lines ? "lines" : "matrix");
      drawing.allow("lines", Math.max(view.rows.length, view.columns.length) <= MiniLM.attentionView.LINES_AT_MOST);
      words.choose(state.words ? "words" : "pieces");
      show(words.element, !view.cells);
      show(special.element, !view.cells);
      special.input.checked = state.hideSpecial;
      say(specialText, specialWords(value, state, view));
      several.input.checked = state.several;
      keep.value = state.keep;
      say(keepText, state.keep === 100 ? "all" : state.keep + " % of each row");
      off.draw();
    }
    return { element, level: "head", draw };
  }

  function specialWords({ tokens }, { hideSpecial }, { hidden, signed }) {
    const names = [...new Set(tokens.texts.filter((_, place) => tokens.special[place]))].slice(0, 3).join(" and ");
    return "Hide " + names + (hideSpecial && !signed ? ", which get " + percent(hidden) + " here" : "");
  }

  // -- one row with its numbers

  const FIRST_ROWS = 8;

  function row(page) {
    const element = make("section", "mlm-row");
    const state = { all: false, drawn: "" };
    function draw() {
      const chosen = chosenGroups(page);
      show(element, chosen.length > 0);
      if (!chosen.length) { element.replaceChildren(); return; }
      const exact = exactToken(page, chosen);
      if (exact === null) return element.replaceChildren(...weightRows(page, chosen, state, draw));
      const scores = page.scores(exact, () => draw());
      if (!scores) return element.replaceChildren(...weightRows(page, chosen, state, draw, scoresNote(page)));
      element.replaceChildren(...scoreRows(page, exact, chosen[0], scores, state, draw));
    }
    return { element, level: "chosen", draw };
  }

  function scoresNote({ callbacks, state }) {
    if (!callbacks.row) return "The scores behind these weights need the app.";
    return state.entered ? "The scores are on their way." : "";
  }

  // Nobody is asked for anything before a person chose something.
  function scoresButton(page, chosen) {
    if (page.state.entered || !page.callbacks.row || exactToken(page, chosen) === null) return null;
    return button("The scores behind them", () => page.set({ entered: true }));
  }

  function chosenGroups({ view, state }) {
    const { rows, columns } = MiniLM.attentionView.chosenPlaces(view, state.chosen);
    return rows.length ? rows.map((place) => view.rows[place]) : columns.map((place) => view.columns[place]);
  }

  // The token whose raw scores can be shown: one word of one head of this trace, looking; else null.
  function exactToken({ state, view }, chosen) {
    if (chosen.length !== 1 || state.chosen.axis !== "row" || !isSingle(state) || view.cells) return null;
    if (state.side !== "this" || state.frame !== null) return null;
    const { tokens } = view.labels[chosen[0]];
    return tokens[Math.min(state.piece, tokens.length - 1)];
  }

  function weightRows(page, chosen, state, redraw, note = "") {
    const { view } = page;
    const { rows, columns } = MiniLM.attentionView.chosenPlaces(view, page.state.chosen);
    const looking = rows.length > 0;
    const numbers = looking ? MiniLM.attentionView.fromRows(view, rows) : MiniLM.attentionView.fromColumns(view, columns);
    const others = looking ? view.columns : view.rows;
    const names = chosen.map((group) => quoted(view.labels[group].name));
    const who = names.length > 3 ? names.length + " words" : names.join(", ");
    const title = looking ? who + (names.length > 1 ? " together look at (mean)" : " looks at") : "Who looks at " + who + (names.length > 1 ? " (sum)" : "");
    const entries = others.map((group, place) => ({ name: view.labels[group].name, weight: numbers[place] }))
      .sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight));
    const most = Math.max(0.0001, ...entries.map(({ weight }) => Math.abs(weight)));
    const shown = state.all ? entries : entries.slice(0, FIRST_ROWS);
    const lines = shown.map(({ name, weight }) => [plain(name), barCell(weight, most, view.signed)]);
    return [
      make("h4", "", title),
      table(title, [looking ? "To" : "From", "Weight"], lines, true),
      make("div", "mlm-buttons", moreButton(state, entries.length, redraw), scoresButton(page, chosen), ...rowActions(page, chosen)),
      note ? make("p", "mlm-note", note) : null,
    ].filter((part) => part);
  }

  function barCell(weight, most, signed) {
    const bar = make("i", signed ? (weight < 0 ? "mlm-less" : "mlm-more") : "");
    bar.style.width = length(Math.abs(weight) / most);
    return make("span", "mlm-bar-cell", make("span", "mlm-number", signed ? MiniLM.maps.weightText(weight, true) : weight.toFixed(3)), make("span", "mlm-bar", bar));
  }

  function moreButton(state, count, redraw) {
    if (count <= FIRST_ROWS) return null;
    return button(state.all ? "Only the strongest " + FIRST_ROWS : "All " + count, () => { state.all = !state.all; redraw(); });
  }

  // The softmax of one token with its real numbers: q·k/√d, the exponentials, their sum, the weights.
  function scoreRows(page, token, group, scores, state, redraw) {
    const { value, view } = page;
    const { largest, exponentials, sum, weights } = W.softmaxRow(scores);
    const entries = scores.map((score, key) => ({ key, score, exponential: exponentials[key], weight: weights[key] }))
      .sort((one, other) => other.weight - one.weight);
    const shown = state.all ? entries : entries.slice(0, FIRST_ROWS);
    const rest = entries.slice(shown.length);
    const total = (list, name) => list.reduce((amount, entry) => amount + entry[name], 0);
    const lines = shown.map(({ key, score, exponential, weight }) => [
      plain(value.tokens.texts[key]), score === null ? "masked" : signedNumber(score), exponential.toFixed(3), barCell(weight, entries[0].weight, false)]);
    if (rest.length) lines.push([rest.length + " others", "", total(rest, "exponential").toFixed(3), barCell(total(rest, "weight"), entries[0].weight, false)]);
    lines.push([make("b", "", "Sum"), "", make("b", "", sum.toFixed(3)), make("b", "mlm-number", "1.000")]);
    const title = "From scores to weights: " + quoted(value.tokens.texts[token]) + " looks at";
    const sheet = table(title, ["To", "q·k/√d", "exp", "Weight = exp / sum"], lines, true);
    sheet.classList.add("mlm-scores");
    return [
      make("h4", "", title),
      piecesLine(page, view.labels[group]),
      sheet,
      make("p", "mlm-note", "exp is e to the power of the score less the largest score, " + signedNumber(largest) + ": the same weights, and no overflow."),
      make("div", "mlm-buttons", moreButton(state, entries.length, redraw), ...rowActions(page, [group])),
    ].filter((part) => part);
  }

  function signedNumber(value) {
    return (value < 0 ? "−" : "") + Math.abs(value).toFixed(2);
  }

  // A word of several pieces: each piece has a row of its own.
  function piecesLine(page, { text, tokens }) {
    if (tokens.length < 2) return null;
    const pieces = tokens.map((token, place) => {
      const node = button(page.value.tokens.texts[token], () => page.set({ piece: place }));
      node.setAttribute("aria-pressed", String(place === Math.min(page.state.piece, tokens.length - 1)));
      return node;
    });
    return make("div", "mlm-buttons", make("span", "", quoted(text) + " is made of pieces:"), ...pieces);
  }

  function rowActions(page, chosen) {
    const { callbacks, view, value } = page;
    if (!callbacks.retrace || view.cells || value.frames) return [];
    const tokens = chosen.flatMap((group) => view.labels[group].tokens).filter((token) => !value.changed.masked.includes(token));
    if (!tokens.length) return [];
    const name = chosen.length > 1 ? "these words" : quoted(view.labels[chosen[0]].name);
    return [button("Mask " + name, () => page.retrace({ masked: [...value.changed.masked, ...tokens], ablated: value.changed.ablated }))];
  }

  function offSwitch(page) {
    const element = button("", () => {
      const { masked, ablated } = page.value.changed;
      const { layer, head } = page.state;
      const others = ablated.filter((place) => place.layer !== layer || place.head !== head);
      page.retrace({ masked, ablated: others.length < ablated.length ? others : [...ablated, { layer, head }] });
    }, "mlm-switch");
    function draw() {
      const { state, value, callbacks } = page;
      show(element, Boolean(callbacks.retrace) && isSingle(state) && !value.frames);
      const isOff = value.changed.ablated.some(({ layer, head }) => layer === state.layer && head === state.head);
      say(element, isOff ? "Switch this head on again" : "Switch this head off");
    }
    return { element, draw };
  }

  // -- is attention an explanation?

  function explanation(page) {
    const box = details("Is attention an explanation?", () => {
      const { value, callbacks } = page;
      if (value.explanation) return drawExplanation(page, value.explanation);
      const ask = button("Compare it with two other methods", () => { ask.disabled = true; page.wait(); callbacks.explain({}); });
      return make("div", "", make("p", "mlm-note", "Attention says where a model looks, not why it answers. Two other methods ask the answer itself: leave a word out, or follow the gradient back to it."), ask);
    });
    function draw() {
      const { value, callbacks } = page;
      show(box, Boolean(value.explanation || callbacks.explain));
      if (value.explanation && !box.open) box.open = true;
      box.redraw();
    }
    return { element: box, level: "value", draw };
  }

  function drawExplanation(page, { names, about, words, correlations, top, note }) {
    const most = names.map((_, place) => Math.max(0.000001, ...words.map(({ values }) => Math.abs(values[place] ?? 0))));
    const methods = names.map((name, place) => make(
      "section", "mlm-method", make("h4", "", name), make("p", "mlm-note", about[place]),
      make("p", "mlm-method-words", ...words.flatMap((word, index) => [index ? " " : "", methodWord(word, place, most[place], names[place])])),
      maskTop(page, words[top[place]], name)));
    const rows = words.map(({ word, values }) => [plain(word), ...values.map((value) => (value === null ? "not tried" : signedSmall(value)))]);
    return make(
      "div", "", make("div", "mlm-methods", ...methods),
      make("p", "mlm-agree", "Do they agree on the order of the words? " + correlations.map(({ pair, value }) => pair + ": " + (value === null ? "too few words" : correlationWords(value))).join("; ") + "."),
      note ? make("p", "mlm-note", note) : null,
      details("The words as a table", () => MiniLM.dom.scroller("The words as a table", table("The words by each method", ["Word", ...names], rows, true))));
  }

  function methodWord({ word, values }, place, most, name) {
    const value = values[place];
    const node = plain(word);
    node.className = "mlm-method-word";
    if (value === null) node.classList.add("mlm-not-tried");
    else {
      node.classList.add(value < 0 ? "mlm-against" : "mlm-for");
      node.style.setProperty("--share", length(Math.abs(value) / most));
    }
    node.title = name + ": " + (value === null ? "not tried" : signedSmall(value));
    return node;
  }

  function signedSmall(value) {
    return (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);
  }

  function correlationWords(value) {
    const size = Math.abs(value);
    const words = size < 0.2 ? "hardly" : size < 0.5 ? "a little" : size < 0.8 ? "mostly" : "almost fully";
    return signedSmall(value).slice(0, -1) + " (" + words + (value <= -0.2 ? ", the other way round" : "") + ")";
  }

  function maskTop(page, word, name) {
    if (!word || !page.callbacks.retrace) return null;
    const { masked, ablated } = page.value.changed;
    const tokens = word.tokens.filter((token) => !masked.includes(token));
    const node = button("Mask its top word, " + quoted(word.word), () => page.retrace({ masked: [...masked, ...tokens], ablated }));
    node.disabled = !tokens.length;
    node.title = "The top word of: " + name;
    return node;
  }

  return { top, sides, frames, finder, pairs, answer, controls, row, explanation, markOf, button, percent, LETTERS };
})();
