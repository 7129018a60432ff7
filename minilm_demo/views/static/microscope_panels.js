// The parts of the microscope around its three maps. Each is {element, level, draw()}: level is the smallest change that
// it has to be drawn again for (see LEVELS in microscope.js). All of them read page {value, data, state, view} and change
// it through page.set({…}) alone.

MiniLM.microscopePanels = (() => {
  const { make, say, show, scroller } = MiniLM.dom;
  const { controls: C, microscopeView: V, relations: R } = MiniLM;
  const SIDES = ["teacher", "student"];
  const WORST = 5;
  const FIRST_ROWS = 8;

  // -- who teaches whom

  function top(page) {
    const names = Object.fromEntries(SIDES.map((side) => [side, make("strong", "")]));
    const places = Object.fromEntries(SIDES.map((side) => [side, make("span", "mlm-place")]));
    const side = (one, role) => make("div", "mlm-who mlm-of-" + one, make("p", "mlm-role", role, places[one]), names[one]);
    const badge = make("b", "mlm-badge");
    const about = make("span", "");
    const line = make("p", "mlm-badge-line", badge, about);
    const texts = make("div", "mlm-texts");
    const element = make(
      "header", "mlm-top", make("div", "mlm-both", side("teacher", "Teacher"), side("student", "Student")), line, texts);
    function draw() {
      const { value } = page;
      for (const one of SIDES) {
        say(names[one], value[one].title);
        say(places[one], ", layer " + (value[one].layer + 1));
      }
      show(line, value.badge.title !== "");
      badge.dataset.kind = value.badge.kind;
      say(badge, value.badge.title);
      say(about, value.badge.about);
      texts.replaceChildren(...value.texts.map((text, place) => make(
        "p", "", value.texts.length > 1 ? make("b", "mlm-letter", "AB"[place]) : null, C.plain(text))));
    }
    return { element, level: "value", draw };
  }

  // -- which relation, which head

  function relations(page) {
    const box = make("div", "");
    const total = make("p", "mlm-total");
    const about = make("p", "mlm-note");
    const element = make("div", "mlm-relations", make("div", "mlm-relation-line", box, total), about);
    let choice = null;
    let numbers = [];
    let drawnFor = null;
    function draw() {
      const { value, state } = page;
      if (drawnFor !== value) {
        numbers = value.relations.map(() => make("span", "mlm-number"));
        const options = value.relations.map(({ title }, place) => ({ value: String(place), text: make("span", "mlm-relation", title, numbers[place]) }));
        choice = C.radios("Relation", options, (place) => page.set({ relation: Number(place) }));
        box.replaceChildren(choice.element);
        drawnFor = value;
      }
      choice.choose(String(state.relation));
      const losses = value.relations.map((_, place) => V.lossOf(page, place));
      losses.forEach((loss, place) => say(numbers[place], loss.toFixed(3)));
      const { equations, about: words } = value.relations[state.relation];
      say(total, "Loss on this text: " + R.total(losses).toFixed(3) + " nats, the sum" + (value.recipe === "minilm_v1" ? " (eq. 10)" : ""));
      say(about, words + (equations[0] ? " (" + equations[0] + ")" : ""));
    }
    return { element, level: "head", draw };
  }

  // One bar a head: how far the student is. A list from which one is chosen; arrows move.
  function bars(page) {
    const list = make("div", "mlm-bars");
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-orientation", "horizontal");
    const most = make("span", "mlm-bars-most");
    const mean = make("i", "mlm-bars-mean");
    const plot = make("div", "mlm-bars-plot", mean, list);
    const element = make("div", "mlm-bars-box", make("p", "mlm-axis", "KL(teacher ‖ student) of each head, in nats", most), plot);
    let heads = [];
    list.addEventListener("click", (event) => {
      const place = heads.indexOf(event.target.closest("[role=option]"));
      if (place >= 0) page.set({ head: place });
    });
    list.addEventListener("keydown", (event) => {
      const { head } = page.state;
      const steps = { ArrowLeft: head - 1, ArrowUp: head - 1, ArrowRight: head + 1, ArrowDown: head + 1, Home: 0, End: heads.length - 1 };
      if (event.key === "Enter" || event.key === " ") page.focusPicture();
      else if (event.key in steps) {
        page.set({ head: Math.min(heads.length - 1, Math.max(0, steps[event.key])) });
        heads[page.state.head].focus();
      } else return;
      event.preventDefault();
    });
    function draw() {
      const { data, state, value } = page;
      if (heads.length !== data.heads) {
        heads = Array.from({ length: data.heads }, (_, head) => headOption(head, data.heads));
        list.replaceChildren(...heads);
        list.classList.toggle("mlm-many", data.heads > 24);
      }
      const each = V.headDivergence(page);
      const full = fullHeight(page);
      list.setAttribute("aria-label", value.relations[state.relation].title + ": how far each head of the student is");
      heads.forEach((option, head) => {
        const chosen = head === state.head;
        option.setAttribute("aria-selected", String(chosen));
        option.tabIndex = chosen ? 0 : -1;
        option.setAttribute("aria-label", "Head " + (head + 1) + ": " + each[head].toFixed(3));
        option.title = option.getAttribute("aria-label");
        option.style.setProperty("--share", (each[head] / full).toFixed(4));
        say(option.firstChild, each[head].toFixed(2));
      });
      mean.style.setProperty("--share", (R.total(each) / each.length / full).toFixed(4));
      say(most, "dashed: their mean, " + (R.total(each) / each.length).toFixed(3));
    }
    return { element, level: "head", draw, focus: () => heads[page.state.head].focus() };
  }

  function headOption(head, count) {
    const every = count > 24 ? 6 : 1;
    const named = head === 0 || (head + 1) % every === 0;
    const option = make("div", "mlm-bar-option", make("span", "mlm-bar-number"), make("i", ""), make("span", "mlm-bar-name", named ? String(head + 1) : ""));
    option.setAttribute("role", "option");
    return option;
  }

  // What the highest bar stands for: the same in all frames, so that a student that comes nearer can be seen to.
  function fullHeight(page) {
    const { value, state } = page;
    const each = V.headDivergence({ ...page, state: { ...state, frame: null } });
    const replayed = value.frames ? value.frames.divergence[value.relations[state.relation].name].flat() : [];
    return Math.max(0.001, ...each, ...replayed);
  }

  // -- the chosen head, in words

  function heading(page) {
    const title = make("h3", "");
    const line = make("p", "mlm-sentence");
    const note = make("p", "mlm-note");
    const element = make("div", "mlm-heading", title, line, note);
    function draw() {
      const { view, value } = page;
      const sentence = V.sentence(page);
      const cells = view.cells ? "An overview: cells of about " + Math.round(value.size / view.labels.length) + " tokens each. Single heads in full need the app." : "";
      say(title, V.headName(page));
      say(line, sentence);
      say(note, page.waiting || cells);
      show(note, note.textContent !== "");
      say(page.live, title.textContent + ": " + sentence);
    }
    return { element, level: "hover", draw };
  }

  function controls(page) {
    const words = C.radios("Unit", [{ value: "words", text: "Words" }, { value: "pieces", text: "Pieces" }], (unit) => page.set({ words: unit === "words" }));
    const special = C.checkbox("", (checked) => page.set({ hideSpecial: checked }));
    const specialText = make("span", "");
    special.element.append(specialText);
    const element = make("div", "mlm-controls", words.element, special.element);
    function draw() {
      const { state, view, value } = page;
      words.choose(state.words ? "words" : "pieces");
      show(element, !view.cells);
      special.input.checked = state.hideSpecial;
      const { texts, special: special_ } = value.tokens;
      const names = [...new Set(texts.filter((_, place) => special_[place]))].slice(0, 3).join(" and ");
      const hidden = ", which get " + C.percent(view.hidden.teacher) + " in the teacher, " + C.percent(view.hidden.student) + " in the student";
      say(specialText, "Hide " + names + (state.hideSpecial ? hidden : ""));
    }
    return { element, level: "head", draw };
  }

  // -- the formula with your numbers

  function formula(page) {
    const title = make("h3", "");
    const pieces = make("div", "mlm-buttons");
    const steps = make("div", "mlm-steps");
    const row = make("div", "mlm-row");
    const note = make("p", "mlm-note");
    const element = make("section", "mlm-formula", title, pieces, make("div", "mlm-formula-body", make("div", "", steps, note), row));
    const own = { all: false, sorting: { column: 3, down: true } };
    function draw() {
      const { state, view } = page;
      show(element, !view.cells && state.chosen !== null);
      if (element.hidden) return;
      const { from, to } = state.chosen;
      const found = page.scores(from);
      const numbers = rowNumbers(page, from, found);
      say(title, "The formula with your numbers: " + V.tokenName(page.value, from) + " → " + V.tokenName(page.value, to));
      pieces.replaceChildren(...pieceButtons(page, "from"), ...pieceButtons(page, "to"));
      show(pieces, pieces.children.length > 0);
      steps.replaceChildren(...stepLines(page, numbers));
      say(note, found === null ? "The scores are on their way." : found.error || "");
      show(note, note.textContent !== "");
      row.replaceChildren(...rowTable(page, numbers, own, draw));
    }
    return { element, level: "chosen", draw };
  }

  // Both sides of one row: {p, q, shares, divergence} and, where the raw scores are known, {teacher, student} as
  // softmaxRow has them, with the scores themselves.
  function rowNumbers(page, token, found) {
    if (found && !found.error) {
      const exact = R.exactRow(found.teacher, found.student);
      return { ...exact, p: exact.teacher.weights, q: exact.student.weights, scores: found };
    }
    const { p, q } = V.rowWeights(page, token);
    const shares = R.shares(p, q);
    return { p, q, shares, divergence: R.total(shares), scores: null };
  }

  function stepLines(page, numbers) {
    const { value, state } = page;
    const { from, to } = state.chosen;
    const relation = value.relations[state.relation];
    const [one, other] = [...relation.letters];
    const equation = (place) => (relation.equations[place] ? " (" + relation.equations[place] + ")" : "");
    const both = (text) => SIDES.map((side) => make("div", "mlm-of-" + side, make("span", "mlm-unseen", side + ": "), ...text(side)));
    const line = (name, cells, className = "") => make("div", "mlm-step " + className, make("div", "mlm-step-name", name), ...cells);
    const lines = [line("", SIDES.map((side) => make("div", "mlm-of-" + side, make("b", "", side === "teacher" ? "Teacher" : "Student"))), "mlm-step-head")];
    if (numbers.scores) {
      lines.push(
        line("Score: " + one + " of " + name(page, from) + " · " + other + " of " + name(page, to) + ", divided by √d", both((side) => scoreParts(numbers.scores[side][to], value[side].head_size))),
        line("e to the power of it, less the row's largest score", both((side) => powerParts(numbers.scores[side][to], numbers[side], to))),
        line("Softmax: divided by the row's sum" + equation(0), both((side) => quotientParts(numbers[side], to))));
    } else lines.push(line("Softmax: the weight" + equation(0), both((side) => [make("b", "", (side === "teacher" ? numbers.p : numbers.q)[to].toFixed(3))])));
    const [p, q] = [numbers.p[to], numbers.q[to]];
    const wide = (...parts) => [make("div", "mlm-wide", ...parts)];
    const heads = page.data.heads;
    lines.push(
      line("Share of the divergence: p · ln(p / q)", wide(weight(p) + " · ln(" + weight(p) + " / " + weight(q) + ") = ", make("b", "", signed(numbers.shares[to], 3)))),
      line("The row: the sum of its " + value.size + " shares", wide("KL(p ‖ q) = ", make("b", "", numbers.divergence.toFixed(3)), " nats")),
      line("The loss: the mean of " + heads + " × " + value.size + " rows" + equation(1), wide(relation.title + " = ", make("b", "", V.lossOf(page, state.relation).toFixed(3)), " nats")));
    return lines;
  }

  function name({ value: { tokens } }, token) {
    return "“" + tokens.texts[token] + "”" + V.nth(tokens.texts, token);
  }

  function scoreParts(score, size) {
    return [signed(score * Math.sqrt(size), 2, "") + " / √" + size + " = ", make("b", "", signed(score, 2, ""))];
  }

  function powerParts(score, { largest, exponentials }, to) {
    return ["e", make("sup", "", signed(score, 2, "") + (largest < 0 ? " + " : " − ") + Math.abs(largest).toFixed(2)), " = ", make("b", "", weight(exponentials[to]))];
  }

  function quotientParts({ exponentials, sum, weights }, to) {
    return [weight(exponentials[to]) + " / " + sum.toFixed(2) + " = ", make("b", "", weight(weights[to]))];
  }

  // Small weights keep two digits that say something: 0.0004 is not 0.
  function weight(value) {
    return value >= 0.01 || value === 0 ? value.toFixed(3) : value.toPrecision(2).replace("e-", " · 10^−");
  }

  function signed(value, digits, plus = "+") {
    const text = Math.abs(value).toFixed(digits);
    return (Number(text) === 0 ? "" : value < 0 ? "−" : plus) + text;
  }

  // A word of several pieces: each has a row or a column of its own.
  function pieceButtons(page, end) {
    const { tokens, words } = page.value;
    const { chosen } = page.state;
    const word = tokens.words[chosen[end]];
    const pieces = tokens.texts.map((_, token) => token).filter((token) => word !== null && tokens.words[token] === word);
    if (pieces.length < 2) return [];
    const buttons = pieces.map((token) => {
      const node = C.button(tokens.texts[token], () => page.set({ chosen: { ...chosen, [end]: token } }));
      node.setAttribute("aria-pressed", String(token === chosen[end]));
      return node;
    });
    return [make("span", "", "Pieces of “" + words[word].text + "”:"), ...buttons];
  }

  // The whole row: what both sides give to every token, and what that adds to the divergence.
  function rowTable(page, { p, q, shares }, own, redraw) {
    const { value, state } = page;
    const { chosen } = state;
    const most = Math.max(...p, ...q);
    const rows = value.tokens.texts.map((text, token) => ({
      token, order: [token, p[token], q[token], Math.abs(shares[token])],
      cells: [keyButton(page, token), barCell(p[token], most, "teacher"), barCell(q[token], most, "student"), make("span", "mlm-number", signed(shares[token], 3))],
    }));
    const title = "The row of " + V.tokenName(value, chosen.from);
    const sheet = C.sortable({
      caption: title, headings: ["To", "Teacher, p", "Student, q", "Share of KL"], rows, sorting: own.sorting, most: own.all ? Infinity : FIRST_ROWS,
      chosen: ({ token }) => token === chosen.to,
    });
    const more = value.size > FIRST_ROWS
      ? C.button(own.all ? "Only the first " + FIRST_ROWS : "All " + value.size, () => { own.all = !own.all; redraw(); }) : null;
    return [make("h4", "", title), scroller(title, sheet), more ? make("div", "mlm-buttons", more) : null].filter((part) => part);
  }

  function keyButton(page, token) {
    const node = C.button("", () => {
      page.set({ chosen: { ...page.state.chosen, to: token } });
      page.root.querySelector(".mlm-chosen-line button")?.focus(); // this one is drawn anew
    }, "mlm-row-key");
    node.append(C.plain(page.value.tokens.texts[token]), make("span", "mlm-nth", V.nth(page.value.tokens.texts, token)));
    node.title = "Show its numbers";
    return node;
  }

  function barCell(value, most, side) {
    const bar = make("i", "mlm-fill-" + side);
    bar.style.width = C.length(value / most);
    return make("span", "mlm-bar-cell", make("span", "mlm-number", value.toFixed(3)), make("span", "mlm-bar", bar));
  }

  // -- the worst rows

  function worst(page) {
    const title = make("h3", "");
    const list = make("ol", "mlm-worst");
    const element = make("section", "", title, list);
    function draw() {
      const { data, value, state } = page;
      const rows = R.worst(V.divergenceOf(page), data.heads, V.shownTokens(page), WORST);
      say(title, value.relations[state.relation].title + ": where the student is farthest away");
      list.replaceChildren(...rows.map((row) => worstLine(page, row)));
    }
    return { element, level: "head", draw };
  }

  function worstLine(page, row) {
    const { text, to } = V.rowSentence(page, row);
    const node = C.button("", () => {
      page.set({ head: row.head, chosen: { from: row.token, to: to === null ? row.token : to } });
      page.focusBars();
    }, "mlm-worst-row");
    node.append(C.plain(text), make("span", "mlm-number", "KL " + row.divergence.toFixed(2)));
    return make("li", "", node);
  }

  // -- while it learns

  function frames(page) {
    return MiniLM.frames.part(page, {
      title: "While it learned", label: "Step of the distillation", level: "head", height: 84, read: readFrames,
    });
  }

  // The losses over the steps.
  function readFrames({ value: { frames: all, relations: every }, state }) {
    const curves = every.map(({ title, name }, dash) => (
      { title, dash, values: all.steps.map((_, frame) => frameLoss(all, name, frame)) }));
    const fell = ({ title, values }) => title + " from " + values[0].toFixed(2) + " to " + values.at(-1).toFixed(2);
    return {
      said: curves.map(({ title, values }) => title + " " + values[state.frame].toFixed(3)).join(", "),
      curves,
      most: Math.max(...curves.flatMap(({ values }) => values)), lines: [0],
      summary: "Losses over the steps: " + curves.map(fell).join(", ") + ".",
    };
  }

  function frameLoss({ divergence }, name, frame) {
    return R.total(divergence[name][frame]) / divergence[name][frame].length;
  }

  return { top, relations, bars, heading, controls, formula, worst, frames };
})();
