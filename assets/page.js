// The lists of the page (`page-list`): a remark, which stands in a choice's words behind an em space, goes to the right
// of its row in grey; of a long list the first rows are shown, and the rest behind a button.

const REMARK = "\u2003";
const SHOWN = 4; // rows; one more is shown too, rather than a button for it alone

function splitRemark(words) {
  const text = words.firstChild;
  if (text?.nodeType !== Node.TEXT_NODE) return;
  const [name, remark] = text.data.split(REMARK);
  if (remark === undefined) return;
  words.querySelector("small")?.remove();
  text.data = `${name} `;
  words.append(Object.assign(document.createElement("small"), { textContent: remark }));
}

// Gradio changes the text of a row in place: a remark of the former text goes.
function forgetRemark(text) {
  if (!text.data.includes(REMARK) && text.nextSibling?.nodeName === "SMALL") text.nextSibling.remove();
}

function foldRows(list) {
  const rows = [...list.querySelectorAll(":scope > label")];
  let button = list.querySelector(":scope > .page-more");
  const isLong = rows.length > SHOWN + 1;
  const isOpen = list.dataset.open === "yes";
  for (const [place, row] of rows.entries()) {
    row.hidden = isLong && !isOpen && place >= SHOWN && !row.querySelector("input").checked;
  }
  if (!isLong) return button?.remove();
  if (!button) {
    button = Object.assign(document.createElement("button"), { type: "button", className: "page-more" });
    button.addEventListener("click", () => {
      list.dataset.open = list.dataset.open === "yes" ? "no" : "yes";
      tidy();
    });
  }
  const words = isOpen ? "Fewer" : `${rows.filter((row) => row.hidden).length} more`;
  if (button.textContent !== words) button.textContent = words;
  button.setAttribute("aria-expanded", String(isOpen));
  if (list.lastElementChild !== button) list.append(button);
}

function tidy() {
  for (const words of document.querySelectorAll(".page-list .wrap > label > span")) splitRemark(words);
  for (const list of document.querySelectorAll(".page-list .wrap:has(> label)")) foldRows(list);
  observer.takeRecords(); // of what was done here
}

const observer = new MutationObserver((records) => {
  for (const { type, target } of records) if (type === "characterData") forgetRemark(target);
  tidy();
});
observer.observe(document.body, { childList: true, characterData: true, subtree: true });
tidy();
