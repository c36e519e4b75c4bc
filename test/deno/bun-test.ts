import { format, inspect } from "node:util";
import { expect as plainExpect } from "expect";

/**
 * The part of `bun:test` that the tests use, for Deno. deno.json in this folder maps `bun:test` to this file. A test becomes
 * a `Deno.test`. Groups and hooks are implemented here.
 */

type Hook = () => unknown;
type Run = (...values: readonly unknown[]) => unknown;
type Limit = number | { readonly timeout?: number };

class Group {
  readonly name: string;
  readonly parent: Group | null;
  readonly isSkipped: boolean;
  readonly before: { readonly all: Hook[]; readonly each: Hook[] } = { all: [], each: [] };
  readonly after: { readonly all: Hook[]; readonly each: Hook[] } = { all: [], each: [] };
  /** Number of tests in the group that have not ended. */
  #unfinished = 0;
  #ready: Promise<void> | null = null;

  constructor(name: string, parent: Group | null, isSkipped: boolean) {
    this.name = name;
    this.parent = parent;
    this.isSkipped = isSkipped || (parent?.isSkipped ?? false);
  }

  /** The group and its parents, outermost first. */
  get path(): readonly Group[] {
    return [...(this.parent?.path ?? []), this];
  }

  addTest(): void {
    this.#unfinished += 1;
  }

  /** Runs the `beforeAll` hooks once. If one fails, all tests of the group fail. */
  runBeforeAll(): Promise<void> {
    this.#ready ??= runHooks(this.before.all);
    return this.#ready;
  }

  async endTest(): Promise<void> {
    this.#unfinished -= 1;
    if (this.#unfinished === 0) await runHooks(this.after.all);
  }
}

const runHooks = async (hooks: readonly Hook[]): Promise<void> => {
  for (const hook of hooks) await hook();
};

let group = new Group("", null, false);

/** Minimum time limit: several test processes run in parallel, and Deno starts slowly. */
const LIMIT_MS = 180_000;

const declare = (name: string, run: Hook, limit: Limit = {}, isSkipped = false): void => {
  const { path } = group;
  const ignore = isSkipped || group.isSkipped;
  if (!ignore) for (const each of path) each.addTest();
  Deno.test({
    name: [...path.map((each) => each.name), name].filter((each) => each !== "").join(" > "),
    ignore,
    timeout: Math.max(LIMIT_MS, typeof limit === "number" ? limit : (limit.timeout ?? 0)),
    fn: () => runWithin(path, run),
  });
};

const runWithin = async (path: readonly Group[], run: Hook): Promise<void> => {
  // Keeps Deno alive: a test may wait for something that does not, such as a detached process.
  const alive = setInterval(() => {}, 1_000);
  await using ends = new AsyncDisposableStack();
  ends.defer(() => clearInterval(alive));
  for (const each of path) ends.defer(() => each.endTest());
  for (const each of path) await each.runBeforeAll();
  for (const each of path) ends.defer(() => runHooks(each.after.each));
  for (const each of path) await runHooks(each.before.each);
  await run();
};

const declareGroup = (name: string, fill: Hook, isSkipped = false): void => {
  const outer = group;
  group = new Group(name, outer, isSkipped);
  fill();
  group = outer;
};

/** Declares a test or group for each row, and passes it the values of the row. */
const eachOf =
  (one: (name: string, run: Hook, limit?: Limit) => void) =>
  (rows: readonly unknown[]) =>
  (name: string, run: Run, limit?: Limit): void => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row];
      one(formatTitle(name, values), () => run(...values), limit);
    }
  };

/** Replaces `%s`, `%d`, `%j` and `%p` with the values. */
const formatTitle = (name: string, values: readonly unknown[]): string => {
  let at = 0;
  return name.replace(/%[sdjp]/g, (kind) => {
    const value = values[at++];
    if (kind === "%j") return JSON.stringify(value);
    return kind === "%p" && !(value instanceof Error) ? inspect(value, ONE_LINE) : String(value);
  });
};

const ONE_LINE = { breakLength: Number.POSITIVE_INFINITY, compact: true };

export const test = Object.assign(declare, {
  each: eachOf(declare),
  skipIf: (isSkipped: boolean) => {
    const one = (name: string, run: Hook, limit?: Limit): void => declare(name, run, limit, isSkipped);
    return Object.assign(one, { each: eachOf(one) });
  },
});

export const describe = Object.assign(declareGroup, {
  each: eachOf((name, fill) => declareGroup(name, fill)),
  skipIf: (isSkipped: boolean) => (name: string, fill: Hook) => declareGroup(name, fill, isSkipped),
});

export const beforeAll = (hook: Hook): void => void group.before.all.push(hook);
export const beforeEach = (hook: Hook): void => void group.before.each.push(hook);
export const afterAll = (hook: Hook): void => void group.after.all.push(hook);
export const afterEach = (hook: Hook): void => void group.after.each.push(hook);

/** Creates a matcher that Bun has and the `expect` package does not. */
const matcher =
  <Args extends readonly unknown[]>(words: string, holds: (value: unknown, ...args: Args) => boolean) =>
  (value: unknown, ...args: Args) => ({
    pass: holds(value, ...args),
    message: () => format(`%o: expected ${words}`, value, ...args),
  });

plainExpect.extend({
  toStartWith: matcher("a text that begins with %o", (value, begin: string) => String(value).startsWith(begin)),
  toEndWith: matcher("a text that ends with %o", (value, end: string) => String(value).endsWith(end)),
  toBeWithin: matcher(
    "a number from %d and below %d",
    (value, from: number, to: number) => Number(value) >= from && Number(value) < to,
  ),
  toBeString: matcher("a text", (value) => typeof value === "string"),
  toBeNumber: matcher("a number", (value) => typeof value === "number"),
});

export const expect = Object.assign(plainExpect, {
  unreachable: (message = "this must not be reached"): never => {
    throw new Error(message);
  },
});

/** Each test has time enough here. */
export const setDefaultTimeout = (_ms: number): void => {};
