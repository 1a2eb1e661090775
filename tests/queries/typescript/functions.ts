/** @packageDocumentation Functions of all kinds. */

import { Base } from "./base";

/**
 * Finds one.
 * @param key - Its key.
 */
export function find(key: string): string | undefined;
export function find(key: number, ...more: number[]): string[];
export function find(this: Window, key: any, { exact, limit: { max = 10 } }: FindOptions = {}, done?: () => void): unknown {
  if (typeof key === "symbol") throw new TypeError("no symbols");
  return key;
}

export async function* walk<T extends object, K extends keyof T = keyof T>(root: T, keys: readonly K[]): AsyncGenerator<T[K]> {
  yield root[keys[0]];
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function assertDefined<T>(value: T | undefined): asserts value is T {}

/** Typed by its name. */
export const handler: Handler<Event> = async (event) => {
  await event.done;
};

const identity = <T,>(value: T): T => value;

declare function external(name: string): void;

export const config = {
  /** Starts it. */
  start(): void {},
  stop: (now?: boolean): boolean => !!now,
} satisfies Config;

export default (props: Props) => null;
