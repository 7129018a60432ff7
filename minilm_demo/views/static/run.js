// A run, live: a status line, its curves, a Stop button, and at the end the result.
//
// `callbacks.poll({run, since})` promises the payload with the points that came after `since` (see `run_payload`), or
// `{gone}`, a sentence, for a run that is there no longer; `callbacks.stop({run})` asks for the end;
// `callbacks.finished({run, status})` is called when a watched run is over; `callbacks.taken(payload)` after every payload
// that was drawn, null for no run. `callbacks.empty`: what to say where there is no run.
// Without `poll` the picture stands still, without `stop` there is no button.

MiniLM.run = (() => {
  const { make, say, show, table, scroller, details, code, facts } = MiniLM.dom;
  const EVERY = 200; // milliseconds between two questions
  const QUEUED = 2000; // of a run that waits in the line
  const AFTER_ERROR = 1000;
  const HIDDEN = 2000; // nobody is looking
  const SPEAK_EVERY = 10000; // a screen reader is told no more often than this
  const SMOOTHING = 0.9; // share of the past in the smoothed line

  function mount(root, value, callbacks = {}) {
    const page = build(root, callbacks.empty || "No run yet. Choose a task and start one.");
    const state = { page, callbacks, root, timer: 0, asked: 0, spoken: 0, stopAsked: false, head: null, points: null, charts: new Map() };
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

  function build(root, empty) {
    const page = {
      title: make("h3", "mlm-title"),
      status: make("p", "mlm-status"),
      bar: make("div", "mlm-progress-bar"),
      stop: make("button", "mlm-button"),
      trouble: make("p", "mlm-trouble"),
      error: make("div", "mlm-error"),
      facts: make("div", ""),
      code: code(),
      live: make("p", "mlm-unseen"),
      summary: make("div", ""),
      reading: make("div", ""),
      result: make("div", ""),
      empty: make("p", "mlm-empty-run", empty),
      charts: make("div", "mlm-charts"),
    };
    page.progress = make("div", "mlm-progress", page.bar);
    page.progress.setAttribute("role", "progressbar");
    page.progress.setAttribute("aria-label", "Steps made");
    page.stop.type = "button";
    page.live.setAttribute("aria-live", "polite");
    page.trouble.setAttribute("role", "status");
    page.error.setAttribute("role", "alert");
    page.body = make(
      "div", "",
      make("div", "mlm-head", make("div", "mlm-head-words", page.title, page.status), page.stop),
      page.progress, page.trouble, page.error, page.summary);
    page.numbers = details("The curves as a table", () => numbersTable(page.numbers.state));
    page.body.append(page.charts, page.numbers, page.reading, page.result, page.facts, page.code, page.live);
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
    if (!payload) { state.head = null; tell(state, null); return; }
    if (!state.head || state.head.run !== payload.run) { state.stopAsked = false; state.spoken = 0; }
    state.points = {};
    state.page.numbers.state = state;
    drawReading(state.page.reading, payload.reading);
    take(state, payload);
    if (!payload.final) schedule(state, 0);
  }

  function take(state, payload) {
    const before = state.head;
    state.head = payload;
    for (const [name, points] of Object.entries(payload.points)) state.points[name] = [...(state.points[name] || []), ...points];
    drawHead(state);
    if (payload.next !== payload.since || chartsChanged(before, payload)) drawCharts(state);
    if (payload.final) drawEnd(state);
    speak(state, before);
    tell(state, payload);
  }

  function tell({ callbacks }, payload) {
    if (callbacks.taken) callbacks.taken(payload);
  }

  // Without a new point: another state, or another reason why there is none ("Place 3 in the line.").
  function chartsChanged(before, { status, charts }) {
    return !before || before.status !== status || JSON.stringify(before.charts) !== JSON.stringify(charts);
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
    page.code.draw(head.code || "");
    show(page.code, Boolean(head.code));
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

  function drawReading(box, reading) {
    const lines = () => make("ul", "mlm-reading", ...reading.lines.map((text) => make("li", "", text)));
    box.replaceChildren(...(reading ? [details(reading.title, lines)] : []));
  }

  function drawEnd(state) {
    const { page, head, points } = state;
    page.summary.replaceChildren(...(head.result ? [MiniLM.result.drawSummary(head.result)] : []));
    page.result.replaceChildren(...(head.result ? [MiniLM.result.drawDetails(head.result)] : []));
    // A result that was shown without its run has no curves; the figures are in the card then.
    show(page.charts, hasCurves(points) || !head.result);
    show(page.numbers, hasCurves(points));
  }

  function hasCurves(points) {
    return Boolean(points.loss && points.loss.length);
  }

  function speak(state, before) {
    const { page, head, points } = state;
    const news = !before || before.status !== head.status;
    if (!news && Date.now() - state.spoken < SPEAK_EVERY) return;
    state.spoken = Date.now();
    const { of, words, unit } = head.measured;
    const latest = (points[of] || []).at(-1);
    const score = latest ? ` ${words} ${UNITS[unit].format(latest[1])}.` : "";
    say(page.live, head.result ? head.sentence + " " + head.result.verdicts.join(" ") : head.sentence + score);
  }

  // -- the curves

  function drawCharts(state) {
    const { page, head, points } = state;
    if (!head.final) {
      page.summary.replaceChildren();
      page.result.replaceChildren();
      show(page.charts, true);
      show(page.numbers, hasCurves(points));
    }
    const xMax = Math.max(head.progress ? head.progress.of : 1, ...Object.values(points).flat().map(([step]) => step));
    makeCharts(state);
    for (const [name, { chart }] of state.charts) drawChart(chart, head.charts[name], points, xMax);
    page.numbers.redraw();
  }

  // One chart for each name, made once; its title, its keys and its axis never change while the run is the same.
  function makeCharts({ page, head, charts }) {
    const fixed = ({ y, keys }) => JSON.stringify([y, keys]);
    const wanted = Object.entries(head.charts);
    if (wanted.length === charts.size && wanted.every(([name, one]) => charts.has(name) && charts.get(name).fixed === fixed(one))) return;
    charts.clear();
    for (const [name, one] of wanted) {
      const keys = one.keys.map(([style, text]) => ({ className: styled(style), text }));
      charts.set(name, { fixed: fixed(one), chart: MiniLM.chart.create({ title: one.title, xTitle: "step", yTitle: one.y, keys }) });
    }
    page.charts.replaceChildren(...[...charts.values()].map(({ chart }) => chart.element));
    page.charts.dataset.count = charts.size;
  }

  // "student round" -> "mlm-student mlm-round"
  function styled(style) {
    return style.split(" ").map((name) => "mlm-" + name).join(" ");
  }

  // How a chart's values are written, on its axis and in the table, and what its axis spans: [low, high].
  const twoDigits = (value) => value.toFixed(2).replace("-", "−");
  const UNITS = {
    loss: {
      format: (value) => value.toFixed(3), tick: String, cell: (value) => value.toFixed(4),
      span: (values) => [0, roundUp(Math.max(0.1, ...values))],
    },
    percent: {
      format: (value) => (100 * value).toFixed(1) + " %", tick: (value) => Math.round(100 * value) + " %",
      cell: (value) => (100 * value).toFixed(1) + " %", span: scoreSpan,
    },
    number: { format: twoDigits, tick: (value) => value.toFixed(1), cell: twoDigits, span: scoreSpan },
  };

  function scoreSpan(values) {
    return [Math.max(-1, Math.min(0.8, Math.floor(Math.min(1, ...values) * 5 - 0.1) / 5)), 1];
  }

  function drawChart(chart, asked, points, xMax) {
    const { format, tick, span } = UNITS[asked.unit];
    const lines = asked.series.map((one) => seriesOf(one, asked.drawn ? points[one.of] || [] : []));
    const [low, high] = span(lines.flatMap((one) => one.points.map(([, value]) => value)));
    const some = lines.some((one) => one.points.length);
    const latest = latestOf(lines, format);
    chart.draw({
      title: asked.title, empty: asked.empty, off: !asked.drawn, xMax, low, high, format, tick, series: lines,
      latest: latest || (some ? asked.empty : ""), words: bestOf(lines, format) + (latest ? latest + "." : asked.empty),
    });
  }

  function seriesOf({ name, style, smooth: smoothed, dots, latest }, points) {
    const best = points.findLastIndex(([, , isBest]) => isBest);
    const drawn = smoothed ? smooth(points) : points.map(([step, value]) => [step, value]);
    return { name, className: styled(style), points: drawn, dots, latest, best };
  }

  // "Latest: step 84 · loss 0.512 · smoothed 0.498"
  function latestOf(lines, format) {
    const named = lines.filter((one) => one.latest && one.points.length);
    if (!named.length) return "";
    const values = named.map((one) => one.name + " " + format(one.points.at(-1)[1]));
    return ["Latest: step " + named[0].points.at(-1)[0], ...values].join(" · ");
  }

  function bestOf(lines, format) {
    return lines.filter(({ best }) => best >= 0).map(({ points, best }) => `Best ${format(points[best][1])} at step ${points[best][0]}. `).join("");
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

  // Every step with what was told of it; smoothed lines are left out.
  function numbersTable({ head, points }) {
    const columns = Object.values(head.charts).flatMap(({ unit, series }) => series.filter(({ column }) => column).map(({ column, of }) => (
      { column, cell: UNITS[unit].cell, values: new Map((points[of] || []).map(([step, value]) => [step, value])) })));
    const steps = [...new Set(columns.flatMap(({ values }) => [...values.keys()]))].sort((one, other) => one - other);
    const rows = steps.map((step) => [String(step), ...columns.map(({ values, cell }) => (values.has(step) ? cell(values.get(step)) : ""))]);
    const box = scroller("The curves as a table", table("The curves as a table", ["Step", ...columns.map(({ column }) => column)], rows));
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
