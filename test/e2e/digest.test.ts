import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { petit as cli } from "../support/cli.ts";
import { waitFor } from "../support/engine/started-engine.ts";
import { ask, post, runToEnd } from "../support/petit/api.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { type Received, receiver } from "../support/receiver.ts";

const JOBS = {
  "jobs.yaml": `id: etl\ntags: [load]\ntasks: [{id: load, type: shell, script: "echo 'error: no rows' >&2; exit 1"}]\n`,
};

/** Starts petit with a digest, which was due while it was down. */
const withDueDigest = async (url: string): Promise<Petit> => {
  const first = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
  await first.stop();
  const config = join(first.dir, "config.yaml");
  writeFileSync(config, `digest: {at: "0 8 * * mon", to: [{type: webhook, url: "${url}/s3cret"}]}\n`);
  using db = new Database(first.dbPath);
  db.run("UPDATE scheduler SET digest_until = $until", [Date.now() - 15 * 86_400_000]);
  return await startPetit({ dir: first.dir, jobsDir: first.jobsDir, args: ["--no-watch", "--config", config] });
};

const bodyOf = ({ body }: Received | undefined = { path: "", method: "", headers: new Headers(), body: "{}" }) =>
  JSON.parse(body);

describe("an undelivered digest", () => {
  test("names no job, can be acknowledged, and ends with an accepted test", async () => {
    let isBroken = true;
    await using hook = receiver(() => new Response("no", { status: isBroken ? 404 : 200 }));
    await using petit = await withDueDigest(hook.url);
    await waitFor(() => petit.stderr().includes("the digest to receiver 1"));
    const { notifications } = (await ask(petit, "/api/notifications")).body;
    expect(notifications).toMatchObject([{ job_id: null, run_id: null, event: "digest", status: "given_up" }]);
    expect((await ask(petit, "/api/health")).body.reasons).toMatchObject([
      {
        code: "notifications_undelivered",
        job_id: null,
        message: expect.stringContaining("1 digest could not be delivered since"),
      },
    ]);
    const [entry] = (await ask(petit, "/api/attention")).body.items;
    expect(entry).toMatchObject({
      kind: "notifications_undelivered",
      job_id: null,
      message: `1 digest could not be delivered to ${hook.url}/…: answered 404`,
    });

    const environment = { PETIT_URL: petit.url };
    const acknowledged = await cli(["ack", entry.id, "--note", "webhook moved"], { environment });
    expect(acknowledged).toMatchObject({ status: 0 });
    expect((await ask(petit, "/api/attention")).body.items).toMatchObject([{ id: entry.id, note: "webhook moved" }]);
    const status = await cli(["status"], { environment });
    expect(status.stdout).toContain("1 digest undelivered");
    const doctor = await cli(["doctor", "--db", petit.dbPath, "--url", petit.url], {});
    expect(doctor.stdout).toContain(`digest to ${hook.url}/… (webhook): answered 404`);

    isBroken = false;
    expect((await cli(["notify", "test", "--digest"], { environment })).status).toBe(0);
    while ((await ask(petit, "/api/health")).body.status !== "ok");
    for (const text of [JSON.stringify(notifications), JSON.stringify(entry), petit.stderr(), status.stdout])
      expect(text).not.toContain("s3cret");
  }, 30_000);
});

describe("POST /api/digest/test", () => {
  test("sends what the digest would say now, marked as a test, and leaves the next one alone", async () => {
    await using hook = receiver();
    await using petit = await withDueDigest(hook.url);
    await hook.first(1);
    await runToEnd(petit, "etl");
    const until = () => {
      using db = new Database(petit.dbPath, { readonly: true });
      return db.query("SELECT digest_until FROM scheduler").get();
    };
    const before = until();
    const { status, body } = await post(petit, "/api/digest/test");
    expect(status).toBe(200);
    expect(body).toMatchObject({ count: 1, results: [{ place: 0, type: "webhook", delivered: true }] });
    const sent = hook.received[1];
    expect(sent?.headers.get("petit-event")).toBe("test");
    const { event, digest } = bodyOf(sent);
    expect(event).toBe("test");
    expect(digest.lines).toContain("Failed, and still broken: etl (failed once).");
    // A week, in a zone whose clock may be put forward or back in it.
    expect(Math.abs(digest.to - digest.from - 7 * 86_400_000)).toBeLessThanOrEqual(3_600_000);
    expect(until()).toEqual(before);
    expect((await ask(petit, "/api/notifications")).body.count).toBe(1);
  }, 30_000);

  test("is refused without a digest, and so is the command, which takes no job", async () => {
    await using petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
    expect(await post(petit, "/api/digest/test")).toMatchObject({
      status: 409,
      body: { code: "CONFLICT", details: { reason: "no_digest" } },
    });
    const environment = { PETIT_URL: petit.url };
    const refused = await cli(["notify", "test", "--digest"], { environment });
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining("no digest is configured") });
    const withJob = await cli(["notify", "test", "etl", "--digest"], { environment });
    expect(withJob).toMatchObject({ status: 2, stderr: expect.stringContaining("--digest takes no job") });
    const without = await cli(["notify", "test"], { environment });
    expect(without).toMatchObject({ status: 2, stderr: expect.stringContaining("JOB, or --digest, is missing") });
  }, 30_000);
});
