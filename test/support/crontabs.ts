import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { translateCrontab } from "../../src/cli/import/crontab/translate.ts";

export const FIXTURE_DIR = join(import.meta.dirname, "../fixtures/crontabs");

/** The crontabs in test/fixtures: `.system` has a user column, `.user` has none. */
export const FIXTURES = globSync("*.{system,user}", { cwd: FIXTURE_DIR }).sort();

const HOMES: Readonly<Record<string, string>> = {
  root: "/root",
  "www-data": "/var/www",
  munin: "/var/lib/munin",
  alice: "/home/alice",
};

/** Translates a fixture, on a machine with the users above. */
export const translate = (name: string) => {
  const system = name.endsWith(".system");
  const text = readFileSync(join(FIXTURE_DIR, name), "utf8");
  const options = {
    as: system ? "root" : "alice",
    homeOf: (user: string) => HOMES[user] ?? null,
    ids: new Set<string>(),
  };
  return translateCrontab({ file: name, text, system }, options);
};

/** Returns what a golden file has to contain: what became of each line as a comment, then the job files. */
export const goldenOf = (name: string): string => {
  const { files, fates, problems } = translate(name);
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const lines = fates.map(({ line, outcome, jobId, notes }) =>
    `# ${line}: ${outcome} ${[jobId ?? [], notes.join("; ")].flat().join(": ")}`.trimEnd(),
  );
  return [...lines, ...files.map(({ path, text }) => `--- # ${path}\n${text.trimEnd()}`), ""].join("\n");
};
