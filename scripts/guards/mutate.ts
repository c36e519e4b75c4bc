import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Guard } from "./guard.ts";
import { API_GUARDS } from "./guards-api.ts";
import { FILE_GUARDS } from "./guards-files.ts";
import { TASK_GUARDS } from "./guards-tasks.ts";

const ROOT = join(import.meta.dir, "../..");
const PATIENCE_MS = 120_000;

const main = async (words: readonly string[]): Promise<void> => {
  const guards = [...API_GUARDS, ...TASK_GUARDS, ...FILE_GUARDS].filter((guard) =>
    words.every((word) => lineOf(guard).includes(word)),
  );
  const tree = copyTree();
  const passes = new Map<string, Promise<boolean>>();
  let missed = 0;
  try {
    for (const guard of guards) {
      const tested = `${guard.test} ${guard.only}`;
      const asItIs = passes.get(tested) ?? runTest(tree, guard).then(({ failed }) => failed === 0);
      passes.set(tested, asItIs);
      const verdict = (await asItIs) ? await judge(tree, guard) : RED;
      if (!verdict.isNoticed) missed++;
      console.log(`${verdict.isNoticed ? "✓" : "✗"} ${lineOf(guard)}${verdict.text}`);
    }
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
  console.log(
    `\n${guards.length - missed} of ${guards.length} guards are missed by their tests where they are taken away`,
  );
  if (missed > 0) process.exitCode = 1;
};

const lineOf = ({ against, file, test }: Guard): string =>
  `${against.padEnd(58)} ${file.padEnd(30)} ${test.padEnd(32)} `;

/** What the tests need, to be changed without harm. */
const copyTree = (): string => {
  const tree = mkdtempSync(join(tmpdir(), "petit-guards-"));
  for (const folder of ["src", "test", "dist/web", "package.json", "tsconfig.json", "bunfig.toml"])
    cpSync(join(ROOT, folder), join(tree, folder), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  return tree;
};

type Verdict = { readonly isNoticed: boolean; readonly text: string };

const RED: Verdict = { isNoticed: false, text: "fails with it, too" };

/** Whether the test fails without the guard. */
const judge = async (tree: string, guard: Guard): Promise<Verdict> => {
  const path = join(tree, "src", guard.file);
  const text = readFileSync(path, "utf8");
  const places = text.split(guard.from).length - 1;
  if (places !== 1) return { isNoticed: false, text: `what is to be taken away stands there ${places} times` };
  writeFileSync(
    path,
    text.replace(guard.from, () => guard.to),
  );
  const without = await runTest(tree, guard);
  writeFileSync(path, text);
  if (without.failed > 0) return { isNoticed: true, text: `${without.failed} failed` };
  return { isNoticed: false, text: without.passed > 0 ? `${without.passed} passed without it` : "no test ran" };
};

const runTest = async (
  tree: string,
  { test, only }: Guard,
): Promise<{ readonly passed: number; readonly failed: number }> => {
  const filter = only === undefined ? [] : ["-t", only];
  const child = Bun.spawn([process.execPath, "test", "--timeout", "30000", join("test", test), ...filter], {
    cwd: tree,
    stdout: "ignore",
    stderr: "pipe",
    timeout: PATIENCE_MS,
  });
  const said = await new Response(child.stderr).text();
  const count = (word: string): number => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(said)?.[1] ?? 0);
  return { passed: count("pass"), failed: count("fail") };
};

await main(process.argv.slice(2));
