import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Guard } from "./guard.ts";
import { API_GUARDS } from "./guards-api.ts";
import { FILE_GUARDS } from "./guards-files.ts";
import { TASK_GUARDS } from "./guards-tasks.ts";

const ROOT = join(import.meta.dir, "../..");
const TIMEOUT_MS = 120_000;

const main = async (words: readonly string[]): Promise<void> => {
  const guards = [...API_GUARDS, ...TASK_GUARDS, ...FILE_GUARDS].filter((guard) =>
    words.every((word) => lineOf(guard).includes(word)),
  );
  const tree = copyTree();
  const passes = new Map<string, Promise<boolean>>();
  let undetected = 0;
  try {
    for (const guard of guards) {
      const key = `${guard.test} ${guard.only}`;
      const unchanged = passes.get(key) ?? runTest(tree, guard).then(({ failed }) => failed === 0);
      passes.set(key, unchanged);
      const verdict = (await unchanged) ? await testMutation(tree, guard) : RED;
      if (!verdict.isDetected) undetected++;
      console.log(`${verdict.isDetected ? "✓" : "✗"} ${lineOf(guard)}${verdict.text}`);
    }
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
  console.log(`\n${guards.length - undetected} of ${guards.length} removed guards were detected by their tests`);
  if (undetected > 0) process.exitCode = 1;
};

const lineOf = ({ against, file, test }: Guard): string =>
  `${against.padEnd(58)} ${file.padEnd(30)} ${test.padEnd(32)} `;

/** Copies what the tests need to a temporary folder. */
const copyTree = (): string => {
  const tree = mkdtempSync(join(tmpdir(), "petit-guards-"));
  for (const folder of ["src", "test", "dist/web", "package.json", "tsconfig.json", "bunfig.toml"])
    cpSync(join(ROOT, folder), join(tree, folder), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  return tree;
};

type Verdict = { readonly isDetected: boolean; readonly text: string };

const RED: Verdict = { isDetected: false, text: "the test fails with the guard, too" };

/** Removes the guard, runs its test, and restores the guard. */
const testMutation = async (tree: string, guard: Guard): Promise<Verdict> => {
  const path = join(tree, "src", guard.file);
  const text = readFileSync(path, "utf8");
  const places = text.split(guard.from).length - 1;
  if (places !== 1) return { isDetected: false, text: `the code occurs ${places} times in the file` };
  writeFileSync(
    path,
    text.replace(guard.from, () => guard.to),
  );
  const without = await runTest(tree, guard);
  writeFileSync(path, text);
  if (without.failed > 0) return { isDetected: true, text: `${without.failed} failed` };
  return { isDetected: false, text: without.passed > 0 ? `${without.passed} passed without it` : "no test ran" };
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
    timeout: TIMEOUT_MS,
  });
  const output = await new Response(child.stderr).text();
  const count = (word: string): number => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(output)?.[1] ?? 0);
  return { passed: count("pass"), failed: count("fail") };
};

await main(process.argv.slice(2));
