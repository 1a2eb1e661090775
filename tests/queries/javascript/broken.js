/** Still found. */
function before(a, b) {
  return a;
}

class Half {
  /** Also found. */
  method(x) {
    if (x {
      return 1;
  }

/** After the damage. */
function after(c) {}
