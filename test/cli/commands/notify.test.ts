import { describe, expect, test } from "bun:test";
import { type CliOptions, petit, tempFolder } from "../../support/cli.ts";
import { waitFor } from "../../support/engine/started-engine.ts";
import { serveTls } from "../../support/engine/test-server.ts";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { receiver } from "../../support/receiver.ts";
import { tempDir } from "../../support/temp-dir.ts";

const TASKS = `tasks: [{id: work, type: shell, script: "exit 3"}]`;

test("notify test sends a marked test to each receiver, and ends what was undelivered", async () => {
  let isBroken = true;
  await using hook = receiver(({ path }) =>
    path.startsWith("/broken") && isBroken ? new Response("channel_not_found", { status: 404 }) : new Response("ok"),
  );
  const notify = `notify: [{type: slack, url: "${hook.url}/s3cret-s3cret"}, {type: discord, url: "${hook.url}/broken"}]`;
  await using running = await startPetit({ jobs: { "jobs.yaml": `id: nightly\n${notify}\n${TASKS}\n` } });
  const cli = (...args: readonly string[]) => petit(args, { environment: { PETIT_URL: running.url } });
  await runToEnd(running, "nightly");
  await waitFor(() => running.stderr().includes("was given up"));
  expect((await ask(running, "/api/health")).body).toMatchObject({
    status: "degraded",
    reasons: [{ code: "notifications_undelivered", job_id: "nightly" }],
  });

  const first = await cli("notify", "test", "nightly");
  expect(first).toMatchObject({ status: 1, stderr: `sent by petit at ${running.url}\n` });
  expect(first.stdout).toBe(
    `✓ notify[0] slack to ${hook.url}/…: answered 200\n✗ notify[1] discord to ${hook.url}/…: answered 404: channel_not_found\n`,
  );
  const [sent] = hook.received.filter(({ body }) => body.includes("Test of nightly"));
  expect(sent?.path).toBe("/s3cret-s3cret");
  expect((await ask(running, "/api/health")).body.status).toBe("degraded");

  isBroken = false;
  const second = await cli("notify", "test", "nightly", "--json");
  expect(second.status).toBe(0);
  expect(JSON.parse(second.stdout).results).toMatchObject([
    { delivered: true },
    { delivered: true, answer: "answered 200" },
  ]);
  expect((await ask(running, "/api/health")).body.status).toBe("ok");
}, 30_000);

test("notify test uses the receivers of the configuration file, and refuses what it can't do", async () => {
  await using hook = receiver();
  using folder = tempFolder();
  const config = folder.write("config.yaml", `notify: [{type: ntfy, url: {file: topic}}]\n`);
  folder.write("topic", `${hook.url}/alerts\n`);
  const jobs = { "jobs.yaml": `id: told\n${TASKS}\n---\nid: silent\nnotify: []\n${TASKS}\n` };
  await using running = await startPetit({ jobs, args: ["--config", config] });
  const cli = (...args: readonly string[]) => petit(args, { environment: { PETIT_URL: running.url } });

  expect(await cli("notify", "test", "told")).toMatchObject({ status: 0 });
  expect(JSON.parse(hook.received[0]?.body ?? "")).toMatchObject({ topic: "alerts", title: "Test of told" });
  const [job] = await Promise.all(["told"].map((id) => ask(running, `/api/jobs/${id}`)));
  expect(job?.body.notify).toMatchObject([{ type: "ntfy", target: `(file ${folder.path}/topic)` }]);

  const silent = await cli("notify", "test", "silent");
  expect(silent).toMatchObject({ status: 1, stdout: "" });
  expect(silent.stderr).toContain("job 'silent' notifies nobody");
  expect(await cli("notify", "test", "nothing")).toMatchObject({ status: 2 });
  const misspelt = await cli("notify", "tset", "told");
  expect(misspelt.status).toBe(2);
  expect(misspelt.stderr).toContain("unknown action 'tset'; did you mean 'test'?");
}, 30_000);

describe("notify test without a running petit", () => {
  // Nothing listens on port 1.
  const cli = (args: readonly string[], options: CliOptions) =>
    petit(["notify", "test", ...args], { ...options, environment: { PETIT_API_PORT: "1", ...options.environment } });

  test("sends the test itself, with the job from a job file or the database", async () => {
    await using hook = receiver();
    using folder = tempFolder();
    folder.write("jobs/told.yaml", `id: told\nnotify: [{type: slack, url: {env: PETIT_HOOK}}]\n${TASKS}\n`);
    const options = { cwd: folder.path, environment: { PETIT_HOOK: `${hook.url}/s3cret-s3cret` } };
    const result = `✓ notify[0] slack to (variable PETIT_HOOK): answered 200\n`;
    const byFile = await cli(["jobs", "told"], options);
    expect(byFile).toEqual({ status: 0, stdout: result, stderr: "sent by this command, by the definition in jobs\n" });
    expect(await cli(["told"], options)).toEqual({
      status: 0,
      stdout: result,
      stderr: "sent by this command, by the definition in jobs, because no petit answers at http://127.0.0.1:1\n",
    });
    await using ended = await startPetit({ jobsDir: `${folder.path}/jobs` });
    await ended.stop();
    const byDatabase = await cli(["told", "--db", ended.dbPath, "--json"], options);
    expect(byDatabase.stderr).toStartWith(`sent by this command, by the definition in ${ended.dbPath}, because`);
    expect(JSON.parse(byDatabase.stdout)).toMatchObject({ count: 1, results: [{ delivered: true }] });
    expect(hook.received.filter(({ body }) => body.includes("Test of told"))).toHaveLength(3);
  });

  test("says what is missing", async () => {
    using folder = tempFolder();
    const nowhere = await cli(["told"], { cwd: folder.path });
    expect(nowhere.status).toBe(3);
    expect(nowhere.stderr).toContain("or let this command send the test: 'petit notify test JOBS_DIR told'");
    folder.write("jobs/told.yaml", `id: told\n${TASKS}\n`);
    const misspelt = await cli(["jobs", "tald"], { cwd: folder.path });
    expect(misspelt).toMatchObject({ status: 2, stderr: expect.stringContaining("did you mean 'told'?") });
    expect((await cli(["./jobs"], { cwd: folder.path })).stderr).toContain(
      "did you mean 'petit notify test ./jobs JOB'?",
    );
    const elsewhere = await cli(["told", "--url", "http://127.0.0.1:1"], { cwd: folder.path });
    expect(elsewhere.status).toBe(3);
  });

  test("checks certificates whatever NODE_TLS_REJECT_UNAUTHORIZED says", async () => {
    using dir = tempDir();
    await using server = await serveTls(dir, (_request, response) => response.end("ok"));
    using folder = tempFolder();
    folder.write("jobs/told.yaml", `id: told\nnotify: [{type: webhook, url: "${server.origin}/hook"}]\n${TASKS}\n`);
    const test = (environment: Readonly<Record<string, string>>) =>
      cli(["jobs", "told"], { cwd: folder.path, environment });
    expect((await test({ NODE_TLS_REJECT_UNAUTHORIZED: "0" })).stdout).toMatch(/✗ .*: can't be reached \(UNABLE_TO_/);
    expect((await test({ NODE_EXTRA_CA_CERTS: server.caFile })).stdout).toMatch(/✓ .*: answered 200/);
  });
});
