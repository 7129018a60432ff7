// Files to save: those that the page writes itself, and those of the server.

import { button } from "./controls.js";
import { make, say } from "./dom.js";
import { sceneCanvas, svgText } from "./scene.js";

const UNREACHABLE = "The server did not send the file. Try again in a moment.";

// saves [{text, write() -> a sentence about what went wrong, "", or a promise of it}] as buttons to unfold.
export function saving(saves) {
  const report = make("p", "mlm-note");
  report.setAttribute("aria-live", "polite");
  const buttons = saves.map(({ text, write }) =>
    button(text, async () => {
      say(report, "");
      say(report, (await write()) || text + ": saved.");
    }),
  );
  const unfolded = [make("div", "mlm-buttons", ...buttons), report];
  const element = make("details", "mlm-details", make("summary", "", "Save"), ...unfolded);
  return { element, buttons };
}

// A scene (see scene.js) in both formats; name(ending) is the file's, scene() is what is on screen now.
export function pictureSaves(name, scene, what = "Picture") {
  return [
    { text: what + " (PNG)", write: () => savePng(name("png"), scene()) },
    { text: what + " (SVG)", write: () => saveText(name("svg"), "image/svg+xml", svgText(scene())) },
  ];
}

// rows(): see csvText.
export function tableSave(text, name, rows) {
  return { text, write: () => saveText(name("csv"), "text/csv", csvText(rows())) };
}

// answer() -> promise of {name, type, base64} or {error} from the server.
export function serverSave(text, answer) {
  return { text, write: () => saveAnswer(answer()) };
}

// rows [[number or text that needs no quotes, or quotedCell()]], the headings first.
export function csvText(rows) {
  return rows.map((cells) => cells.join(",") + "\n").join("");
}

export function quotedCell(text) {
  return '"' + text.replaceAll('"', '""') + '"';
}

async function savePng(name, scene) {
  const canvas = sceneCanvas(scene);
  saveBlob(name, await new Promise((done) => canvas.toBlob(done, "image/png")));
  return "";
}

function saveText(name, type, text) {
  saveBlob(name, new Blob([text], { type }));
  return "";
}

async function saveAnswer(answer) {
  const { name, type, base64, error } = await answer.catch(() => ({ error: UNREACHABLE }));
  if (error) return error;
  saveBlob(name, new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type }));
  return "";
}

function saveBlob(name, blob) {
  const link = make("a", "");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
