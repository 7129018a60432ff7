// The experiment "Does it help?": its arms as dots, in words and as tables, live while it is under way; and, set apart,
// the paper's numbers. See ablation_payload.
//
// callbacks.poll({run}) promises the next payload, or {gone}, a sentence, for a run that is there no longer;
// callbacks.stop({run}) asks for the end. Without them the picture stands still.

MiniLM.ablation = (() => {
  const { make, say, show, table, scroller, details, code, facts } = MiniLM.dom;
  const EVERY = 1000; // milliseconds between two questions
  const HIDDEN = 4000; // nobody is looking

  function mount(root, value, callbacks = {}) {
    const state = { root, callbacks, page: build(root), timer: 0, asked: 0, value: null };
    state.page.stop.addEventListener("click", () => askToStop(state));
    update(state, value);
    return { update: (next) => update(state, next), destroy: () => destroy(state) };
  }

  function destroy(state) {
    leave(state);
    state.root.replaceChildren();
  }

  function build(root) {
    const page = {
      head: make("div", "mlm-head"),
      status: make("p", "mlm-status"),
      stop: make("button", "mlm-button"),
      bar: make("div", "mlm-progress-bar"),
      trouble: make("p", "mlm-trouble"),
      error: make("p", "mlm-error"),
      empty: make("p", "mlm-empty"),
      findings: make("div", ""),
      picture: make("div", ""),
      more: make("div", ""),
      code: code(),
      paper: make("section", "mlm-paper"),
    };
    page.progress = make("div", "mlm-progress", page.bar);
    page.progress.setAttribute("role", "progressbar");
    page.progress.setAttribute("aria-label", "Students scored");
    page.stop.type = "button";
    page.trouble.setAttribute("role", "status");
    page.error.setAttribute("role", "alert");
    page.findings.setAttribute("aria-live", "polite");
    page.head.append(page.status, page.stop);
    page.body = make(
      "div", "",
      page.head, page.progress, page.trouble, page.error, page.empty, page.findings, page.picture,
      make("div", "mlm-beside", page.more, page.paper), page.code);
    root.classList.add("mlm", "mlm-ablation");
    root.replaceChildren(page.body);
    return page;
  }

  // -- a payload comes

  // A whole new value: from the server's side, or at the beginning.
  function update(state, value) {
    leave(state);
    state.stopAsked = false;
    state.value = null;
    show(state.page.body, Boolean(value));
    show(state.page.paper, Boolean(value && value.paper));
    if (!value) return;
    if (value.paper) drawPaper(state.page.paper, value.paper);
    take(state, value);
    if (value.run && !value.run.final) schedule(state, 0);
  }

  function take(state, value) {
    const before = state.value;
    state.value = value;
    drawHead(state);
    state.page.code.draw(value.code || "");
    show(state.page.code, Boolean(value.code));
    if (before && JSON.stringify(before.drawn) === JSON.stringify(value.drawn)) return; // a table stays open, a word unsaid
    draw(state.page, value);
  }

  function drawHead({ page, value, stopAsked, callbacks }) {
    const { run } = value;
    show(page.head, Boolean(run));
    show(page.progress, Boolean(run && !run.final));
    show(page.error, Boolean(run && run.error));
    if (!run) return;
    page.body.dataset.status = run.status;
    say(page.status, run.sentence);
    say(page.error, run.error);
    show(page.stop, Boolean(run.stop && callbacks.stop));
    page.stop.disabled = stopAsked || run.status === "stopping";
    say(page.stop, page.stop.disabled ? "Stopping…" : run.stop);
    drawProgress(page, run);
  }

  function drawProgress(page, { progress, sentence }) {
    page.bar.style.width = (progress ? (100 * progress.done) / progress.of : 0) + "%";
    if (!progress) return page.progress.removeAttribute("aria-valuenow"); // how far is not known yet
    page.progress.setAttribute("aria-valuemin", 0);
    page.progress.setAttribute("aria-valuemax", progress.of);
    page.progress.setAttribute("aria-valuenow", progress.done);
    page.progress.setAttribute("aria-valuetext", sentence);
  }

  // -- what came out

  function draw(page, { drawn, empty }) {
    show(page.empty, !drawn);
    say(page.empty, empty);
    page.findings.replaceChildren(...(drawn ? drawn.findings.map((sentence) => make("p", "mlm-verdict", sentence)) : []));
    page.picture.replaceChildren(...(drawn ? drawPicture(drawn) : []));
    page.more.replaceChildren(...(drawn ? drawMore(drawn) : []));
  }

  function drawPicture({ plot, about, gains, scores }) {
    const tables = [gains, scores].filter((one) => one);
    return [
      make("div", "mlm-plots", MiniLM.result.drawPlot(plot)),
      make("p", "mlm-note", about),
      details("As a table", () => make("div", "", ...tables.map(MiniLM.result.drawTable))),
    ];
  }

  function drawMore({ notes, figures }) {
    return [
      make("h4", "", "Reading it honestly"),
      make("ul", "mlm-reading", ...notes.map((sentence) => make("li", "mlm-note", sentence))),
      facts(figures),
    ];
  }

  function drawPaper(section, { title, about, headings, rows }) {
    const numbers = scroller(title, table(title, headings, rows, true));
    section.replaceChildren(make("h4", "", title), make("p", "mlm-note", about), numbers);
  }

  // -- asking again

  function schedule(state, wait) {
    clearTimeout(state.timer);
    if (state.callbacks.poll) state.timer = setTimeout(() => ask(state), wait);
  }

  function leave(state) {
    clearTimeout(state.timer);
    state.asked += 1; // an answer that is still on its way is for nobody
  }

  async function ask(state) {
    if (!state.root.isConnected) return destroy(state); // the page threw the component away
    const asked = (state.asked += 1);
    try {
      const value = await state.callbacks.poll({ run: state.value.run.id });
      if (asked !== state.asked) return;
      say(state.page.trouble, "");
      if (value.gone) return vanish(state, value.gone);
      take(state, value);
      if (value.run.final) return;
    } catch (error) {
      if (asked !== state.asked) return;
      say(state.page.trouble, "The server does not answer; trying again. The run goes on without this page.");
    }
    schedule(state, document.hidden ? HIDDEN : EVERY);
  }

  // The run is there no longer: what was drawn stays, but nothing goes on.
  function vanish(state, sentence) {
    state.value = { ...state.value, run: { ...state.value.run, final: true, sentence: "", stop: "", error: sentence } };
    drawHead(state);
  }

  async function askToStop(state) {
    state.stopAsked = true;
    drawHead(state);
    try {
      await state.callbacks.stop({ run: state.value.run.id });
    } catch (error) {
      state.stopAsked = false;
      drawHead(state);
      say(state.page.trouble, "The server did not take the request to stop. Please press the button again.");
    }
  }

  return { mount };
})();
