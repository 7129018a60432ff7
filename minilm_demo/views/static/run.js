// A fine-tuning run, live: a status line, two curves, a Stop button, and at the end the result.
//
// `callbacks.poll({run, since})` promises the payload with the points that came after `since` (see `run_payload`), or
// `{gone}`, a sentence, for a run that is there no longer; `callbacks.stop({run})` asks for the end;
// `callbacks.finished({run, status})` is called when a watched run is over.
// Without `poll` the picture stands still, without `stop` there is no button.

MiniLM.run = (() => {
  const { make, say, show, table, scroller, details, facts } = MiniLM.dom;
  const EVERY = 200; // milliseconds between two questions
  const QUEUED = 2000; // of a run that waits in the line
  const AFTER_ERROR = 1000;
  const HIDDEN = 2000; // nobody is looking
  const SPEAK_EVERY = 10000; // a screen reader is told no more often than this
  const SMOOTHING = 0.9; // share of the past in the smoothed line

  function mount(root, value, callbacks = {}) {
    const page = build(root);
    const state = { page, callbacks, root, timer: 0, asked: 0, spoken: 0, stopAsked: false, head: null, points: null };
    page.stop.addEventListener("click", () => askToStop(state));
    const wake = () => { if (!document.hidden && state.timer) schedule(state, 0); };
    document.addEventListener("visibilitychange", wake);
    state.destroy = () => {
      leave(state);
      document.removeEventListener("visibilitychange", wake);
      root.replaceChildren();
    };
    update(state, value);
    return { update: (next) => update(state, next), destroy: state.destroy };
  }

  // -- the elements, made once

  function build(root) {
    const page = {
      title: make("h3", "mlm-title"),
      status: make("p", "mlm-status"),
      bar: make("div", "mlm-progress-bar"),
      stop: make("button", "mlm-button"),
      trouble: make("p", "mlm-trouble"),
      error: make("div", "mlm-error"),
      facts: make("div", ""),
      live: make("p", "mlm-unseen"),
      summary: make("div", ""),
      result: make("div", ""),
      empty: make("p", "mlm-empty-run", "No run yet. Choose a task and start one."),
      loss: MiniLM.chart.create({
        title: "Loss per step", xTitle: "step", yTitle: "loss",
        keys: [{ className: "mlm-raw", text: "each step" }, { className: "mlm-student", text: "smoothed" }],
      }),
      score: MiniLM.chart.create({
        title: "Score", xTitle: "step", yTitle: "score",
        keys: [
          { className: "mlm-student mlm-round", text: "held-back rows" },
          { className: "mlm-faint", text: "training batches, smoothed" },
        ],
      }),
    };
    page.progress = make("div", "mlm-progress", page.bar);
    page.progress.setAttribute("role", "progressbar");
    page.progress.setAttribute("aria-label", "Steps made");
    page.stop.type = "button";
    page.live.setAttribute("aria-live", "polite");
    page.trouble.setAttribute("role", "status");
    page.error.setAttribute("role", "alert");
    page.charts = make("div", "mlm-charts", page.loss.element, page.score.element);
    page.body = make(
      "div", "",
      make("div", "mlm-head", make("div", "mlm-head-words", page.title, page.status), page.stop),
      page.progress, page.trouble, page.error, page.summary);
    page.numbers = details("The curves as a table", () => numbersTable(page.numbers.state));
    page.body.append(page.charts, page.numbers, page.result, page.facts, page.live);
    root.classList.add("mlm", "mlm-run");
    root.replaceChildren(page.empty, page.body);
    return page;
  }

  // -- a payload comes

  // A whole new value: from the server's side, or at the beginning.
  function update(state, payload) {
    leave(state);
    show(state.page.empty, !payload);
    show(state.page.body, Boolean(payload));
    if (!payload) { state.head = null; return; }
    if (!state.head || state.head.run !== payload.run) { state.stopAsked = false; state.spoken = 0; }
    state.points = { loss: [], train: [], held: [] };
    state.page.numbers.state = state;
    take(state, payload);
    if (!payload.final) schedule(state, 0);
  }

  function take(state, payload) {
    const before = state.head;
    state.head = payload;
    for (const name of Object.keys(state.points)) state.points[name].push(...payload.points[name]);
    drawHead(state);
    if (payload.next !== payload.since || chartsChanged(before, payload)) drawCharts(state);
    if (payload.final) drawEnd(state);
    speak(state, before);
  }

  // Without a new point: another state, or another reason why there is none ("Place 3 in the line.").
  function chartsChanged(before, { status, loss, score }) {
    return !before || before.status !== status || before.loss.empty !== loss.empty || before.score.empty !== score.empty;
  }

  function drawHead({ page, head, stopAsked, callbacks }) {
    page.body.dataset.status = head.status;
    say(page.title, head.title);
    say(page.status, head.sentence);
    drawProgress(page, head);
    const stopping = stopAsked || head.status === "stopping";
    show(page.stop, Boolean(head.stop && callbacks.stop));
    page.stop.disabled = stopping;
    say(page.stop, stopping ? "Stopping…" : head.stop);
    drawError(page, head.error);
    page.facts.replaceChildren(facts(head.facts));
  }

  function drawProgress(page, { progress, final, sentence }) {
    show(page.progress, !final);
    const share = progress ? progress.done / Math.max(1, progress.of) : 0;
    page.bar.style.width = 100 * share + "%";
    if (!progress) return page.progress.removeAttribute("aria-valuenow"); // how far is not known yet
    page.progress.setAttribute("aria-valuemin", 0);
    page.progress.setAttribute("aria-valuemax", progress.of);
    page.progress.setAttribute("aria-valuenow", progress.done);
    page.progress.setAttribute("aria-valuetext", sentence);
  }

  function drawError(page, error) {
    show(page.error, Boolean(error));
    if (!error || page.error.dataset.sentence === error.sentence) return; // an alert is read aloud once
    page.error.dataset.sentence = error.sentence;
    page.error.replaceChildren(make("p", "mlm-error-sentence", error.sentence));
    if (error.advice) page.error.append(make("p", "", error.advice));
  }

  function drawEnd(state) {
    const { page, head, points } = state;
    page.summary.replaceChildren(...(head.result ? [MiniLM.result.drawSummary(head.result)] : []));
    page.result.replaceChildren(...(head.result ? [MiniLM.result.drawDetails(head.result)] : []));
    // A result that was shown without its run has no curves; the figures are in the card then.
    const curves = points.loss.length > 0 || !head.result;
    show(page.charts, curves);
    show(page.numbers, points.loss.length > 0);
  }

  function speak(state, before) {
    const { page, head, points } = state;
    const news = !before || before.status !== head.status;
    if (!news && Date.now() - state.spoken < SPEAK_EVERY) return;
    state.spoken = Date.now();
    const score = points.held.length ? ` Latest score ${formatScore(head, points.held.at(-1)[1])}.` : "";
    say(page.live, head.result ? head.sentence + " " + head.result.verdicts.join(" ") : head.sentence + score);
  }

  // -- the curves

  function drawCharts(state) {
    const { page, head, points } = state;
    if (!head.final) {
      page.summary.replaceChildren();
      page.result.replaceChildren();
      show(page.charts, true);
      show(page.numbers, points.loss.length > 0);
    }
    const xMax = Math.max(head.progress ? head.progress.of : 1, ...points.loss.map(([step]) => step));
    drawLoss(page.loss, head, points, xMax);
    drawScore(page.score, head, points, xMax);
    page.numbers.redraw();
  }

  function drawLoss(chart, head, points, xMax) {
    const smoothed = smooth(points.loss);
    const [step, loss] = points.loss.at(-1) || [0, 0];
    const latest = points.loss.length
      ? `Latest: step ${step} · loss ${loss.toFixed(3)} · smoothed ${smoothed.at(-1)[1].toFixed(3)}` : "";
    chart.draw({
      title: head.loss.title, empty: head.loss.empty, latest, words: latest + ".", xMax,
      low: 0, high: roundUp(Math.max(0.1, ...points.loss.map(([, value]) => value))),
      format: (value) => value.toFixed(3), tick: (value) => String(value),
      series: [
        { name: "loss", className: "mlm-raw", points: points.loss, best: -1 },
        { name: "smoothed", className: "mlm-student", points: smoothed, best: -1 },
      ],
    });
  }

  function drawScore(chart, head, points, xMax) {
    const held = head.score.drawn ? points.held.map(([step, value]) => [step, value]) : [];
    const train = head.score.drawn ? smooth(points.train) : [];
    const format = (value) => formatScore(head, value);
    const best = points.held.findLastIndex(([, , isBest]) => isBest);
    const lowest = Math.min(1, ...held.map(([, value]) => value), ...train.map(([, value]) => value));
    const latest = held.length ? `Latest: step ${held.at(-1)[0]} · held-back rows ${format(held.at(-1)[1])}` : head.score.empty;
    chart.draw({
      title: head.score.title, empty: head.score.empty, off: !head.score.drawn, xMax, format, latest: held.length || train.length ? latest : "",
      words: best >= 0 && held.length ? `Best ${format(held[best][1])} at step ${held[best][0]}. ${latest}.` : latest,
      low: Math.max(-1, Math.min(0.8, Math.floor(lowest * 5 - 0.1) / 5)), high: 1,
      tick: (value) => (head.score.percent ? Math.round(100 * value) + " %" : value.toFixed(1)),
      series: [
        { name: "training batches", className: "mlm-faint", points: train, best: -1 },
        { name: "held-back rows", className: "mlm-student", points: held, dots: true, best: held.length ? best : -1 },
      ],
    });
  }

  // Exponential moving average; divided by the weight so far, or the first values would pull it towards zero.
  function smooth(points) {
    let sum = 0;
    let weight = 0;
    return points.map(([step, value]) => {
      sum = SMOOTHING * sum + (1 - SMOOTHING) * value;
      weight = SMOOTHING * weight + (1 - SMOOTHING);
      return [step, sum / weight];
    });
  }

  function roundUp(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * power).find((size) => size >= value);
  }

  function formatScore(head, value) {
    return head.score.percent ? (100 * value).toFixed(1) + " %" : value.toFixed(2).replace("-", "−");
  }

  function numbersTable({ head, points }) {
    const train = new Map(points.train);
    const held = new Map(points.held.map(([step, value]) => [step, value]));
    const score = (values, step) => (values.has(step) ? formatScore(head, values.get(step)) : "");
    const rows = points.loss.map(([step, loss]) => [String(step), loss.toFixed(4), score(train, step), score(held, step)]);
    const headings = ["Step", "Loss", "Training batches", head.score.name + ", held-back rows"];
    const box = scroller("The curves as a table", table("The curves as a table", headings, rows));
    box.classList.add("mlm-tall");
    return box;
  }

  // -- asking again

  function schedule(state, wait) {
    clearTimeout(state.timer);
    if (!state.callbacks.poll) return;
    state.timer = setTimeout(() => ask(state), wait);
  }

  function leave(state) {
    clearTimeout(state.timer);
    state.timer = 0;
    state.asked += 1; // an answer that is still on its way is for nobody
  }

  async function ask(state) {
    if (!state.root.isConnected) return state.destroy(); // the page threw the component away
    state.timer = 0; // while a question is open, nothing asks a second one
    const asked = (state.asked += 1);
    let wait = EVERY;
    try {
      const payload = await state.callbacks.poll({ run: state.head.run, since: state.head.next });
      if (asked !== state.asked) return;
      say(state.page.trouble, "");
      if (payload.gone) return vanish(state, payload.gone);
      if (payload.since === state.head.next) take(state, payload);
      if (payload.final) return finish(state);
      if (state.head.status === "queued") wait = QUEUED;
    } catch (error) {
      if (asked !== state.asked) return;
      say(state.page.trouble, "The server does not answer; trying again every second. The run goes on without this page.");
      wait = AFTER_ERROR;
    }
    schedule(state, document.hidden ? HIDDEN : wait);
  }

  // The run is there no longer: what was drawn stays, but nothing goes on.
  function vanish(state, sentence) {
    leave(state);
    state.head = { ...state.head, final: true, sentence: "", stop: "", progress: null, error: { sentence, advice: "" } };
    drawHead(state);
  }

  function finish(state) {
    leave(state);
    if (state.callbacks.finished) state.callbacks.finished({ run: state.head.run, status: state.head.status });
  }

  async function askToStop(state) {
    const run = state.head.run;
    state.stopAsked = true;
    drawHead(state);
    try {
      await state.callbacks.stop({ run });
      if (state.timer) schedule(state, 0); // a run that waited is asked for rarely
    } catch (error) {
      if (state.head.run !== run) return;
      state.stopAsked = false;
      drawHead(state);
      say(state.page.trouble, "The server did not take the request to stop. Please press the button again.");
    }
  }

  return { mount };
})();
