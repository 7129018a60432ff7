// Why a picture is empty or odd, in words: heads that are switched off, positions that the model never learned.

/** @import { AttentionPayload } from "../payloads.js" */

// The microscope's traces have no changes.
function isAblated({ changed }, layer, head) {
  return Boolean(changed) && changed.ablated.some((place) => place.layer === layer && place.head === head);
}

// Whether the head on screen is switched off. Before the change (side "other") it was on.
export function isOff(value, { layer, head, rollout, side }) {
  return !rollout && side !== "other" && isAblated(value, layer, head);
}

/**
 * What a head that is switched off still does.
 *
 * @param {AttentionPayload} value
 * @param {{layer: number}} state
 */
export function offSentence({ layers, prediction }, { layer }) {
  const next = layer < layers - 1 ? "the next layer" : prediction ? "the answer" : "the output";
  return "This head is off: its output is zero, so nothing that it looks at reaches " + next + ".";
}

/**
 * Why the difference between two traces is zero in the head on screen.
 *
 * @param {AttentionPayload} value
 */
export function noDifference(value, state) {
  const { changed, layers } = value;
  const first = Math.min(...changed.ablated.map(({ layer }) => layer)); // layers up to it read what they read before
  if (changed.masked.length || state.rollout || !(state.layer <= first))
    return "Nothing differs here by 0.005 or more.";
  const off = isOff(value, state);
  if (first === layers - 1) {
    const which = off ? "This is a head of the last layer: " : "The head that is off is in the last layer: ";
    const output = value.prediction ? "the answer" : "the output";
    return which + "switching it off changes no attention weight, only " + output + ".";
  }
  const which = off ? "This head's own weights stay the same: " : "No weight differs here: ";
  return which + "switching a head off changes only the layers after it, from layer " + (first + 2) + " on.";
}

/**
 * The first of these tokens at a position that the model never learned, else null.
 *
 * @param {AttentionPayload} value
 * @param {number[]} tokens
 */
export function beyondLearned({ positions }, tokens) {
  return (positions && tokens.find((token) => token >= positions.learned)) ?? null;
}

// Positions count from 1 in words.
export function positionSentence({ positions }, token) {
  return "Position " + (token + 1) + ": this model never learned positions beyond " + positions.learned + ".";
}
