// Numbers as text: a minus sign as it is typeset, and none before a zero.

export function number(value, digits) {
  return signed(value, digits, "");
}

// With a sign in front, "+0.12"; plus: what stands before a positive number.
export function signed(value, digits, plus = "+") {
  const text = Math.abs(value).toFixed(digits);
  return (Number(text) === 0 ? "" : value < 0 ? "−" : plus) + text;
}

// A weight of 0 to 1, or the difference of two, which always has a sign.
export function weightText(value, isDifference) {
  return (isDifference ? (value < 0 ? "−" : "+") : "") + Math.abs(value).toFixed(2);
}

export function percent(share, digits = 0) {
  return (100 * share).toFixed(digits) + " %";
}

// A share as a length in CSS, which has no space in it.
export function length(share) {
  return (100 * Math.max(0, Math.min(1, share))).toFixed(1) + "%";
}
