const local = 1;

function add(a) {
  return a;
}

/** Takes away. */
exports.subtract = function (a, b) {
  return a - b;
};

module.exports.multiply = (a, b) => a * b;

exports.divide = add;

module.exports = {
  add,
  plus: add,
  /** Says hello. */
  hello(name) {
    return `hello ${name}`;
  },
  bye: async function (name) {
    return name;
  },
  "quoted-name": () => {},
};
