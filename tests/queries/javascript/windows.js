/**
 * Grüße 🎉 an alle.
 *
 * @param {string} name - Wer.
 * @returns {string} Der Gruß.
 */
export function greet(name) {
  if (name === "🎉") throw new Error("party");
  return `Hallo 🎉 ${name}`;
}

/** Zwei. */
const zwei = (a, b = "ü") => a + b; // TODO: prüfen 🎉
