// A distillation: its run, and below it the microscope on the watched text, with the student's maps at every kept step.
//
// The payload and the callbacks are those of run.js, and one more callback:
//   maps({run, since}) -> promise of {since, next, restart, value, frames} (see views/student_maps.py): the pictures from
//   number `since` on, with the microscope's payload of the last one as value; {error} without new pictures.

import { mount as mountMicroscope } from "../microscope/microscope.js";
import { make, show } from "../shared/dom.js";
import { mount as mountRun } from "./run.js";

/** @import { MicroscopeFrames, RunPayload } from "../payloads.js" */

const AGAIN = 2000; // milliseconds before another try after an error
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
    received: 0,
    available: 0,
    asking: false,
    value: null,
    frames: null,
  };
  boxes.maps.hidden = true;
  root.classList.add("mlm", "mlm-student");
  root.replaceChildren(boxes.run, boxes.maps);
  state.microscope = mountMicroscope(boxes.maps, null, { row: async () => NO_SCORES });
  // A visitor who looks back gets the newest picture when the slider is at the end again, or when the run is over.
  boxes.maps.addEventListener("input", () => draw(state));
  const empty =
    "No student yet. Press Distil: its loss falls here, and its maps of your sentence come nearer to the teacher's. " +
    "The Microscope plays a recording of one.";
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
 * Follow the payload of the run; null without one.
 *
 * @param {RunPayload | null} payload
 */
function follow(state, payload) {
  const run = payload?.run;
  if (run !== state.run) {
    Object.assign(state, { run, received: 0, available: 0, value: null, frames: null, stale: false });
    show(state.box, false); // the maps of another student
  }
  if (!payload) return;
  state.available = payload.pictures;
  state.final = payload.final;
  ask(state);
}

async function ask(state) {
  const { run, received, callbacks } = state;
  if (state.asking || received >= state.available || !callbacks.maps || !state.root.isConnected) return;
  state.asking = true;
  const answer = await callbacks.maps({ run, since: received }).catch(() => ({ error: "" }));
  state.asking = false;
  if (run !== state.run) return ask(state); // the answer is stale: the run has changed
  if ("error" in answer) return setTimeout(() => ask(state), AGAIN);
  state.received = answer.next;
  state.value = answer.value;
  state.frames = answer.restart ? answer.frames : joined(state.frames, answer.frames);
  state.stale = true;
  draw(state);
  ask(state);
}

/**
 * @param {MicroscopeFrames} before
 * @param {MicroscopeFrames} after
 */
function joined(before, after) {
  const appended = (lists, newer) =>
    Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, [...list, ...newer[name]]]));
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
