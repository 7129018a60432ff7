// Controls that components share: small buttons, radio buttons in a row, how a picture is read.

import { make } from "./dom.js";

export function button(text, press, className = "") {
  const node = make("button", "mlm-small " + className, text);
  node.type = "button";
  node.addEventListener("click", press);
  return node;
}

// options [{value, text: text or node}] as radio buttons that look like one row of buttons.
export function radios(legend, options, pick) {
  const name = "mlm-radios-" + Math.random().toString(36).slice(2); // unique on the page
  const inputs = new Map();
  const labels = options.map(({ value, text }) => {
    const input = make("input", "");
    Object.assign(input, { type: "radio", name, value });
    input.addEventListener("change", () => pick(value));
    inputs.set(value, input);
    return make("label", "", input, make("span", "", text));
  });
  const element = make("fieldset", "mlm-radios", make("legend", "mlm-unseen", legend), ...labels);
  const choose = (value) =>
    inputs.forEach((input, one) => {
      input.checked = one === value;
    });
  return { element, choose };
}

export function checkbox(text, change) {
  const input = make("input", "");
  input.type = "checkbox";
  input.addEventListener("change", () => change(input.checked));
  return { element: make("label", "mlm-check", input, text), input };
}

export function reading(lines) {
  const list = make("ul", "mlm-reading", ...lines.map((text) => make("li", "", text)));
  return make("details", "mlm-details", make("summary", "", "How to read this"), list);
}

// Text from outside, in its own writing direction.
export function plain(text, className = "") {
  const node = make("span", className, text);
  node.dir = "auto";
  return node;
}
