/** A store of things. */
export interface Store<K, V = string> extends Iterable<K>, ns.Sized<V> {
  /** How many. */
  readonly size: number;
  name?: string;
  (key: K): V;
  new (size: number): Store<K, V>;
  [key: string]: unknown;
  /**
   * Gets one.
   * @param key - Its key.
   */
  get<D>(key: K, fallback?: D): V | D;
  get tag(): string;
  onChange: (event: Event) => void;
}

/** Options. */
export type Options<T extends object = {}> = {
  /** Whether it must be exact. */
  exact: boolean;
  done?(value: T): void;
};

type Key = string | number;

export enum Direction {
  /** To the top. */
  Up = "UP",
  Down = 1 << 2,
  Left,
}

declare const enum Flags { A, B = 2 }

/** Helpers of the store. */
export namespace Stores.Inner {
  export const empty: Store<string> = make();
  function hidden(): void {}
}

declare module "other" {
  export function help(topic: string): void;
}

declare global {
  interface Window {
    store: Store<string>;
  }
}

declare const VERSION: string;

export = Stores;
