export interface Half {
  name: string
  /** Kept. */
  run(: void;
}

/** After it. */
export function after<T(x: T): T {
  return x;
}

export class Late {
  /** Found. */
  fine(): number { return 1 }
