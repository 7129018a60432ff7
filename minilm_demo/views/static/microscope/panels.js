// The parts of the microscope around its three maps, as in explorer.js.

import { button, checkbox, plain, radios } from "../shared/controls.js";
import { make, say, show } from "../shared/dom.js";
import { part as framesPart } from "../shared/frames.js";
import { percent } from "../shared/numbers.js";
import * as R from "./relations.js";
import * as V from "./view.js";

const SIDES = ["teacher", "student"];
const WORST = 5;

// -- who teaches whom

export function top(page) {
  const names = Object.fromEntries(SIDES.map((side) => [side, make("strong", "")]));
  const places = Object.fromEntries(SIDES.map((side) => [side, make("span", "mlm-place")]));
  const side = (one, role) =>
    make("div", "mlm-who mlm-of-" + one, make("p", "mlm-role", role, places[one]), names[one]);
  const badge = make("b", "mlm-badge");
  const about = make("span", "");
  const line = make("p", "mlm-badge-line", badge, about);
  const texts = make("div", "mlm-texts");
  const element = make(
    "header",
    "mlm-top",
    make("div", "mlm-both", side("teacher", "Teacher"), side("student", "Student")),
    line,
    texts,
  );
  function draw() {
    const { value } = page;
    for (const name of SIDES) {
      say(names[name], value[name].title);
      say(places[name], ", layer " + (value[name].layer + 1));
    }
    show(line, value.badge.title !== "");
    badge.dataset.kind = value.badge.kind;
    say(badge, value.badge.title);
    say(about, value.badge.about);
    texts.replaceChildren(
      ...value.texts.map((text, place) =>
        make("p", "", value.texts.length > 1 ? make("b", "mlm-letter", "AB"[place]) : null, plain(text)),
      ),
    );
  }
  return { element, level: "value", draw };
}

// -- which relation, which head

export function relations(page) {
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
      const options = value.relations.map(({ title }, place) => ({
        value: String(place),
        text: make("span", "mlm-relation", title, numbers[place]),
      }));
      choice = radios("Relation", options, (place) => page.set({ relation: Number(place) }));
      box.replaceChildren(choice.element);
      drawnFor = value;
    }
    choice.choose(String(state.relation));
    const losses = value.relations.map((_, place) => V.lossOf(page, place));
    for (const [place, loss] of losses.entries()) say(numbers[place], loss.toFixed(3));
    const { equations, about: words } = value.relations[state.relation];
    say(
      total,
      "Loss on this text: " +
        R.total(losses).toFixed(3) +
        " nats, the sum" +
        (value.recipe === "minilm_v1" ? " (eq. 10)" : ""),
    );
    say(about, words + (equations[0] ? " (" + equations[0] + ")" : ""));
  }
  return { element, level: "head", draw };
}

// One bar a head: how far the student is. A list from which one is chosen; arrows move.
export function bars(page) {
  const list = make("div", "mlm-bars");
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-orientation", "horizontal");
  const most = make("span", "mlm-bars-most");
  const mean = make("i", "mlm-bars-mean");
  const plot = make("div", "mlm-bars-plot", mean, list);
  const element = make(
    "div",
    "mlm-bars-box",
    make("p", "mlm-axis", "KL(teacher ‖ student) of each head, in nats", most),
    plot,
  );
  let heads = [];
  list.addEventListener("click", (event) => {
    const place = heads.indexOf(event.target.closest("[role=option]"));
    if (place >= 0) page.set({ head: place });
  });
  list.addEventListener("keydown", (event) => {
    const { head } = page.state;
    const steps = {
      ArrowLeft: head - 1,
      ArrowUp: head - 1,
      ArrowRight: head + 1,
      ArrowDown: head + 1,
      Home: 0,
      End: heads.length - 1,
    };
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
  const option = make(
    "div",
    "mlm-bar-option",
    make("span", "mlm-bar-number"),
    make("i", ""),
    make("span", "mlm-bar-name", named ? String(head + 1) : ""),
  );
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

export function heading(page) {
  const title = make("h3", "");
  const line = make("p", "mlm-sentence");
  const note = make("p", "mlm-note");
  const element = make("div", "mlm-heading", title, line, note);
  function draw() {
    const { view, value } = page;
    const sentence = V.sentence(page);
    const cells = view.cells
      ? "An overview: cells of about " +
        Math.round(value.size / view.labels.length) +
        " tokens each. Single heads in full need the app."
      : "";
    say(title, V.headName(page));
    say(line, sentence);
    say(note, page.waiting || cells);
    show(note, note.textContent !== "");
    say(page.live, title.textContent + ": " + sentence);
  }
  return { element, level: "hover", draw };
}

export function controls(page) {
  const words = radios(
    "Unit",
    [
      { value: "words", text: "Words" },
      { value: "pieces", text: "Pieces" },
    ],
    (unit) => page.set({ words: unit === "words" }),
  );
  const special = checkbox("", (checked) => page.set({ hideSpecial: checked }));
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
    const hidden =
      ", which get " +
      percent(view.hidden.teacher) +
      " in the teacher, " +
      percent(view.hidden.student) +
      " in the student";
    say(specialText, "Hide " + names + (state.hideSpecial ? hidden : ""));
  }
  return { element, level: "head", draw };
}

// -- the worst rows

export function worst(page) {
  const title = make("h3", "");
  const list = make("ol", "mlm-worst");
  const element = make("details", "mlm-farthest", make("summary", "", title), list);
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
  const node = button(
    "",
    () => {
      page.openFormula();
      page.set({ head: row.head, chosen: { from: row.token, to: to === null ? row.token : to } });
      page.focusBars();
    },
    "mlm-worst-row",
  );
  node.append(plain(text), make("span", "mlm-number", "KL " + row.divergence.toFixed(2)));
  return make("li", "", node);
}

// -- while it learns

export function frames(page) {
  return framesPart(page, {
    title: "While it learned",
    label: "Step of the distillation",
    level: "head",
    height: 84,
    read: readFrames,
  });
}

// The losses over the steps.
function readFrames({ value: { frames: all, relations: every }, state }) {
  const curves = every.map(({ title, name }, dash) => ({
    title,
    dash,
    values: all.steps.map((_, frame) => frameLoss(all, name, frame)),
  }));
  const fell = ({ title, values }) => title + " from " + values[0].toFixed(2) + " to " + values.at(-1).toFixed(2);
  return {
    frame: state.frame,
    said: curves.map(({ title, values }) => title + " " + values[state.frame].toFixed(3)).join(", "),
    curves,
    most: Math.max(...curves.flatMap(({ values }) => values)),
    lines: [0],
    summary: "Losses over the steps: " + curves.map(fell).join(", ") + ".",
  };
}

function frameLoss({ divergence }, name, frame) {
  return R.total(divergence[name][frame]) / divergence[name][frame].length;
}
