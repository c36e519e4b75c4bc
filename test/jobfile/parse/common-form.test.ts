import { describe, expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { readCommonForm } from "../../../src/jobfile/parse/common-form.ts";
import { type ParsedDocument, parseAnyForm } from "../../../src/jobfile/parse/parse.ts";

const ROOT = join(import.meta.dirname, "../../..");
const TEXTS = globSync(["examples/jobs/*.yaml", "test/fixtures/**/*.{yaml,yml}"], { cwd: ROOT }).map((file) =>
  readFileSync(join(ROOT, file), "utf8"),
);

/** Expects the result of the library, or null. */
const expectSame = (text: string): void => {
  const common = readCommonForm(text);
  if (common === null) return;
  expect<readonly ParsedDocument[]>([{ ...common, faults: [], isSyntax: false }]).toEqual(parseAnyForm(text));
};

const KEYS = ["a", "id", "name", "true", "null", "a-b", "x.y", "1", "<<", "'q'", "a b", "é"];
const SCALARS = [
  ...[
    "text",
    "two words",
    "a: b",
    "a:b",
    "a #b",
    "a#b",
    "a # b",
    "x:",
    "http://h:1/p?q=1#f",
    "10s",
    "1.5",
    "-1",
    "+1",
    "0",
    "-0",
  ],
  ...[
    "007",
    "0x1f",
    "0o7",
    "1e3",
    "1_000",
    ".5",
    "5.",
    ".inf",
    "-.INF",
    ".nan",
    "~",
    "null",
    "Null",
    "true",
    "True",
    "FALSE",
    "yes",
  ],
  ...[
    "''",
    "'it''s'",
    "'a'",
    '"a"',
    '"a\\n"',
    '"a',
    "'a",
    '"a" b',
    "'a'b",
    "-",
    "- a",
    "-a",
    "--a",
    "?",
    "? a",
    ":",
    ":a",
    "%a",
    "@a",
  ],
  ...[
    "`a`",
    "&a",
    "&a b",
    "*a",
    "!t a",
    "[",
    "]",
    "[]",
    "[ ]",
    "[a, b]",
    "[a,b]",
    "[a b , c]",
    "[a, ]",
    "[a: b]",
    "['a', \"b\"]",
  ],
  ...[
    "[1, true, -c]",
    "[a, [b, {c: d}]]",
    "{}",
    "{a: b}",
    "{a: b, a: c}",
    "{a:b}",
    "{a}",
    "{a: }",
    "{a: b,}",
    "{'a': b}",
    "[a]b",
  ],
  ...[
    "[a] # c",
    "{a: 'b'} ",
    "$x",
    "${{ a.b }}",
    "*/5 * * * *",
    "(a)",
    "<a>",
    "=a",
    "^a",
    "\\a",
    "/a/b c",
    "_",
    ";",
    "a,b",
    "a]",
    "a}",
  ],
  ...[
    "[a-b, a/b, 10.5, 1.5, a@b]",
    "[${x}]",
    "[-]",
    "[- a]",
    "[a:b]",
    "[a #b]",
    "é",
    "a\u00a0b",
    "\u2028",
    "\ufeff",
    "\ud800",
    "a\tb",
  ],
];
const BLOCKS = ["|", "|-", "|+", ">", ">-", "|2", "| # c", "|  "];
const LINES = [
  "text",
  "  text",
  "    text",
  "",
  "   ",
  "# c",
  "  # c",
  "- a",
  "a: b",
  "x: |",
  "\ttext",
  "text  ",
  "---",
  "...",
];

const scalar = fc.constantFrom(...SCALARS);
const indent = fc.constantFrom("", "  ", "    ", " ", "      ");
const space = fc.constantFrom(" ", " ", " ", "  ", "");
const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(indent, fc.constantFrom(...KEYS), space, scalar).map(([i, k, s, v]) => `${i}${k}:${s}${v}`),
  },
  { weight: 4, arbitrary: fc.tuple(indent, fc.constantFrom(...KEYS)).map(([i, k]) => `${i}${k}:`) },
  { weight: 2, arbitrary: fc.tuple(indent, space, scalar).map(([i, s, v]) => `${i}-${s}${v}`) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(indent, space, fc.constantFrom(...KEYS), fc.oneof(scalar, fc.constant("")))
      .map(([i, s, k, v]) => `${i}-${s}${k}: ${v}`),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(indent, fc.constantFrom("- ", "a: ", "b: ", "- c: "), fc.constantFrom(...BLOCKS))
      .map(([i, k, b]) => `${i}${k}${b}`),
  },
  { weight: 3, arbitrary: fc.tuple(indent, fc.constantFrom(...LINES)).map(([i, l]) => `${i}${l}`) },
);
const generated = fc
  .tuple(
    fc.constantFrom("", "", "", "---\n", "---\n\n", "--- \n", "---\n---\n", "# c\n"),
    fc.array(line, { minLength: 1, maxLength: 7 }),
    fc.constantFrom("", "\n", "\n\n", "\r\n", " \n", "\n---\n", "\n...\n"),
  )
  .map(([start, lines, end]) => start + lines.join("\n") + end);

const damaged = fc
  .record({
    text: fc.constantFrom(...TEXTS),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat({ max: 12 }),
    piece: fc.oneof(
      scalar,
      fc.constantFrom(...BLOCKS, ...LINES, "\n", "\n  ", "\n\n", " ", ": ", " #", ""),
      fc.string({ maxLength: 3 }),
    ),
  })
  .map(({ text, at, length, piece }) => {
    const start = Math.floor(at * text.length);
    return text.slice(0, start) + piece + text.slice(start + length);
  });

/** A document whose lines fit together, as a person would write them, with comments, empty lines and any indentation. */
type Tree =
  | { readonly kind: "scalar"; readonly text: string }
  | { readonly kind: "literal"; readonly header: string; readonly lines: readonly string[] }
  | { readonly kind: "map" | "list"; readonly step: number; readonly items: readonly (readonly [string, Tree])[] };

const PROPER_KEYS = ["a", "b", "id", "depends_on", "X-Header", "true", "k1", "k.2", "yes", "_"];
const NOISE = ["", "\n", "\n# comment\n", "\n      # indented\n"];
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("scalar" as const), text: scalar }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("literal" as const),
        header: fc.constantFrom("|", "|-"),
        lines: fc.array(fc.constantFrom("text", "  more", "# c", "a: b", "", "- x", "x  "), {
          minLength: 1,
          maxLength: 4,
        }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("map" as const, "list" as const),
        step: fc.nat({ max: 4 }),
        items: fc.array(fc.tuple(fc.constantFrom(...PROPER_KEYS), tie("tree")), { minLength: 1, maxLength: 4 }),
      }),
    },
  ),
}));

const written = (node: Tree, indent: number, noise: string): string => {
  const spaces = " ".repeat(indent);
  if (node.kind === "scalar") return ` ${node.text}\n`;
  if (node.kind === "literal")
    return ` ${node.header}\n${node.lines.map((text) => (text === "" ? "\n" : `${spaces}  ${text}\n`)).join("")}`;
  if (node.kind === "list")
    return `\n${node.items.map(([, item]) => `${spaces}-${itemText(item, indent, noise)}`).join(noise.trimStart())}`;
  return `\n${node.items.map(([key, item]) => `${spaces}${key}:${written(item, indent + node.step, noise)}`).join(noise.trimStart())}`;
};

/** A map begins in the line of its dash. */
const itemText = (item: Tree, indent: number, noise: string): string =>
  item.kind === "map" ? ` ${written(item, indent + 2, noise).trimStart()}` : written(item, indent, noise);

const proper = fc.tuple(tree, fc.constantFrom(...NOISE), fc.boolean()).map(([node, noise, ends]) => {
  const text = written(node, 0, noise).trimStart();
  return ends ? text : text.trimEnd();
});

/** A longer run: `PETIT_FORM_RUNS=1000000 scripts/test test/jobfile/parse/common-form.test.ts`. */
const RUNS = Number(process.env.PETIT_FORM_RUNS ?? 5_000);

describe("the common form", () => {
  test("of the examples and fixtures is read as the library reads it", () => {
    for (const text of TEXTS) expectSame(text);
    expect(TEXTS.filter((text) => readCommonForm(text) !== null).length).toBeGreaterThan(TEXTS.length / 2);
  });

  test("of each value in each place is read as the library reads it", () => {
    for (const value of [...SCALARS, ...BLOCKS.map((block) => `${block}\n    text`)])
      for (const before of ["a: ", "a:\n  b: ", "a:\n  - ", "a:\n- ", "- ", "- a: ", "a: [x, ", "a: {x: "])
        for (const after of ["", "\n", " \n", " # c\n", "\nb: c\n", "\n  b: c\n", "\n  more\n", "\n\n", "]\n", "}\n"])
          for (const start of ["", "---\n"]) expectSame(start + before + value + after);
  });

  test("of generated documents is read as the library reads it", () => {
    fc.assert(fc.property(generated, expectSame), { numRuns: RUNS });
  }, 600_000);

  test("of documents whose lines fit together is read as the library reads it", () => {
    fc.assert(fc.property(proper, expectSame), { numRuns: RUNS });
    const texts = fc.sample(proper, { numRuns: 500, seed: 1 });
    expect(texts.filter((text) => readCommonForm(text) !== null).length).toBeGreaterThan(25);
  }, 600_000);

  test("of damaged files is read as the library reads it", () => {
    fc.assert(fc.property(damaged, expectSame), { numRuns: RUNS / 5 });
  }, 600_000);
});
