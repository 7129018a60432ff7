// The answers of one or more checkpoints to one input, the effect of the latest change, and the tries so far. See
// `answers_payload`.
//
// `callbacks.ask({skill, texts, checkpoints})` promises the answers to a question, which comes from the page as an event
// "ask", or as a value of the kind "ask". The history, one for each skill, stays in the page: the server keeps no texts of
// visitors. `callbacks.picked({texts})` is called when a try is chosen, to put its texts back into the boxes.

import { pictures } from "../shared/asking.js";
import { belonging, difference } from "../shared/belonging.js";
import { details, make, say, scroller, show, table } from "../shared/dom.js";
import { number, signed } from "../shared/numbers.js";
import { mount as mountPrediction } from "./prediction.js";

/** @import { AnswersPayload, AskPayload, PredictionPayload, Sentence } from "../payloads.js" */

const MOST_TRIES = 50; // tries of each skill
const SPOKEN = { lanes: true, error: true }; // payloads that answer a question, unlike the first one

/**
 * @param {HTMLElement} root
 * @param {AnswersPayload | AskPayload | PredictionPayload | Sentence | null} value
 */
export function mount(root, value, callbacks = {}) {
  const page = {
    lanes: make("div", "mlm-lanes"),
    note: make("p", "mlm-note"),
    change: make("div", ""),
    tries: make("div", ""),
    said: make("p", "mlm-unseen"),
  };
  page.said.setAttribute("role", "status");
  const state = { page, callbacks, skill: null, all: {}, tries: [], asked: null };
  const answer = make("div", "", page.lanes, page.note);
  state.belongs = belonging(root, answer, "answer");
  state.asking = pictures(root, callbacks.ask, (answers) => draw(state, answers), state.belongs);
  root.classList.add("mlm", "mlm-answers");
  root.replaceChildren(state.asking.sentence, state.belongs.note, answer, page.change, page.tries, page.said);
  state.asking.tell("", "");
  page.history = details("Tries so far", () => drawTries(state));
  page.tries.append(page.history);
  update(state, value);
  return { update: (next) => update(state, next), destroy: () => root.replaceChildren() };
}

function update(state, value) {
  state.asking.forget();
  if (value?.kind === "ask") {
    state.asked = value;
    state.asking.askAbout(value.question);
  } else draw(state, value);
}

function draw(state, value) {
  const { page } = state;
  state.belongs.shows(value?.asked);
  const noted = state.asked && value?.asked && !difference(state.asked.question, value.asked);
  say(page.note, noted ? state.asked.note : "");
  show(page.note, Boolean(page.note.textContent));
  const lanes = value && value.kind === "lanes" ? value.lanes : [value];
  page.lanes.replaceChildren(...lanes.map((lane) => drawLane(lane, lanes.length > 1)));
  page.lanes.classList.toggle("mlm-many", lanes.length > 1);
  if (!value || value.skill) chooseSkill(state, value ? value.skill : null);
  say(page.said, value && value.kind in SPOKEN ? lanes.map(spoken).join(". ") : "");
  if (value && value.kind === "lanes") remember(state, value);
  const [latest, before] = state.tries;
  const changed = value && value.kind === "lanes" && before && comparable(before, latest);
  page.change.replaceChildren(...(changed ? [drawChange(before, latest)] : []));
  show(page.tries, state.tries.length > 1);
  page.history.redraw();
}

function spoken({ title, sentence, unsure }) {
  return (title ? title + ": " : "") + sentence + (unsure ? ", unsure" : "");
}

function drawLane(lane, titled) {
  const box = make("div", "");
  mountPrediction(box, lane);
  return make("section", "mlm-lane", titled ? make("h4", "", lane.title) : null, box);
}

// -- tries

function chooseSkill(state, skill) {
  state.skill = skill;
  state.tries = state.all[skill] = state.all[skill] || [];
}

/**
 * @param {any} state
 * @param {AnswersPayload} value
 */
function remember(state, { task, input, lanes }) {
  const answers = lanes.map(({ title, sentence, bars, scale, pieces, decision }) => ({
    title,
    sentence,
    bars,
    at: scale ? scale.at : null,
    span: !!pieces,
    score: decision ? decision.score : null,
  }));
  state.tries.unshift({ task, input, answers });
  state.tries.splice(MOST_TRIES);
}

function drawTries({ tries, callbacks }) {
  const rows = tries.map(({ input, answers }) => [
    chooser(input, callbacks),
    answers.map(({ title, sentence }) => (answers.length > 1 ? `${title}: ${sentence}` : sentence)).join(" · "),
  ]);
  const box = scroller("Tries so far", table("Tries so far", ["Asked", "Answer"], rows));
  box.classList.add("mlm-tall");
  return box;
}

function chooser(input, callbacks) {
  const words = input.map(({ text }) => (text.length > 160 ? text.slice(0, 160) + "…" : text)).join(" — ");
  if (!callbacks.picked) return words;
  const button = make("button", "mlm-link", words);
  button.type = "button";
  button.title = "Put this into the boxes again";
  button.addEventListener("click", () => callbacks.picked({ texts: input.map(({ text }) => text) }));
  return button;
}

// -- the effect of the latest change

// Whether two tries are of the same task and checkpoints, with different texts.
function comparable(before, latest) {
  const names = ({ answers }) => answers.map(({ title }) => title).join("\n");
  const texts = ({ input }) => input.map(({ text }) => text).join("\n");
  const answered = [...before.answers, ...latest.answers].every(({ bars, at, span }) => bars || span || at !== null);
  return before.task === latest.task && names(before) === names(latest) && texts(before) !== texts(latest) && answered;
}

function drawChange(before, latest) {
  const texts = latest.input
    .map(({ name, text }, place) => ({ name: name.toLowerCase(), text, old: before.input[place].text }))
    .filter(({ text, old }) => text !== old)
    .map(({ name, text, old }) =>
      make(
        "div",
        "mlm-both",
        sideOf("Before, " + name, old, text, "mlm-gone"),
        sideOf("After, " + name, text, old, "mlm-new"),
      ),
    );
  const rows = latest.answers.flatMap((answer, lane) =>
    changedNumbers(before.answers[lane], answer, latest.answers.length > 1),
  );
  const numbers = table("What changed", ["", "Before", "After", "Change"], rows, true);
  return make(
    "section",
    "mlm-change",
    make("h4", "", "What the change did"),
    ...texts,
    scroller("What changed", numbers),
  );
}

// The text with the words marked that the other text does not have.
function sideOf(label, text, other, className) {
  const common = commonWords(words(text), words(other));
  const pieces = words(text).map((word, place) => (common.has(place) ? word : make("mark", className, word)));
  const spaced = pieces.flatMap((piece, place) => (place ? [" ", piece] : [piece]));
  return make("div", "mlm-side", make("p", "mlm-side-name", label), make("p", "", ...spaced));
}

function words(text) {
  return text
    .split(/[ \n\t]+/)
    .filter((word) => word)
    .slice(0, 2000);
}

// Indices in `left` of a longest common subsequence with `right`.
function commonWords(left, right) {
  const lengths = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i--) {
    for (let j = right.length - 1; j >= 0; j--) {
      lengths[i][j] = left[i] === right[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const common = new Set();
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    if (left[i] === right[j]) {
      common.add(i);
      i++;
      j++;
    } else if (lengths[i + 1][j] >= lengths[i][j + 1]) i++;
    else j++;
  }
  return common;
}

function changedNumbers(before, after, titled) {
  const prefix = titled ? after.title + ": " : "";
  if (after.span) {
    const scored = before.score !== null && after.score !== null;
    const numbers = scored ? [[prefix + "no-answer score", ...compared(before.score, after.score)]] : [];
    return [
      [prefix + "answer", before.sentence, after.sentence, before.sentence === after.sentence ? "the same" : ""],
      ...numbers,
    ];
  }
  if (!after.bars) return [[prefix + "score", ...compared(before.at, after.at)]];
  return after.bars.map(({ label, share, text }, place) => {
    const old = before.bars?.[place];
    return [prefix + label, old ? old.text : "", text, old ? signed(100 * (share - old.share), 1) + " points" : ""];
  });
}

function compared(before, after) {
  return [number(before, 1), number(after, 1), signed(after - before, 1)];
}
