#!/usr/bin/env node
/**
 * @file Everything that is a function.
 */
"use strict";

/** @typedef {import("./types").Options} Options */
const { join } = require("path");

/**
 * Adds two numbers.
 * @param {number} a - The first.
 * @param {number} [b=2] - The second.
 * @param {...number} rest - All others.
 * @returns {number} The sum.
 */
// eslint-disable-next-line max-params
export function add(a, b = 2, ...rest) {
  return rest.reduce((sum, next) => sum + next, a + b);
}

/** Counts up. */
export default function* count(from) {
  yield from;
  yield* count(from + 1);
}

/**
 * Reads a line.
 * @param {string} line
 */
async function* lines(line) {
  for await (const part of source(line)) {
    if (part) yield part;
  }
}

/** Squares. */
const square = (x) => x * x;

/** Cubes. */
let cube = x => square(x) * x,
  half = function (x) {
    return x / 2;
  };

var nothing = () => {};

/** Wraps, so it is no function to us. */
const memoized = memoize((key) => key.length);

/** Makes a counter. */
export const makeCounter = (start) => {
  let value = start;

  /** Counts one further. */
  function next() {
    value += 1;
    return value;
  }
  return { next, reset() { value = start; } };
};

events.on("change", () => refresh());

hooks.tap(
  "Name",
  /**
   * Runs for each module.
   * @param {Module} module - The module.
   */
  (module) => {
    module.build();
  },
);

(function () {
  function hidden() {
    return 1;
  }
  return hidden();
})();
