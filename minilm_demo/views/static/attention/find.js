// Find a word of a long text: what matches is chosen and scrolled to, one after the other. A part as in explorer.js.

import { button } from "../shared/controls.js";
import { make, say, show } from "../shared/dom.js";
import { chosenPlaces } from "../shared/trace.js";

const LEAST = 25; // words; of fewer, all are in sight

export function find(page) {
  const input = make("input", "mlm-find-box");
  Object.assign(input, { type: "search", placeholder: "Find a word", autocomplete: "off", spellcheck: false });
  input.setAttribute("aria-label", "Find a word");
  const count = make("span", "mlm-number");
  count.setAttribute("aria-live", "polite");
  const previous = button("‹", () => go(-1));
  const next = button("›", () => go(1));
  previous.setAttribute("aria-label", "Previous match");
  next.setAttribute("aria-label", "Next match");
  const element = make("div", "mlm-find", input, previous, next, count);

  function go(by) {
    const matches = matchesOf(page, input.value);
    say(count, input.value.trim() && !matches.length ? "Not in this text" : "");
    if (!matches.length) return;
    const now = chosenPlaces(page.view, page.state.chosen).rows[0] ?? -1;
    const place = following(matches, now, by);
    const { tokens } = page.view.labels[page.view.rows[place]];
    page.set({ chosen: { axis: "row", tokens }, piece: 0, entered: true });
    page.revealPlace({ row: place, column: null });
    say(count, matches.indexOf(place) + 1 + " of " + matches.length);
  }
  input.addEventListener("input", () => go(0));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    go(event.shiftKey ? -1 : 1);
    event.preventDefault();
  });
  function draw(level) {
    show(element, page.view.rows.length >= LEAST && !page.view.cells);
    if (level !== "value") return;
    input.value = "";
    say(count, "");
  }
  return { element, level: "head", draw };
}

// The places of the rows whose word contains the text, without regard to capitals.
function matchesOf({ view }, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [];
  return view.rows.flatMap((group, place) => (view.labels[group].text.toLowerCase().includes(wanted) ? [place] : []));
}

// The match before (-1), at or after (0), or after (1) a place; at either end it goes on from the other.
function following(matches, place, by) {
  if (by < 0) return [...matches].reverse().find((match) => match < place) ?? matches.at(-1);
  return matches.find((match) => match >= place + by) ?? matches[0];
}
