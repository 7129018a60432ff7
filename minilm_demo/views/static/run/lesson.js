// A distillation: its run, and below it the microscope on the probe text, which follows the student while it learns.
//
// The payload and the callbacks are those of the run (run.js), and one more:
//   maps({run, since}) -> promise of {since, next, restart, value, frames} (see lesson_maps in views/lesson.py): the pictures from number
//   since on; value is what the microscope draws of the last one. {error} where there are none.

import { mount as mountMicroscope } from "../microscope/microscope.js";
import { make, show } from "../shared/dom.js";
import { mount as mountRun } from "./run.js";

/** @import { MicroscopeFrames, RunPayload } from "../payloads.js" */

const AGAIN = 2000; // milliseconds after an answer that did not come
const NO_SCORES = {
  error: "Only weights are kept while it learns. The Microscope above has the scores, once the student is done.",
};

/**
 * @param {HTMLElement} root
 * @param {RunPayload | null} value
 */
export function mount(root, value, callbacks = {}) {
  const boxes = { run: make("div", ""), maps: make("div", "") };
  const state = {
    root,
    callbacks,
    box: boxes.maps,
    run: null,
    seen: 0,
    wanted: 0,
    asking: false,
    value: null,
    frames: null,
  };
  boxes.maps.hidden = true;
  root.classList.add("mlm", "mlm-lesson");
  root.replaceChildren(boxes.run, boxes.maps);
  state.microscope = mountMicroscope(boxes.maps, null, { row: async () => NO_SCORES });
  // Who looks back sees the newest picture when the slider is at the end again, or at the end of the lesson.
  boxes.maps.addEventListener("input", () => draw(state));
  const empty = "No student yet. Choose its teacher and its size, and start.";
  const run = mountRun(boxes.run, value, { ...callbacks, empty, taken: (payload) => follow(state, payload) });
  return {
    update: run.update,
    destroy() {
      run.destroy();
      state.microscope.destroy();
      root.replaceChildren();
    },
  };
}

/**
 * The run has another payload, or there is none.
 *
 * @param {RunPayload | null} payload
 */
function follow(state, payload) {
  const run = payload?.run;
  if (run !== state.run) {
    Object.assign(state, { run, seen: 0, wanted: 0, value: null, frames: null, stale: false });
    show(state.box, false); // the maps of another student
  }
  if (!payload) return;
  state.wanted = payload.pictures;
  state.final = payload.final;
  ask(state);
}

async function ask(state) {
  const { run, seen, callbacks } = state;
  if (state.asking || seen >= state.wanted || !callbacks.maps || !state.root.isConnected) return;
  state.asking = true;
  const found = await callbacks.maps({ run, since: seen }).catch(() => ({ error: "" }));
  state.asking = false;
  if (run !== state.run) return ask(state); // another run was asked for meanwhile
  if ("error" in found) return setTimeout(() => ask(state), AGAIN);
  state.seen = found.next;
  state.value = found.value;
  state.frames = found.restart ? found.frames : joined(state.frames, found.frames);
  state.stale = true;
  draw(state);
  ask(state);
}

/**
 * @param {MicroscopeFrames} before
 * @param {MicroscopeFrames} after
 */
function joined(before, after) {
  const appended = (lists, more) =>
    Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list, ...more[name]]]));
  return {
    steps: [...before.steps, ...after.steps],
    heads: after.heads,
    student: appended(before.student, after.student),
    divergence: appended(before.divergence, after.divergence),
  };
}

function draw(state) {
  if (!state.stale || (!state.final && !state.box.hidden && looksBack(state.box))) return;
  state.stale = false;
  show(state.box, true);
  state.microscope.update({ ...state.value, frames: state.frames });
}

function looksBack(box) {
  const slider = box.querySelector("input[type=range]");
  return Boolean(slider) && Number(slider.value) < Number(slider.max);
}
