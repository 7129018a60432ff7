// What both explorers unfold below their pictures: files to save, the Python, how to read it; and the notes at the foot.
// Parts as in explorer.js.

import { reading } from "./controls.js";
import { code, make, show } from "./dom.js";
import { pictureSaves, saving, serverSave, tableSave } from "./save.js";

// name(ending) -> a file's name, scene() -> what is on screen (scene.js), rows() -> its numbers (csvText in save.js),
// more: further saves, view() -> what the saved page opens on.
export function savePart(page, { name, scene, rows, more = [], view = () => null }) {
  const file = (format) => () => page.callbacks.file(page.about({ format, view: view() }));
  const fromServer = [
    serverSave("All heads (NPZ)", file("npz")),
    serverSave("This view as a page (HTML)", file("html")),
  ];
  const saves = [...pictureSaves(name, scene), ...more, tableSave("This head (CSV)", name, rows), ...fromServer];
  const { element, buttons } = saving(saves);
  function draw() {
    for (const button of buttons.slice(-fromServer.length)) show(button, Boolean(page.callbacks.file));
  }
  return { element, level: "value", draw };
}

export function codePart(page) {
  const box = code();
  return { element: box, level: "value", draw: () => box.draw(page.value.code) };
}

export function readingPart(lines) {
  return { element: reading(lines), level: "value", draw() {} };
}

export function notesPart(page) {
  const element = make("div", "mlm-foot");
  function draw() {
    const lines = [...page.value.notes, ...page.value.footer];
    element.replaceChildren(...lines.map((text) => make("p", "mlm-note", text)));
  }
  return { element, level: "value", draw };
}
