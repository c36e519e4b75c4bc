import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { shortenMiddle } from "../../../src/lib/text.ts";
import { petit as petitCli } from "../../support/cli.ts";
import { dropFiles } from "../../support/files/drop.ts";
import { ask } from "../../support/petit/api.ts";
import { petitCommand, startPetit } from "../../support/petit/petit.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("each file that is dropped while petit is killed starts one run, when it is complete", async () => {
  using dir = tempDir();
  const files = 200;
  const drop = await dropFiles({ dir: dir.path, files, overMs: 4_000, kills: 2, settleMs: 1_000 });
  expect([...drop.counts.values()].filter((count) => count !== 1)).toEqual([]);
  expect(drop).toMatchObject({ early: [], runs: files, seen: files });
  expect(drop.counts.size).toBe(files);
}, 60_000);

/** A folder in memory, if the system has one: files there have events, but other inodes than on a disk. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

test("files in memory and behind a link start runs, and what keeps a trigger from finding files is said everywhere", async () => {
  using dir = tempDir();
  const memory = mkdtempSync(join(MEMORY, "petit-test-"));
  try {
    mkdirSync(join(dir.path, "real"));
    symlinkSync(join(dir.path, "real"), join(dir.path, "link"));
    const trigger = (paths: string, more = ""): string =>
      `triggers: [{type: files, paths: ["${paths}"], settle: 100ms${more}}]\ntasks: [{id: t, type: shell, script: 'cat "$PETIT_EVENT"'}]\n`;
    await using petit = await startPetit({
      jobs: {
        "memory.yaml": `id: memory\n${trigger(`${memory}/*.csv`)}`,
        "linked.yaml": `id: linked\n${trigger(`${dir.path}/link/**`, ", batch: all")}`,
        "relative.yaml": `id: relative\n${trigger("../gone/*.csv", ", name: inbox")}`,
      },
    });
    const cli = (...args: readonly string[]) => petitCli([...args, "--url", petit.url]);
    await until(async () => (await faultsOf(petit)).length > 0);
    const problem = `${join(petit.dir, "gone")} does not exist`;
    expect(await faultsOf(petit)).toMatchObject([
      { job_id: "relative", trigger: "inbox", fault: "folder_missing", count: 1, problem },
    ]);
    expect((await cli("why", "relative")).stdout).toContain(
      `the trigger 'inbox' of job 'relative' may miss files: ${problem}`,
    );
    expect((await cli("why", "relative")).stdout).toContain("started by  a new file that matches ../gone/*.csv\n");
    expect((await cli("status")).stdout).toContain("no folder");

    writeFileSync(join(memory, "a.csv"), "1");
    mkdirSync(join(dir.path, "real/sub"));
    writeFileSync(join(dir.path, "real/sub/b"), "12");
    linkSync(join(memory, "a.csv"), join(memory, "a2.csv"));
    mkdirSync(join(petit.dir, "gone"));
    writeFileSync(join(petit.dir, "gone/c.csv"), "123");
    for (const [job, path, size] of [
      ["memory", join(memory, "a.csv"), 1],
      ["linked", join(dir.path, "link/sub/b"), 2],
      ["relative", join(petit.dir, "gone/c.csv"), 3],
    ] as const) {
      await until(async () => (await deliveriesOf(petit, job)).length > 0);
      const [delivery] = await deliveriesOf(petit, job);
      expect(delivery).toMatchObject({ type: "files", event_type: "files", outcome: "fired" });
      const shown = await cli("deliveries", "show", delivery?.id ?? "");
      expect(shown.stdout).toContain(path);
      const event = (await ask(petit, `/api/deliveries/${delivery?.id}`)).body.event;
      expect(event.files).toMatchObject([{ path, size }]);
      expect(event.path).toBe(job === "linked" ? undefined : path);
      const why = (await cli("why", job)).stdout;
      expect(why).toContain("a new file started it");
      expect(why).toContain(`  files ${shortenMiddle(path, 100)}: it has a run`);
      expect((await deliveriesOf(petit, job))[0]).toMatchObject({ files: { count: 1, path } });
    }
    await until(async () => (await faultsOf(petit)).length === 0);
    expect(await deliveriesOf(petit, "memory")).toHaveLength(1);
  } finally {
    rmSync(memory, { recursive: true });
  }
}, 60_000);

/** Runs petit as root without the capabilities to read other users' files. */
const BARRED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
const [setpriv = "", ...bounds] = BARRED;
const canBar = process.getuid?.() === 0 && spawnSync(setpriv, [...bounds, "true"]).status === 0;

test.skipIf(!canBar)(
  "a file that can't be read needs attention, and starts its run when it can be read",
  async () => {
    using dir = tempDir();
    const drop = (name: string): string => {
      const path = join(dir.path, name);
      writeFileSync(path, name);
      chmodSync(path, 0o600);
      chownSync(path, 65_534, 65_534);
      return path;
    };
    const old = drop("old.csv");
    const job = `id: inbox
triggers: [{type: files, paths: ["${dir.path}/*.csv"], settle: 100ms, identity: content}]
tasks: [{id: t, type: command, command: "true"}]
`;
    await using petit = await startPetit({ command: [...BARRED, ...petitCommand()], jobs: { "inbox.yaml": job } });
    const closed = [drop("a.csv"), drop("b.csv")];
    await until(async () => (await faultsOf(petit))[0]?.count === 2);
    expect(await faultsOf(petit)).toMatchObject([
      {
        job_id: "inbox",
        fault: "file_unreadable",
        problem: expect.stringMatching(/[ab]\.csv can't be read: EACCES.*; 1 more file too$/),
      },
    ]);
    expect(await deliveriesOf(petit, "inbox")).toEqual([]);
    for (const path of [...closed, old]) chmodSync(path, 0o644);
    await until(async () => (await faultsOf(petit)).length === 0);
    await until(async () => (await deliveriesOf(petit, "inbox")).length === 2);
    drop("gone.csv");
    await until(async () => (await faultsOf(petit)).length === 1);
    rmSync(join(dir.path, "gone.csv"));
    await until(async () => (await faultsOf(petit)).length === 0);
    expect(await deliveriesOf(petit, "inbox")).toHaveLength(2);
  },
  60_000,
);

type Asked = Parameters<typeof ask>[0];

const faultsOf = async (petit: Asked) =>
  (await ask(petit, "/api/attention")).body.items.filter(
    ({ kind }: { readonly kind: string }) => kind === "trigger_failing",
  );

const deliveriesOf = async (petit: Asked, job: string): Promise<readonly { readonly id: string }[]> =>
  (await ask(petit, `/api/jobs/${job}/deliveries`)).body.deliveries;

const until = async (check: () => Promise<boolean>): Promise<void> => {
  while (!(await check())) await sleep(20);
};
