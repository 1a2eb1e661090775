/**
 * A queue 🎉 of jobs.
 * @template T
 */
export class Queue extends mixin(Base) {
  /** How many there are. */
  size = 0;
  static limit = 10;
  #secret = null;
  handler = (event) => {
    this.last = event;
  };

  /**
   * Makes a queue.
   * @param {number} size - Its size.
   */
  constructor(size) {
    super();
    this.size = size;
    this.#secret = {};
    this.onDone = function () {};
  }

  get empty() {
    return this.size === 0;
  }

  set empty(value) {}

  static from(items) {
    return new Queue(items.length);
  }

  static async *stream() {
    yield 1;
  }

  #grow() {
    this.size *= 2;
  }

  _shrink() {}

  /** Says what is missing. */
  describe() {
    throw new Error("Not implemented");
  }

  [Symbol.iterator]() {
    return this;
  }

  static {
    register(Queue);
  }
}

const Named = class Inner extends Queue {
  run() {}
};

function factory(base) {
  return class extends base {
    /** Kept. */
    field = 1;
    method() {}
  };
}

/** An old kind of class. */
function Legacy(name) {
  this.name = name;
  /** Says the name. */
  this.say = function () {
    return this.name;
  };
}

/**
 * Sings.
 * @param {number} times - How often.
 */
Legacy.prototype.sing = function (times) {
  return this.name.repeat(times);
};

Legacy.create = (name) => new Legacy(name);
