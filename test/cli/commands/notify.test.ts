import { expect, test } from "bun:test";
import { petit, tempFolder } from "../../support/cli.ts";
import { waitFor } from "../../support/engine/started-engine.ts";
import { ask, runToEnd } from "../../support/petit/api.ts";
import { startPetit } from "../../support/petit/petit.ts";
import { receiver } from "../../support/receiver.ts";

const TASKS = `tasks: [{id: work, type: shell, script: "exit 3"}]`;

test("notify test sends a marked test to each receiver, and ends what was undelivered", async () => {
  let isBroken = true;
  await using hook = receiver(({ path }) =>
    path === "/broken" && isBroken ? new Response("channel_not_found", { status: 404 }) : new Response("ok"),
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
  expect(first).toMatchObject({ status: 1, stderr: "" });
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
