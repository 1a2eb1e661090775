/**
 * Opens a file.
 * @throws {RangeError} If negative.
 */
export async function open(path, mode) {
  if (mode < 0) throw new RangeError("mode is negative");
  if (!path) {
    throw new errors.NotFound(`no ${path}`);
  } else if (mode > 3) {
    throw TypeError("too big");
  } else {
    try {
      touch(path);
      throw new Swallowed("never leaves");
    } catch {
      log("caught");
    }
  }
  try {
    return await read(path);
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  } finally {
    close();
  }
}

function reject(reason) {
  if (!reason) return Promise.reject(new TypeError("no reason"));
  return Promise.reject(reason);
}

function outer() {
  const inner = () => {
    throw new Error("of the inner one");
  };
  switch (inner()) {
    case 1:
      throw makeError();
    default:
      throw inner;
  }
}

function both(flag) {
  if (flag) {
    return 1;
  } else {
    throw new Error(flag);
  }
}
