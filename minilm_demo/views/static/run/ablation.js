// The experiment "Does it help?", live: a figure of its students, sentences and tables; and the paper's numbers. See
// ablation_payload.
//
// `callbacks.poll({run})` promises the next payload; it and `callbacks.stop` are those of following.js, `callbacks.plotly`
// that of figure.js.

import { mount as mountFigure } from "../figure/figure.js";
import { code, details, facts, make, say, scroller, show, table } from "../shared/dom.js";
import { drawTable } from "../shared/result.js";
import { follow } from "./following.js";

/** @import { AblationPayload, DrawnExperiment, PaperTable } from "../payloads.js" */

const EVERY = 1000; // milliseconds between two polls
const HIDDEN = 4000; // the same while the page is hidden

/**
 * @param {HTMLElement} root
 * @param {AblationPayload | null} value
 */
export function mount(root, value, callbacks = {}) {
  const state = { root, page: build(root, callbacks), value: null };
  state.destroy = () => {
    state.following.destroy();
    state.page.figure.destroy();
    root.replaceChildren();
  };
  state.following = follow({
    root,
    callbacks,
    counted: "Students scored",
    every: EVERY,
    whileHidden: HIDDEN,
    question: () => ({ run: state.value.run.run }),
    take: (next) => {
      take(state, next);
      return next.run;
    },
    over: () => {},
    lost: state.destroy,
  });
  state.page.body.prepend(state.following.element);
  update(state, value);
  return { update: (next) => update(state, next), destroy: state.destroy };
}

function build(root, callbacks) {
  const page = {
    empty: make("p", "mlm-empty"),
    findings: make("div", ""),
    picture: make("div", ""),
    about: make("p", "mlm-note"),
    notes: make("div", ""),
    gains: make("div", "mlm-part"),
    measured: make("div", "mlm-part"),
    code: code(),
    paper: make("details", "mlm-details mlm-paper"),
  };
  page.findings.setAttribute("aria-live", "polite");
  page.figure = mountFigure(page.picture, null, callbacks);
  page.body = make(
    "div",
    "",
    page.empty,
    page.findings,
    page.picture,
    page.about,
    page.notes,
    make("div", "mlm-folds", page.gains, page.measured, page.paper, page.code),
  );
  root.classList.add("mlm", "mlm-ablation");
  root.replaceChildren(page.body);
  return page;
}

// -- a payload comes

/**
 * The first value, or another one from the page.
 *
 * @param {AblationPayload | null} value
 */
function update(state, value) {
  const { page, following } = state;
  following.leave();
  state.value = null;
  show(page.body, Boolean(value));
  show(page.paper, Boolean(value?.paper));
  if (!value) return;
  if (value.paper) drawPaper(page.paper, value.paper);
  page.paper.open = !value.drawn; // alone it is the content
  take(state, value);
  show(following.element, Boolean(value.run));
  if (value.run) following.begin(value.run);
}

/**
 * @param {AblationPayload} value
 */
function take(state, value) {
  const before = state.value;
  state.value = value;
  state.page.code.draw(value.code || "");
  show(state.page.code, Boolean(value.code));
  if (before && JSON.stringify(before.drawn) === JSON.stringify(value.drawn)) return; // an open table stays open
  draw(state.page, value);
}

// -- the result

/**
 * @param {any} page
 * @param {AblationPayload} value
 */
function draw(page, { drawn, empty }) {
  show(page.empty, !drawn);
  say(page.empty, empty);
  page.findings.replaceChildren(...(drawn ? drawn.findings.map((sentence) => make("p", "mlm-verdict", sentence)) : []));
  page.figure.update(drawn ? drawn.figure : null);
  say(page.about, drawn?.about || "");
  page.notes.replaceChildren(...(drawn ? drawNotes(drawn) : []));
  page.gains.replaceChildren(...(drawn?.gains ? [details("The gains as a table", () => drawTable(drawn.gains))] : []));
  page.measured.replaceChildren(...(drawn ? [details("How it was measured", () => facts(drawn.figures))] : []));
}

/**
 * @param {DrawnExperiment} drawn
 */
function drawNotes({ notes }) {
  return [
    make("h4", "", "Reading it honestly"),
    make("ul", "mlm-reading", ...notes.map((sentence) => make("li", "mlm-note", sentence))),
  ];
}

/**
 * @param {HTMLElement} section
 * @param {PaperTable} paper
 */
function drawPaper(section, { title, about, headings, rows }) {
  const numbers = scroller(title, table(title, headings, rows, true));
  section.replaceChildren(make("summary", "", title), make("p", "mlm-note", about), numbers);
}
