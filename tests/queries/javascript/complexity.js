export function tangled(a, b) {
  if (a && b && !a) {
    for (const x of b) {
      while (x) {
        if (x > 1 || a) break;
      }
    }
  } else if (b) {
    return a ?? b;
  } else {
    return a ? 1 : 2;
  }
  switch (a) {
    case 1:
      return 1;
    case 2:
      return 2;
    default:
  }
  return b.map((x) => {
    if (x) return 1;
    return 0;
  });
}
