import { createHmac } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { createOrigin } from "../git/origin.ts";
import { ask } from "../petit/api.ts";
import { type Petit, startPetit } from "../petit/petit.ts";
import { tempDir } from "../temp-dir.ts";
import { eventually } from "../torture/run.ts";

export type SoakOptions = { readonly minutes: number; readonly say: (text: string) => void };

/** What petit uses at a moment. Memory is that of petit and of its children. */
export type Sample = {
  readonly minute: number;
  readonly memoryMb: number;
  readonly descriptors: number;
  readonly spoolFiles: number;
  readonly databaseMb: number;
};

export type SoakReport = {
  readonly samples: readonly Sample[];
  readonly counts: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
};

const ITEMS = ["a", "b", "c"];

/** Each task appends a line to a file outside of petit's folder, so that the effects are compared, and not only petit's records. */
const jobsOf = (revision: number): string => `id: tick
description: revision ${revision}
schedule: {cron: "* * * * * *", catchup: all}
tasks: [{id: t, type: shell, foreach: [${ITEMS}], script: 'echo "$PETIT_SCHEDULED_FOR $PETIT_ITEM" >> "$SOAK/ticks"; echo "word-$PETIT_RUN_ID"'}]
---
id: hook
triggers: [{type: webhook, verify: hmac, header: X-Sig, id_header: X-Id, secret: {env: SOAK_SECRET}, params: {n: "\${{ event.body.n }}"}}]
params: {n: {required: true}}
tasks: [{id: t, type: shell, script: 'echo "$PETIT_PARAM_N" >> "$SOAK/hooks"'}]
---
id: inbox
triggers: [{type: files, paths: ["IN/*.csv"], settle: 1s, params: {path: "\${{ event.path }}"}}]
params: {path: {required: true}}
tasks: [{id: t, type: shell, script: 'basename "$PETIT_PARAM_PATH" >> "$SOAK/files"; rm "$PETIT_PARAM_PATH"'}]
---
id: after
triggers: [{type: run, job: hook}]
tasks: [{id: t, type: shell, script: 'echo done >> "$SOAK/after"'}]
---
id: commit
schedule: "*/5 * * * * *"
tasks: [{id: t, type: shell, script: ./commit.sh, working_dir: .}]
`;

const SECRET = "soak";

/** Lets a petit work for some minutes with everything that starts jobs, and compares what happened with what should have. */
export const soak = async ({ minutes, say }: SoakOptions): Promise<SoakReport> => {
  using dir = tempDir();
  for (const folder of ["petit", "in", "backups", "out"]) mkdirSync(dir.file(folder), { mode: 0o700 });
  const origin = createOrigin(dir.path);
  const push = (revision: number): string =>
    origin.push({
      "jobs.yaml": jobsOf(revision).replace("IN", dir.file("in")),
      "commit.sh": { program: `#!/bin/sh\necho "$PETIT_RUN_ID ${revision}" >> "$SOAK/commits"\n` },
    });
  const revisions = new Map([[push(0), 0]]);
  writeFileSync(
    dir.file("config.yaml"),
    `jobs: {git: {url: "${origin.url}", poll: 5s}}\nbackup: {dir: ${dir.file("backups")}, at: "*/10 * * * *"}\n`,
  );
  await using petit = await startPetit({
    dir: dir.file("petit"),
    repository: origin.url,
    args: [
      "--config",
      dir.file("config.yaml"),
      "--retention-runs",
      "200",
      "--retention-days",
      "1",
      "--on-shutdown",
      "drain",
    ],
    env: { SOAK: dir.file("out"), SOAK_SECRET: SECRET },
  });
  const soaked = new Soak(petit, dir.file, minutes * 60_000);
  await Promise.all([
    soaked.every(500, (n) => soaked.sendHook(n)),
    soaked.every(2_000, (n) => soaked.dropFile(n)),
    soaked.every(60_000, (n) => void revisions.set(push(n + 1), n + 1)),
    soaked.every(5_000, () => soaked.search()),
    soaked.every(10_000, () => soaked.checkCommits(revisions)),
    soaked.every(30_000, () => soaked.sample(say)),
  ]);
  await soaked.settle();
  return soaked.report(revisions);
};

class Soak {
  readonly #petit: Petit;
  readonly #file: (name: string) => string;
  readonly #until: number;
  readonly #started = performance.now();
  readonly #samples: Sample[] = [];
  readonly #violations: string[] = [];
  /** By the id of the run. */
  readonly #commits = new Map<string, string>();
  #hooks = 0;
  #files = 0;
  #searches = 0;

  constructor(petit: Petit, file: (name: string) => string, durationMs: number) {
    this.#petit = petit;
    this.#file = file;
    this.#until = this.#started + durationMs;
  }

  /** Calls `work` with 0, 1, 2, … until the time is over. Its errors are violations. */
  async every(ms: number, work: (n: number) => Promise<void> | void): Promise<void> {
    for (let n = 0; performance.now() < this.#until; n++) {
      try {
        await work(n);
      } catch (error) {
        this.#violations.push(`${new Date().toISOString()} ${String(error)}`);
      }
      await setTimeout(Math.max(0, this.#started + (n + 1) * ms - performance.now()));
    }
  }

  /** Every tenth is sent twice. */
  async sendHook(n: number): Promise<void> {
    const body = JSON.stringify({ n: String(n) });
    const headers = { "x-id": `id-${n}`, "x-sig": createHmac("sha256", SECRET).update(body).digest("hex") };
    const send = (): Promise<Response> => this.#petit.fetch("/api/hooks/hook", { method: "POST", body, headers });
    const answers = await Promise.all(n % 10 === 0 ? [send(), send()] : [send()]);
    const statuses = answers.map(({ status }) => status).sort();
    if (String(statuses) !== (n % 10 === 0 ? "200,202" : "202")) this.#violations.push(`webhook ${n}: ${statuses}`);
    this.#hooks = n + 1;
  }

  dropFile(n: number): void {
    const path = this.#file(`in/${n}.csv`);
    writeFileSync(`${path}.part`, `${n}\n`);
    renameSync(`${path}.part`, path);
    this.#files = n + 1;
  }

  /** Searches a line of a run that ended a while ago. */
  async search(): Promise<void> {
    const { runs } = await this.#ask("/api/jobs/tick/runs?limit=30");
    const id = runs.at(-1)?.id;
    if (id === undefined || runs.length < 30) return;
    const { lines } = await this.#ask(`/api/search?q=word-${id}`);
    if (lines.length !== ITEMS.length) this.#violations.push(`search of word-${id}: ${lines.length} lines`);
    this.#searches++;
  }

  /** Records the commits of the newest runs, before they are deleted. */
  async checkCommits(revisions: ReadonlyMap<string, number>): Promise<void> {
    for (const { id, commit } of (await this.#ask("/api/jobs/commit/runs?limit=20")).runs)
      this.#commits.set(id, commit);
    for (const [id, revision] of linesOf(this.#file("out/commits")).map((line) => line.split(" "))) {
      const commit = this.#commits.get(id ?? "");
      if (commit !== undefined && revisions.get(commit) !== Number(revision))
        this.#violations.push(`run ${id} of commit ${commit} used the script of revision ${revision}`);
    }
    const { occurrences } = await this.#ask("/api/jobs/tick/occurrences?limit=30");
    for (const { outcome, reason, scheduled_for } of occurrences)
      if (outcome !== "fired") this.#violations.push(`the occurrence ${scheduled_for} is ${outcome}: ${reason}`);
  }

  sample(say: (text: string) => void): void {
    const sample = {
      minute: Math.round((performance.now() - this.#started) / 6_000) / 10,
      memoryMb: memoryMbOf(this.#petit.pid),
      descriptors: readdirSync(`/proc/${this.#petit.pid}/fd`).length,
      spoolFiles: filesIn(`${this.#petit.dbPath}-spool`),
      databaseMb: Math.round(statSync(this.#petit.dbPath).size / 1e5) / 10,
    };
    this.#samples.push(sample);
    say(JSON.stringify({ ...sample, hooks: this.#hooks, violations: this.#violations.length }));
  }

  /** Waits until all that was sent has been worked off. */
  async settle(): Promise<void> {
    await this.#petit.fetch("/api/scheduler/pause", { method: "POST" });
    await eventually(
      "the end of all runs",
      async () => {
        const metrics = await (await this.#petit.fetch("/metrics")).text();
        const isIdle = /^petit_running_runs 0$/m.test(metrics) && /^petit_pending_runs 0$/m.test(metrics);
        return isIdle && linesOf(this.#file("out/files")).length >= this.#files ? true : null;
      },
      60_000,
    ).catch((error: unknown) => this.#violations.push(String(error)));
  }

  report(revisions: ReadonlyMap<string, number>): SoakReport {
    const ticks = linesOf(this.#file("out/ticks"));
    const seconds = ticks.map((line) => Date.parse(line.split(" ")[0] ?? "") / 1000).sort((a, b) => a - b);
    const [first = 0, last = 0] = [seconds[0], seconds.at(-1)];
    const due = Array.from({ length: last - first + 1 }, (_, n) => new Date((first + n) * 1000).toISOString());
    const hooks = linesOf(this.#file("out/hooks"));
    const after = linesOf(this.#file("out/after")).length;
    if (after !== this.#hooks) this.#violations.push(`${this.#hooks} runs of hook, ${after} of after`);
    this.#compare(
      "tick",
      ticks,
      due.flatMap((at) => ITEMS.map((item) => `${at} ${item}`)),
    );
    this.#compare(
      "hook",
      hooks,
      Array.from({ length: this.#hooks }, (_, n) => String(n)),
    );
    this.#compare(
      "inbox",
      linesOf(this.#file("out/files")),
      Array.from({ length: this.#files }, (_, n) => `${n}.csv`),
    );
    const used = new Set(linesOf(this.#file("out/commits")).map((line) => line.split(" ")[1]));
    const counts = {
      occurrences: due.length,
      items: ticks.length,
      webhooks: hooks.length,
      "run triggers": after,
      files: this.#files,
      pushes: revisions.size,
      "commits that ran": used.size,
      searches: this.#searches,
      backups: readdirSync(this.#file("backups")).filter((name) => name.endsWith(".db")).length,
    };
    return { samples: this.#samples, counts, violations: this.#violations };
  }

  #compare(what: string, found: readonly string[], expected: readonly string[]): void {
    const counts = Map.groupBy(found, (line) => line);
    for (const line of expected)
      if (counts.get(line)?.length !== 1)
        this.#violations.push(`${what} ${line}: ${counts.get(line)?.length ?? 0} times`);
    const known = new Set(expected);
    for (const line of counts.keys()) if (!known.has(line)) this.#violations.push(`${what} ${line}: unexpected`);
  }

  async #ask(path: string) {
    const { status, body } = await ask(this.#petit, path);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }
}

const linesOf = (path: string): readonly string[] => {
  try {
    return readFileSync(path, "utf8").split("\n").slice(0, -1);
  } catch {
    return [];
  }
};

const filesIn = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile()).length;

/** Resident memory of a process, without what it shares with others. */
const memoryMbOf = (pid: number): number => {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kib = [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)].reduce((sum, [, size]) => sum + Number(size), 0);
  return Math.round(kib / 102.4) / 10;
};
