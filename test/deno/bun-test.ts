import { format, inspect } from "node:util";
import { expect as plainExpect } from "expect";

/**
 * What the tests use of `bun:test`, under Deno: deno.json beside this file has them import this in its place. A test is a
 * `Deno.test`; groups, and what is done before and after them, are made here.
 */

type Act = () => unknown;
type Run = (...values: readonly unknown[]) => unknown;
type Limit = number | { readonly timeout?: number };

class Group {
  readonly name: string;
  readonly parent: Group | null;
  readonly isSkipped: boolean;
  readonly before: { readonly all: Act[]; readonly each: Act[] } = { all: [], each: [] };
  readonly after: { readonly all: Act[]; readonly each: Act[] } = { all: [], each: [] };
  /** Tests in it that are to run and have not ended. */
  #left = 0;
  #ready: Promise<void> | null = null;

  constructor(name: string, parent: Group | null, isSkipped: boolean) {
    this.name = name;
    this.parent = parent;
    this.isSkipped = isSkipped || (parent?.isSkipped ?? false);
  }

  /** Its groups, the outermost first, itself the last. */
  get path(): readonly Group[] {
    return [...(this.parent?.path ?? []), this];
  }

  expectOne(): void {
    this.#left += 1;
  }

  /** Is done once; where it fails, all of the group's tests do. */
  ready(): Promise<void> {
    this.#ready ??= doAll(this.before.all);
    return this.#ready;
  }

  async endOne(): Promise<void> {
    this.#left -= 1;
    if (this.#left === 0) await doAll(this.after.all);
  }
}

const doAll = async (acts: readonly Act[]): Promise<void> => {
  for (const act of acts) await act();
};

let group = new Group("", null, false);

/** Several processes test at once, and each Deno takes longer to start: tests have time enough. */
const LIMIT_MS = 60_000;

const declare = (name: string, run: Act, limit: Limit = {}, isSkipped = false): void => {
  const { path } = group;
  const ignore = isSkipped || group.isSkipped;
  if (!ignore) for (const each of path) each.expectOne();
  Deno.test({
    name: [...path.map((each) => each.name), name].filter((each) => each !== "").join(" > "),
    ignore,
    timeout: Math.max(LIMIT_MS, typeof limit === "number" ? limit : (limit.timeout ?? 0)),
    fn: () => runWithin(path, run),
  });
};

const runWithin = async (path: readonly Group[], run: Act): Promise<void> => {
  // What a test waits for may keep nothing alive, such as a process that petit may leave behind.
  const alive = setInterval(() => {}, 1_000);
  await using ends = new AsyncDisposableStack();
  ends.defer(() => clearInterval(alive));
  for (const each of path) ends.defer(() => each.endOne());
  for (const each of path) await each.ready();
  for (const each of path) ends.defer(() => doAll(each.after.each));
  for (const each of path) await doAll(each.before.each);
  await run();
};

const declareGroup = (name: string, fill: Act, isSkipped = false): void => {
  const outer = group;
  group = new Group(name, outer, isSkipped);
  fill();
  group = outer;
};

/** Declares one for each row, whose values it is given. */
const eachOf =
  (one: (name: string, run: Act, limit?: Limit) => void) =>
  (rows: readonly unknown[]) =>
  (name: string, run: Run, limit?: Limit): void => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row];
      one(titleOf(name, values), () => run(...values), limit);
    }
  };

/** A line, with the values in the places of `%s`, `%d`, `%j` and `%p`. */
const titleOf = (name: string, values: readonly unknown[]): string => {
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
  skipIf: (isSkipped: boolean) => (name: string, run: Act, limit?: Limit) => declare(name, run, limit, isSkipped),
});

export const describe = Object.assign(declareGroup, {
  each: eachOf((name, fill) => declareGroup(name, fill)),
  skipIf: (isSkipped: boolean) => (name: string, fill: Act) => declareGroup(name, fill, isSkipped),
});

export const beforeAll = (act: Act): void => void group.before.all.push(act);
export const beforeEach = (act: Act): void => void group.before.each.push(act);
export const afterAll = (act: Act): void => void group.after.all.push(act);
export const afterEach = (act: Act): void => void group.after.each.push(act);

/** A matcher of Bun's that the others don't have. */
const matcher =
  <Args extends readonly unknown[]>(words: string, holds: (value: unknown, ...args: Args) => boolean) =>
  (value: unknown, ...args: Args) => ({
    pass: holds(value, ...args),
    message: () => format(`%o: is it ${words}?`, value, ...args),
  });

plainExpect.extend({
  toStartWith: matcher("a text that begins with %o", (value, begin: string) => String(value).startsWith(begin)),
  toEndWith: matcher("a text that ends with %o", (value, end: string) => String(value).endsWith(end)),
  toBeWithin: matcher(
    "from %d and below %d",
    (value, from: number, to: number) => Number(value) >= from && Number(value) < to,
  ),
  toBeString: matcher("a text", (value) => typeof value === "string"),
  toBeNumber: matcher("a number", (value) => typeof value === "number"),
});

export const expect = Object.assign(plainExpect, {
  unreachable: (words = "this is not reached"): never => {
    throw new Error(words);
  },
});
