import type { Path } from "../../jobfile/parse/node.ts";
import { shorten } from "../../lib/text.ts";

/** What a test expected, and what it got instead. */
export type Difference = {
  /** Path of the expectation in its test. */
  readonly path: Path;
  readonly expected: string;
  readonly got: string;
};

/** Collects what differs. */
export class Differences {
  readonly found: Difference[] = [];

  add(path: Path, expected: unknown, got: unknown): void {
    this.found.push({ path, expected: show(expected), got: show(got) });
  }

  /** Compares a value with what is expected; undefined expects nothing. */
  same(path: Path, expected: string | number | undefined, got: string | number | null | undefined): void {
    if (expected !== undefined && expected !== got) this.add(path, expected, got ?? null);
  }

  /** Compares a text with a part of it; undefined expects nothing. */
  part(path: Path, expected: string | undefined, got: string | null): void {
    if (expected !== undefined && got?.includes(expected) !== true)
      this.add(path, new Words(`a text with '${expected}'`), got);
  }

  /** Compares some values of a map. */
  values(
    path: Path,
    expected: { readonly [name: string]: string },
    got: { readonly [name: string]: string } | null | undefined,
  ): void {
    for (const [name, value] of Object.entries(expected))
      this.same([...path, name], value, got != null && Object.hasOwn(got, name) ? got[name] : null);
  }
}

/** A description in place of a value. */
export class Words {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const show = (value: unknown): string => {
  if (value instanceof Words) return value.text;
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "string") return PLAIN.test(value) ? value : shorten(JSON.stringify(value), MAX_SHOWN);
  return shorten(JSON.stringify(value) ?? "nothing", MAX_SHOWN);
};

/** Words, numbers and times are shown without quotes. */
const PLAIN = /^[\w.:+/-]{1,80}$/;

const MAX_SHOWN = 2_000;
