import { describe, expect, test } from "bun:test";
import { parse, stringify } from "yaml";
import { readPages } from "../../../scripts/tables/page.ts";
import { petit, tempFolder } from "../../support/cli.ts";
import { blocksOf } from "../../support/documentation.ts";

/** A YAML block of a page, named after its page and first field. */
type Block = { readonly page: string; readonly name: string; readonly text: string };

const blocks: readonly Block[] = readPages().flatMap(({ path, text }) =>
  blocksOf(text, "yaml").map((block) => ({
    page: path,
    name: `${path}: ${/^\w.*/m.exec(block)?.[0] ?? ""}`,
    text: block,
  })),
);

/** What the blocks that are no job begin with. All others have to be jobs. */
const PARTS_OF_JOBS = /^notify:/;
const CONFIGURATION = /^(?:#.*\n)*(?:db|queues|public_url|digest|heartbeat|jobs|auth|run_as_allowed|backup):/;
const PARTS_OF_CONFIGURATIONS = /^roles:/;
const NEEDED_BY_JOBS = /^(?:#.*\n)*(?:queues|run_as_allowed):/;
/** Kubernetes, oauth2-proxy, Dex, GitHub, Litestream and Dagu. */
const OF_OTHERS = /^(?:#.*\n)*(?:startupProbe:|upstreamConfig:|issuer:|steps:|dbs:|schedule: "CRON_TZ)/;

/** Test files. */
const TESTS = /^(?:#.*\n)*job:/;

const jobs = blocks.filter(
  ({ text }) =>
    ![PARTS_OF_JOBS, CONFIGURATION, PARTS_OF_CONFIGURATIONS, OF_OTHERS, TESTS].some((start) => start.test(text)),
);
const tests = blocks.filter(({ text }) => TESTS.test(text));
const configurations = blocks.filter(({ text }) => CONFIGURATION.test(text));
const roles = blocks.filter(({ text }) => PARTS_OF_CONFIGURATIONS.test(text));
const parts = blocks.filter(({ text }) => PARTS_OF_JOBS.test(text));

/** Files that the text around a job says are beside it. The job of the README needs none. */
const FILES: Readonly<Record<string, string>> = { "holidays.txt": "2026-12-25\n", "fit.py": "" };

const named = (list: readonly Block[]): [string, Block][] => list.map((block) => [block.name, block]);

describe("the documentation", () => {
  test("has blocks of each kind", () => {
    expect(jobs.length).toBeGreaterThan(12);
    expect(configurations.length).toBe(18);
    expect(roles.length).toBe(1);
    expect(parts.length).toBe(1);
  });

  test.each(named(jobs))("shows a job that is valid as it is written: %s", async (_, { page, text }) => {
    using folder = tempFolder();
    folder.write("jobs/job.yaml", text);
    if (page !== "README.md")
      for (const [name, content] of Object.entries(FILES)) folder.write(`jobs/${name}`, content);
    // A page that shows a job in a queue, or with a user, also shows the configuration that it needs.
    const needed = configurations.find((each) => each.page === page && NEEDED_BY_JOBS.test(each.text));
    const config = folder.write("config.yaml", needed?.text ?? "{}");
    const { status, stdout, stderr } = await petit(["validate", "jobs", "--config", config], { cwd: folder.path });
    if (/^run_as:/m.test(text) && process.geteuid?.() !== 0) {
      expect({ status, stdout }).toEqual({ status: 1, stdout: expect.stringContaining("root") });
      return;
    }
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^valid: [123] jobs?,/),
      // Most machines delegate no cgroup to a test.
      stderr: expect.stringMatching(
        /^(?:warning: memory, cpus and pids of job '\w+' are not enforced, because .*\n)?$/,
      ),
    });
  });

  test("shows a job in the README that runs as it is written", async () => {
    using folder = tempFolder();
    const job = jobs.find(({ page }) => page === "README.md");
    folder.write("jobs/job.yaml", job?.text ?? "");
    const { status, stdout } = await petit(["trigger", "jobs", "nightly_report"], { cwd: folder.path });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "report  │ 1000 rows\n" });
  });

  test("shows tests that the job beside them passes", async () => {
    using folder = tempFolder();
    expect(tests.length).toBe(2);
    const job = jobs.find(({ page }) => page === "docs/testing.md");
    folder.write("jobs/load.yaml", job?.text ?? "");
    for (const [index, { page, text }] of tests.entries()) {
      expect(page).toBe("docs/testing.md");
      folder.write(`jobs/${index}.test.yaml`, text);
    }
    const { status, stdout } = await petit(["test", "jobs"], { cwd: folder.path });
    expect({ status, failed: stdout.split("\n").filter((line) => !line.startsWith("ok  ")) }).toEqual({
      status: 0,
      failed: [""],
    });
  });

  test.each(named(parts))("shows a part of a job that is valid: %s", async (_, { text }) => {
    using folder = tempFolder();
    folder.write("jobs/job.yaml", `id: whole\ntasks: [{id: a, type: command, command: "true"}]\n${text}`);
    const { status, stderr } = await petit(["validate", "jobs"], { cwd: folder.path });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });

  test.each(named(configurations))("shows a configuration file that petit reads: %s", async (_, { text }) => {
    using folder = tempFolder();
    const file = folder.write("config.yaml", text);
    const { stdout } = await petit(["--config", file, "doctor", "--json"], { cwd: folder.path });
    const { settings }: { settings: { name: string; value: unknown; from: string | null }[] } = JSON.parse(stdout);
    const read = settings.filter(({ from }) => from === file).map(({ name, value }) => [name, value]);
    const { notify, digest, heartbeat, queues, auth, backup, jobs: source, ...others } = parse(text);
    const { url, ref, path, poll } = source?.git ?? {};
    const { dir, at, keep, artifacts } = backup ?? {};
    const written = {
      ...others,
      ...(source !== undefined && { jobs_git: url, jobs_git_ref: ref, jobs_git_path: path, jobs_git_poll: poll }),
      ...(backup !== undefined && {
        backup_dir: dir,
        backup_at: at,
        backup_keep_days: keep?.days,
        backup_keep_weeks: keep?.weeks,
        backup_artifacts: artifacts,
      }),
    };
    const names = Object.entries(queues ?? {}).map(([name, places]) => `${name}=${places}`);
    expect(Object.fromEntries(read)).toEqual(queues === undefined ? written : { ...written, queues: names });
    // `notify`, `digest`, `heartbeat` and `auth` are no settings. petit refuses a configuration file with a mistake in them.
    expect(notify === undefined || Array.isArray(notify)).toBe(true);
    expect(digest === undefined || typeof digest.at === "string").toBe(true);
    expect(heartbeat === undefined || typeof heartbeat.url === "string").toBe(true);
    expect(auth === undefined || "proxy" in auth || "oidc" in auth).toBe(true);
  });

  test.each(named(roles))("shows roles that petit reads: %s", async (_, { text }) => {
    using folder = tempFolder();
    const { roles: shown } = parse(text);
    const proxy = {
      from: ["10.0.0.5"],
      secret: { file: "secret" },
      user: "Remote-User",
      groups: "Groups",
      roles: shown,
    };
    const file = folder.write("config.yaml", stringify({ auth: { proxy } }));
    expect(await petit(["--config", file, "doctor", "--json"], { cwd: folder.path })).toMatchObject({ stderr: "" });
  });
});
