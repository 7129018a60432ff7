// The requests that a picture sends to the server, without Gradio's queue: for a single head, a row, a file, or another
// payload. An answer is the server's, or {error: a sentence}.

import { make, say, show } from "./dom.js";

const SILENT = "The server does not answer; this is what the page already had.";
const AT_WORK = "At work. A model that nobody used lately has to be loaded first.";
const WAIT = 1200; // ms before the page says that it waits

export async function answerOf(promise) {
  try {
    return await promise;
  } catch {
    return { error: SILENT };
  }
}

// Requests for another payload. `send(question)` -> promise of a payload, for `draw`, or {error}; `sentence` is an element
// for the error or the wait. Only the answer to the latest question is drawn; others are stale. A question comes from the
// component, or from the page around it as an event "ask" of `root`. `belongs` (belonging.js) knows the form around the
// picture: an answer to other texts, another task or other models than those in the form is dropped.
export function pictures(root, send, draw, belongs) {
  const sentence = make("p", "mlm-why");
  sentence.setAttribute("aria-live", "polite");
  let last = 0;
  let patience;

  function tell(kind, text) {
    sentence.dataset.kind = kind;
    say(sentence, text);
    show(sentence, Boolean(text));
  }

  async function ask(question) {
    const number = forget();
    belongs.asks(question);
    root.setAttribute("aria-busy", "true");
    patience = setTimeout(() => tell("wait", AT_WORK), WAIT);
    const answer = await answerOf(send(question));
    if (number !== last || !root.isConnected) return;
    forget();
    tell("", "");
    if (!belongs.isCurrent(question)) return;
    if (answer.error) tell("error", answer.error);
    else draw(answer);
  }

  // Make pending answers stale. Returns the number of the next question.
  function forget() {
    clearTimeout(patience);
    root.removeAttribute("aria-busy");
    belongs.asks(null);
    last += 1;
    return last;
  }

  function askAbout(form) {
    belongs.fill(form);
    return ask(form);
  }

  if (send) root.addEventListener("ask", ({ detail }) => askAbout(detail));
  return { sentence, tell, ask, askAbout, forget };
}
