import fs from "fs";

/**
 * Far away, but still its own.
 */

export function gapped() {}

/**
 * Too far away.
 */


function lonely() {}

/* A plain comment is no documentation. */
function plain() {}

/** One line. */ function sameLine() {}

/** @callback Done */
function afterCallback() {}

/*** An ornament. */
function ornament() {}

const x = 1; // Trailing words belong to x.
function afterTrailing() {}

call(/** @param {number} n - A number. */ (n) => n);

// TODO: write more
// FIXME later
function marked() {} // eslint-disable-line

/* eslint-disable jsdoc/require-param, jsdoc/require-returns -- old code */
const handlers = {
  /** Starts. */
  start() {},
  // Not documentation.
  stop: () => {},
};
/* eslint-enable */

/** Documents the first. */
const one = () => 1, two = () => 2;

export { gapped as renamed, plain };
export { other } from "./other.js";
