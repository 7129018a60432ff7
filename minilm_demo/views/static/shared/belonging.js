// Whether a picture still belongs to the form around it: its texts, task and models. The page tells each change by an
// event "form" of `root`, whose values are those of a question. A picture that does not belong is greyed, and a sentence
// says why; a form that was changed back has its picture again.

import { make, say, show } from "./dom.js";

const REASONS = { texts: "an earlier text", skill: "another question", recipe: "another recipe" };
const OTHER_MODEL = "another choice of models";

// `drawing` is greyed; `noun` is what the sentence calls it.
export function belonging(root, drawing, noun) {
  const note = make("p", "mlm-earlier");
  note.setAttribute("role", "status");
  let form = null;
  let shown = null; // the question of the picture on screen
  let pending = null; // the question that was asked last

  function judge() {
    const name = difference(form, shown);
    const advice =
      pending && isCurrent(pending) ? "The next one is on its way." : "Press Enter in the text to ask anew.";
    say(note, name ? `This ${noun} belongs to ${REASONS[name] || OTHER_MODEL}. ${advice}` : "");
    show(note, Boolean(name));
    drawing.classList.toggle("mlm-stale", Boolean(name));
  }

  // Whether an answer to this question may be drawn: it is the question of the form, or about the picture on screen.
  function isCurrent(question) {
    return !difference(form, question) || (shown !== null && !difference(shown, question));
  }

  function fill(values) {
    form = values;
    judge();
  }

  function asks(question) {
    pending = question;
    judge();
  }

  function shows(question) {
    shown = question || null;
    judge();
  }

  root.addEventListener("form", ({ detail }) => fill(detail));
  show(note, false);
  return { note, isCurrent, fill, asks, shows };
}

// The first name whose values differ, of those that both have; "" for none.
export function difference(one, other) {
  const names = Object.keys(one || {}).filter((name) => other && name in other);
  return names.find((name) => plain(name, one[name]) !== plain(name, other[name])) || "";
}

// Empty boxes do not count, nor does the order of models.
function plain(name, value) {
  if (name === "texts") return JSON.stringify(value.filter((text) => text?.trim()));
  return JSON.stringify(Array.isArray(value) ? [...value].sort() : value || "");
}
