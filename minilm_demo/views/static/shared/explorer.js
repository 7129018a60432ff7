// The shell that the attention explorer and the microscope share: a payload comes, a person changes something, only what
// has to be drawn again is; and the server is asked for what the payload does not have.
//
// A part is {element, level, draw(level), stop()?}: level is the smallest change that it has to be drawn again for. Parts
// read page {value, data, state, view, callbacks, palette} and change it by page.set({name: value}) alone.
//
// An explorer says what differs:
//   kind: of its payload; nothingYet: the payload before the first one; bodyClass
//   levels: what a change asks to be drawn again, each includes those before it; "hover" to "value", "head" among them
//   changes {name: level}: what can be changed; movesWords [name]: what moves the words on screen, then `unpointed` holds
//   stateFor(state | null, value before | null, value) -> state, read(value) -> data, the payload decoded once
//   build(page) -> {parts, children}; rebuilt(value before, value) -> whether the parts are made anew
//   look(page) -> view, what is on screen; beforeParts(page) is called before the parts are drawn
//   headKey(page), headsMissing(page) -> [{question, keep(answer)}]: what the server has in full of the chosen head
//   storedScores(page, token) -> the raw scores behind a row, {error} where there are none, null where only the server
//     has them; scoresQuestion(page, token)
//   merged(page, answer) -> the payload to draw for an answer of look(), by default the answer; updated() is
//     called when a payload is on screen
//
// callbacks are described in attention.js and microscope.js.

import { answerOf, pictures } from "./asking.js";
import { belonging } from "./belonging.js";
import { onTheme, palette } from "./colours.js";
import { make, show } from "./dom.js";

const ASK_AFTER = 120; // ms that a head is looked at before the server is asked for it
const ON_ITS_WAY = "An overview; the head in full is on its way.";
const SCORES_ON_THEIR_WAY = { error: "The scores are on their way." };
const SCORES_NEED_THE_APP = { error: "The scores behind these weights need the app." };

// Returns {page, update(value), destroy()}; the caller then calls update for the first time.
export function openExplorer(root, callbacks, explorer) {
  const page = {
    root,
    callbacks,
    explorer,
    value: null,
    state: null,
    data: null,
    view: null,
    parts: [],
    palette: null,
    waiting: "",
    body: make("div", explorer.bodyClass),
    live: make("p", "mlm-unseen"),
  };
  page.live.setAttribute("aria-live", "polite");
  page.set = (changes) => set(page, changes);
  page.about = (what) => ({ ...page.value.asked, ...page.value.changed, ...what });
  page.scores = (token, ask = true) => scoresOf(page, token, ask);
  const merged = (answer) => (explorer.merged ? explorer.merged(page, answer) : answer);
  page.belongs = belonging(root, page.body, "picture");
  page.asking = pictures(root, callbacks.look, (answer) => update(page, merged(answer)), page.belongs);
  page.look = (what) => page.asking.ask(page.about(what));
  root.replaceChildren(page.asking.sentence, page.belongs.note, page.body, page.live);
  const stopTheme = onTheme(() => recolour(page));
  return {
    page,
    update(value) {
      page.asking.forget();
      update(page, value);
    },
    destroy() {
      stopTheme();
      stopParts(page);
      root.replaceChildren();
    },
  };
}

function update(page, payload) {
  const { explorer } = page;
  const value = payload || explorer.nothingYet;
  const drawn = value.kind === explorer.kind;
  page.asking.tell(value.kind, drawn ? "" : value.sentence);
  page.belongs.shows(drawn ? value.asked : null);
  show(page.body, drawn);
  if (!drawn) return;
  const before = page.value;
  page.state = explorer.stateFor(page.state, before, value);
  page.value = value;
  page.data = explorer.read(value);
  page.scoresFound = new Map();
  if (!before || explorer.rebuilt(before, value)) build(page);
  draw(page, "value");
  if (explorer.updated) explorer.updated();
}

function build(page) {
  stopParts(page);
  const { parts, children } = page.explorer.build(page);
  page.parts = parts;
  page.body.replaceChildren(...children);
}

function stopParts(page) {
  for (const part of page.parts) if (part.stop) part.stop();
}

// -- changes

function set(page, changes) {
  const { levels, changes: levelOf, movesWords, unpointed } = page.explorer;
  const names = Object.keys(changes);
  Object.assign(page.state, changes);
  if (names.some((name) => movesWords.includes(name))) Object.assign(page.state, unpointed);
  draw(page, levels[Math.max(0, ...names.map((name) => levels.indexOf(levelOf[name])))]);
}

function draw(page, level) {
  const { explorer } = page;
  const rank = (name) => explorer.levels.indexOf(name);
  page.palette = page.palette || palette(page.root);
  if (rank(level) >= rank("head")) {
    page.view = explorer.look(page);
    askForHead(page);
  }
  explorer.beforeParts(page);
  for (const part of page.parts) if (rank(part.level) <= rank(level)) part.draw(level);
}

function recolour(page) {
  page.palette = null;
  if (page.parts.length) draw(page, "value");
}

// -- what the server is asked for

// A longer input has an overview; the head that is looked at comes in full a moment later.
function askForHead(page) {
  const { data, callbacks, explorer } = page;
  const missing = callbacks.head ? explorer.headsMissing(page) : [];
  const key = explorer.headKey(page);
  clearTimeout(page.headLater);
  page.waiting = missing.length ? ON_ITS_WAY : "";
  if (!missing.length) return;
  page.headLater = setTimeout(
    () =>
      missing.forEach(async ({ question, keep }) => {
        const answer = await answerOf(callbacks.head(page.about(question)));
        if (page.data !== data || !page.root.isConnected) return;
        if (!answer.error) keep(answer);
        if (explorer.headKey(page) === key) headCame(page, answer.error);
      }),
    ASK_AFTER,
  );
}

function headCame(page, error) {
  if (error) {
    page.waiting = error;
    draw(page, "hover");
  } else if (!page.explorer.headsMissing(page).length) draw(page, "head");
}

// The raw scores behind the row of a token, or {error}: why they are not here (yet). Without `ask` nobody is asked.
function scoresOf(page, token, ask) {
  const { callbacks, data, explorer, scoresFound } = page;
  const stored = explorer.storedScores(page, token);
  if (stored) return stored;
  if (!callbacks.row) return SCORES_NEED_THE_APP;
  const question = explorer.scoresQuestion(page, token);
  const key = JSON.stringify(question);
  if (!scoresFound.has(key) && ask) {
    scoresFound.set(key, SCORES_ON_THEIR_WAY);
    answerOf(callbacks.row(page.about(question))).then((answer) => {
      scoresFound.set(key, answer);
      if (page.data === data && page.root.isConnected) draw(page, "chosen");
    });
  }
  return scoresFound.get(key) || { error: "" };
}
