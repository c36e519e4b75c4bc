import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gate } from "../support/engine/gate.ts";
import { serveHttp } from "../support/engine/test-server.ts";
import { start } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { hasSshd, type Sshd, startSshd } from "../support/ssh/sshd.ts";
import { tempDir } from "../support/temp-dir.ts";
import { endOf, eventually } from "../support/torture/run.ts";

const OLD = "old-battery-staple";
const NEW = "new-battery-staple";

const HIDDEN =
  /^\[petit: the output from here on is hidden: the secret [\w.-]+ may have changed since the task started, and the earlier one is not known\]\n(\*\*\*\n?)*$/;

const leaving = { args: ["--on-shutdown", "leave"] };

/** Starts a run, stops petit while it runs, and starts petit with another value of the secret. Returns the output. */
const outputAfter = async (
  jobs: string,
  value: string,
  { reached, release }: { readonly reached: () => Promise<void>; readonly release: () => void },
): Promise<string> => {
  const first = await startPetit({ ...leaving, jobs: { "j.yaml": jobs }, env: { PETIT_S: OLD } });
  const runId = await start(first, "j");
  await reached();
  expect(await first.stop()).toBe(0);
  await using petit = await startPetit({ ...leaving, dir: first.dir, env: { PETIT_S: value } });
  release();
  await endOf(petit, runId, 60_000);
  expect(holds(petit, OLD)).toBe(false);
  return await (await petit.fetch(`/api/runs/${runId}/logs`)).text();
};

/** Returns whether a file of petit contains a text, including the database and the spool. */
const holds = ({ dir }: Petit, text: string): boolean =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .map((name) => join(dir, name))
    .some((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true && readFileSync(path).includes(text));

test.each([
  ["hidden after a change", NEW, HIDDEN],
  ["masked as usual without one", OLD, /^you sent \*\*\*\nGET .*\n$/],
])("the answer to a request that was sent with a secret is %s", async (_, value, expected) => {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using server = await serveHttp(async ({ headers }, response) => {
    asked.resolve();
    await released.promise;
    response.end(`you sent ${headers["x-key"]}\n`);
  });
  const jobs = `id: j\ntasks:\n  - {id: t, type: http, url: "${server.origin}", headers: {X-Key: {env: PETIT_S}}}\n`;
  const output = await outputAfter(jobs, value, { reached: () => asked.promise, release: released.resolve });
  expect(output).toMatch(expected);
});

test.skipIf(!hasSshd).each([
  ["hidden after a change", NEW, HIDDEN],
  ["masked as usual without one", OLD, /^secret \*\*\*\n$/],
])(
  "the output of a script on another machine that got a secret is %s (needs openssh-server)",
  async (_, value, expected) => {
    using dir = tempDir();
    using door = gate();
    await using sshd: Sshd = await startSshd(dir.path);
    const jobs = `id: j\ntasks:\n  - {id: t, ${sshd.task}, environment: {KEY: {env: PETIT_S}}, script: '${door.wait}; echo "secret $KEY"'}\n`;
    expect(await outputAfter(jobs, value, { reached: door.reached, release: door.open })).toMatch(expected);
  },
);

test("a task that ended while petit was down shows a changed secret nowhere", async () => {
  using door = gate();
  const script = `${door.wait}; echo "secret $KEY"; echo > ended`;
  const jobs = `id: j\ntasks:\n  - {id: t, type: shell, working_dir: ., environment: {KEY: {env: PETIT_S}}, script: '${script}'}\n`;
  const first = await startPetit({ ...leaving, jobs: { "j.yaml": jobs }, env: { PETIT_S: OLD } });
  const runId = await start(first, "j");
  await door.reached();
  await first.kill();
  door.open();
  const status = join(first.dir, "petit.db-spool/1.status");
  await eventually("the task ends", () => (readFileSync(status, "utf8").split("\n").length > 3 ? true : null));
  await using petit = await startPetit({ ...leaving, dir: first.dir, env: { PETIT_S: NEW } });
  await endOf(petit, runId, 60_000);
  expect(await (await petit.fetch(`/api/runs/${runId}/logs`)).text()).toMatch(HIDDEN);
  expect(holds(petit, OLD)).toBe(false);
  expect(statSync(join(petit.dir, "petit.db-key")).mode & 0o777).toBe(0o600);
});
