// A run that is followed, of any job: status line, progress bar, Stop button and error. It polls the server until
// the run is over.
//
// A report: {status, final, sentence, progress {done, of} | null, stop: label of the button | "", error {sentence,
// advice} | null}. `callbacks.poll(question)` promises the next payload, or {gone}: a sentence on a deleted run.
// `callbacks.stop({run})` stops the run. Without `poll` the picture is static; without `stop` there is no button.

import { make, say, show } from "../shared/dom.js";

const QUEUED = 2000; // milliseconds between two polls of a queued run
const AFTER_ERROR = 1000;

// asks: {question() -> {run, …}, take(payload) -> its report, over(report), lost()}. `every` and `whileHidden` (while the
// page is hidden) are milliseconds between two polls. `counted` is the bar's label; `title` is an element.
export function follow({ root, callbacks, counted, title = null, every, whileHidden, ...asks }) {
  const state = {
    root,
    callbacks,
    every,
    whileHidden,
    asks,
    parts: build(counted, title),
    timer: 0,
    asked: 0,
    run: null,
    report: null,
    stopAsked: false,
  };
  state.parts.stop.addEventListener("click", () => askToStop(state));
  const wake = () => {
    if (!document.hidden && state.timer) schedule(state, 0);
  };
  document.addEventListener("visibilitychange", wake);
  return {
    element: state.parts.element,
    begin: (report) => begin(state, report),
    leave: () => leave(state),
    draw: (report) => drawReport(state, report),
    destroy: () => {
      leave(state);
      document.removeEventListener("visibilitychange", wake);
    },
  };
}

function build(counted, title) {
  const parts = {
    status: make("p", "mlm-status"),
    bar: make("div", "mlm-progress-bar"),
    stop: make("button", "mlm-button"),
    trouble: make("p", "mlm-trouble"),
    error: make("div", "mlm-error"),
  };
  parts.progress = make("div", "mlm-progress", parts.bar);
  parts.progress.setAttribute("role", "progressbar");
  parts.progress.setAttribute("aria-label", counted);
  parts.stop.type = "button";
  parts.trouble.setAttribute("role", "status");
  parts.error.setAttribute("role", "alert");
  parts.element = make(
    "div",
    "mlm-following",
    make("div", "mlm-following-top", make("div", "mlm-following-words", title, parts.status), parts.stop),
    parts.progress,
    parts.trouble,
    parts.error,
  );
  return parts;
}

// -- what is drawn

function drawReport(state, report) {
  const { parts, callbacks } = state;
  state.report = report;
  parts.element.dataset.status = report.status;
  say(parts.status, report.sentence);
  drawProgress(parts, report);
  const stopping = state.stopAsked || report.status === "stopping";
  show(parts.stop, Boolean(report.stop && callbacks.stop));
  parts.stop.disabled = stopping;
  say(parts.stop, stopping ? "Stopping…" : report.stop);
  drawError(parts, report.error);
}

function drawProgress({ progress: box, bar }, { progress, final, sentence }) {
  show(box, !final);
  bar.style.width = (progress ? (100 * progress.done) / Math.max(1, progress.of) : 0) + "%";
  if (!progress) return box.removeAttribute("aria-valuenow"); // the progress is unknown
  box.setAttribute("aria-valuemin", 0);
  box.setAttribute("aria-valuemax", progress.of);
  box.setAttribute("aria-valuenow", progress.done);
  box.setAttribute("aria-valuetext", sentence);
}

function drawError({ error: box }, error) {
  show(box, Boolean(error));
  if (!error || box.dataset.sentence === error.sentence) return; // a screen reader announces an alert once
  box.dataset.sentence = error.sentence;
  box.replaceChildren(make("p", "mlm-error-sentence", error.sentence));
  if (error.advice) box.append(make("p", "", error.advice));
}

// -- polling

// Follow a run from this report on.
function begin(state, report) {
  leave(state);
  const { run } = state.asks.question();
  if (run !== state.run) state.stopAsked = false;
  state.run = run;
  drawReport(state, report);
  if (!report.final) schedule(state, 0);
}

function schedule(state, wait) {
  clearTimeout(state.timer);
  if (!state.callbacks.poll) return;
  state.timer = setTimeout(() => ask(state), wait);
}

function leave(state) {
  clearTimeout(state.timer);
  state.timer = 0;
  state.asked += 1; // a pending answer is stale
}

async function ask(state) {
  const { root, parts, callbacks, asks } = state;
  if (!root.isConnected) return asks.lost(); // the page removed the component
  state.timer = 0; // no second poll while this one is pending
  state.asked += 1;
  const { asked } = state;
  let wait = state.every;
  try {
    const payload = await callbacks.poll(asks.question());
    if (asked !== state.asked) return;
    say(parts.trouble, "");
    if (payload.gone) return vanish(state, payload.gone);
    drawReport(state, asks.take(payload));
    if (state.report.final) return asks.over(state.report);
    if (state.report.status === "queued") wait = Math.max(wait, QUEUED);
  } catch (_error) {
    if (asked !== state.asked) return;
    say(parts.trouble, "The server does not answer; trying again every second. The run goes on without this page.");
    wait = AFTER_ERROR;
  }
  schedule(state, document.hidden ? state.whileHidden : wait);
}

// The run was deleted: its picture stays, polling ends.
function vanish(state, sentence) {
  leave(state);
  drawReport(state, {
    ...state.report,
    final: true,
    sentence: "",
    stop: "",
    progress: null,
    error: { sentence, advice: "" },
  });
}

async function askToStop(state) {
  const { run } = state;
  state.stopAsked = true;
  drawReport(state, state.report);
  try {
    await state.callbacks.stop({ run });
    if (state.timer) schedule(state, 0); // a queued run is polled rarely
  } catch (_error) {
    if (state.run !== run) return;
    state.stopAsked = false;
    drawReport(state, state.report);
    say(state.parts.trouble, "The server did not take the request to stop. Please press the button again.");
  }
}
