/**
 * Draws.
 * @param {object} options - How.
 * @param {string} options.color - The color.
 */
function draw({ color, size: { width = 1, height }, "line-width": line = 2, ...rest } = {}, [x, y], plain = { a: 1 }) {
  return color;
}

const pick = ({ a, b = 2 }) => a + b;
const swap = ([first, second]) => [second, first];
const gather = (...[head, tail]) => head;
const nested = ({ deep: { er: { est } } }, last) => est;
