// What a picture asks the server by itself, past Gradio's queue: a single head, a row, a file, or another picture of
// itself. An answer is what the server says, or {error: a sentence}.

import { make, say, show } from "./dom.js";

const SILENT = "The server does not answer; this is what the page already had.";
const AT_WORK = "At work. A model that nobody used lately has to be loaded first.";
const WAIT = 1200; // ms, then it is said that there is something to wait for

export async function answerOf(promise) {
  try {
    return await promise;
  } catch {
    return { error: SILENT };
  }
}

// Questions for another picture, one after the other. `send(what)` -> promise of a payload, for `draw`, or {error};
// `sentence` is an element that says why there is none, or none yet. Only the last question counts, whichever answer
// comes first. A question comes from the component, or from the page around it as an event "ask" of `root`.
export function pictures(root, send, draw) {
  const sentence = make("p", "mlm-why");
  sentence.setAttribute("aria-live", "polite");
  let last = 0;
  let patience;

  function tell(kind, text) {
    sentence.dataset.kind = kind;
    say(sentence, text);
    show(sentence, Boolean(text));
  }

  async function ask(what) {
    const own = forget();
    root.setAttribute("aria-busy", "true");
    patience = setTimeout(() => tell("wait", AT_WORK), WAIT);
    const found = await answerOf(send(what));
    if (own !== last || !root.isConnected) return;
    forget();
    if (found.error) tell("error", found.error);
    else draw(found);
  }

  // Whatever was asked is not wanted any more, because a picture came by another way.
  function forget() {
    clearTimeout(patience);
    root.removeAttribute("aria-busy");
    last += 1;
    return last;
  }

  if (send) root.addEventListener("ask", ({ detail }) => ask(detail));
  return { sentence, tell, ask, forget };
}
