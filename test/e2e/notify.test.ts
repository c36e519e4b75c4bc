import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { petit as cli, tempFolder } from "../support/cli.ts";
import { waitFor } from "../support/engine/started-engine.ts";
import { startPetit } from "../support/petit/petit.ts";
import { receiver } from "../support/receiver.ts";
import { MAIL_PASSWORD, mailbox } from "../support/smtp.ts";

const FAILING = `
id: nightly
notify:
  - {type: webhook, url: {env: HOOK}, secret: {env: PETIT_HOOK_SECRET}}
tasks: [{id: work, type: shell, script: "echo it broke; exit 3"}]
`;

const trigger = (petit: { fetch: (path: string, init?: RequestInit) => Promise<Response> }): Promise<Response> =>
  petit.fetch("/api/jobs/nightly/trigger?wait=10", { method: "POST" });

test("a notification that was not sent before a kill -9 is sent by the next petit", async () => {
  const silence = Promise.withResolvers<Response>();
  await using hook = receiver((_received, index) => (index === 0 ? silence.promise : new Response("ok")));
  const env = { HOOK: `${hook.url}/s3cret`, PETIT_HOOK_SECRET: "s3cret" };
  await using before = await startPetit({ jobs: { "nightly.yaml": FAILING }, env });
  const answer = await (await trigger(before)).text();
  expect(JSON.parse(answer).run).toMatchObject({ status: "failed" });
  const definition = await (await before.fetch("/api/jobs/nightly")).text();
  expect(JSON.parse(definition).notify[0]).toMatchObject({ url: "(variable HOOK)", signed: true });
  await hook.first(1);
  await before.kill();
  silence.resolve(new Response("to nobody"));

  await using after = await startPetit({ dir: before.dir, jobsDir: before.jobsDir, env });
  const [first, second] = await hook.first(2);
  expect(second?.path).toBe("/s3cret");
  expect(second?.headers.get("petit-delivery")).toBe(first?.headers.get("petit-delivery") ?? "");
  expect(second?.headers.get("petit-signature")).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
  expect(JSON.parse(second?.body ?? "")).toMatchObject({ event: "failure", log_tail: "it broke\n" });
  expect(await after.stop()).toBe(0);
  expect(hook.received).toHaveLength(2);
  for (const text of [answer, definition, before.stderr(), after.stderr()]) expect(text).not.toContain("s3cret");
}, 30_000);

test("a message to Matrix that a kill -9 interrupted is sent again in the same transaction, and its token is shown nowhere", async () => {
  const silence = Promise.withResolvers<Response>();
  await using server = receiver((_received, index) =>
    index === 0 ? silence.promise : Response.json({ event_id: "$1" }),
  );
  const job = `
id: nightly
notify:
  - {type: matrix, url: "${server.url}", token: {env: PETIT_MATRIX_TOKEN}, room: "!ops:example.com"}
tasks: [{id: work, type: shell, script: "echo it broke >&2; exit 3"}]
`;
  const env = { PETIT_MATRIX_TOKEN: "s3cret" };
  await using before = await startPetit({ jobs: { "nightly.yaml": job }, env });
  const answer = await (await trigger(before)).text();
  const definition = await (await before.fetch("/api/jobs/nightly")).text();
  expect(JSON.parse(definition).notify[0]).toMatchObject({ type: "matrix", target: "room !ops:example.com" });
  await server.first(1);
  await before.kill();
  silence.resolve(new Response("to nobody"));

  await using after = await startPetit({ dir: before.dir, jobsDir: before.jobsDir, env });
  const [first, second] = await server.first(2);
  expect(second).toMatchObject({ method: "PUT", path: first?.path });
  expect(second?.headers.get("authorization")).toBe("Bearer s3cret");
  expect(second?.body).toBe(first?.body ?? "");
  expect(await after.stop()).toBe(0);
  for (const text of [answer, definition, before.stderr(), after.stderr()]) expect(text).not.toContain("s3cret");
}, 30_000);

test("an unreachable receiver delays neither runs nor the shutdown", async () => {
  const env = { HOOK: "http://127.0.0.1:1/", PETIT_HOOK_SECRET: "s3cret" };
  await using petit = await startPetit({ jobs: { "nightly.yaml": FAILING }, env });
  for (let count = 0; count < 5; count++) expect((await trigger(petit)).status).toBe(200);
  const startedAt = performance.now();
  expect(await petit.stop()).toBe(0);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(petit.stderr()).toContain("was not delivered: can't be reached");
}, 30_000);

test("a job that runs once in the command's process sends its notification", async () => {
  await using hook = receiver();
  using folder = tempFolder();
  folder.write("nightly.yaml", FAILING);
  const environment = { HOOK: hook.url, PETIT_HOOK_SECRET: "s3cret" };
  const ended = await cli(["trigger", folder.path, "nightly"], { environment });
  expect(ended.status).toBe(1);
  expect(hook.received.map(({ headers }) => headers.get("petit-event"))).toEqual(["failure"]);
}, 30_000);

test("an unset variable is a warning, and the file is valid", async () => {
  using folder = tempFolder();
  folder.write("nightly.yaml", FAILING);
  expect((await cli(["validate", folder.path])).status).toBe(0);
  await using petit = await startPetit({ jobsDir: folder.path });
  expect(petit.stderr()).toContain("notify[0].url of nightly cannot be used: the variable HOOK is not set");
  expect((await petit.fetch("/api/health")).status).toBe(200);
}, 30_000);

test("an email arrives from the running petit, with a link, and a wrong password is given up", async () => {
  await using box = await mailbox();
  const email = (password: string) =>
    `{type: email, host: localhost, port: ${box.port}, ca_file: ${box.caFile}, user: petit, password: {env: ${password}}, from: petit@example.com, to: ops@example.com}`;
  const job = `id: nightly\nnotify: [${email("PETIT_GOOD")}, ${email("PETIT_WRONG")}]\ntasks: [{id: work, type: shell, script: "echo it broke >&2; exit 3"}]\n`;
  const env = {
    PETIT_GOOD: MAIL_PASSWORD,
    PETIT_WRONG: "wrong-s3cret",
    PETIT_PUBLIC_URL: "https://petit.example.com/",
  };
  await using petit = await startPetit({ jobs: { "nightly.yaml": job }, env });
  const answer = await (await trigger(petit)).text();
  const runId: string = JSON.parse(answer).run.id;
  await waitFor(() => box.received.length > 0 && petit.stderr().includes("given up"));
  expect(petit.stderr()).toContain("was given up: answered 535 to the login: wrong password");
  expect(box.received).toHaveLength(1);
  expect(box.received[0]?.text).toContain("Task work: exit code 3");
  expect(box.received[0]?.text).toContain("it broke");
  const text = box.received[0]?.text.replaceAll("=\r\n", "").replaceAll("=3D", "=");
  expect(text).toContain(`https://petit.example.com/runs/${runId}?task=work#L1\r\n`);
  const definition = await (await petit.fetch("/api/jobs/nightly")).text();
  for (const text of [answer, definition, petit.stderr()]) expect(text).not.toContain("s3cret");
}, 30_000);

test("a digest is one notification, wherever a kill -9 hits the petit that makes and sends it", async () => {
  const silence = Promise.withResolvers<Response>();
  await using hook = receiver((_received, index) => (index === 0 ? silence.promise : new Response("ok")));
  await using first = await startPetit({ jobs: { "nightly.yaml": FAILING } });
  await first.stop();
  const config = join(first.dir, "config.yaml");
  writeFileSync(config, `digest: {at: "0 8 * * mon", to: [{type: webhook, url: "${hook.url}"}]}\n`);
  // The digest was due twice while petit was down.
  using db = new Database(first.dbPath);
  db.run("UPDATE scheduler SET digest_until = $until", [Date.now() - 15 * 86_400_000]);
  const digests = () => db.query("SELECT id, status FROM sendings WHERE event = 'digest'").all();
  const start = () => startPetit({ dir: first.dir, jobsDir: first.jobsDir, args: ["--config", config] });

  const ended = ["as soon as it is ready", "when it is stored", "while it is sent"] as const;
  for (const when of ended) {
    const petit = await start();
    if (when === "when it is stored") await waitFor(() => digests().length > 0);
    if (when === "while it is sent") await hook.first(1);
    await petit.kill();
  }
  silence.resolve(new Response("to nobody"));
  await using after = await start();
  await hook.first(2);
  expect(await after.stop()).toBe(0);
  await using again = await start();
  expect(await again.stop()).toBe(0);
  expect(digests()).toMatchObject([{ status: "delivered" }]);
  const ids = new Set(hook.received.map(({ headers }) => headers.get("petit-delivery")));
  expect(ids.size).toBe(1);
}, 60_000);
