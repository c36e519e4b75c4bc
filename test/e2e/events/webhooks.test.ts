import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { petit as cli } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const SECRET = "It's a Secret to Everybody";
const TOKEN = "an-api-token";

const DEPLOY = `
id: deploy
params: {commit: {required: true}}
triggers:
  - type: webhook
    verify: github
    secret: {env: HOOK_SECRET}
    events: [push]
    if: "event.body.ref == 'refs/heads/main'"
    params: {commit: "\${{ event.body.after }}"}
tasks:
  - {id: show, type: shell, script: 'cat "$PETIT_EVENT"; echo; echo "$PETIT_PARAM_COMMIT $PETIT_TRIGGER"'}
  - {id: said, depends_on: [show], if: "event.type == 'push'", type: command, command: echo, args: ["by \${{ event.body.pusher }}"]}
`;

const STRICT = `
id: strict
params: {day: {required: true, pattern: "^\\\\d+$"}}
triggers:
  - {type: webhook, verify: token, secret: {file: token.secret}, params: {day: "\${{ event.body.day }}"}}
tasks: [{id: work, type: command, command: "true"}]
`;

const NAMED = `
id: named
triggers:
  - {type: webhook, name: token, verify: token, secret: {file: token.secret}}
  - {type: webhook, name: mac, verify: hmac, header: X-Sig, prefix: "sha512=", algorithm: sha512, encoding: base64, id_header: X-Id, secret: [{env: HOOK_SECRET}, {env: HOOK_NEXT}]}
  - {type: webhook, name: slack, verify: slack, secret: {env: HOOK_SECRET}}
  - {type: webhook, name: missing, verify: token, secret: {file: no.secret}}
tasks: [{id: work, type: command, command: "true"}]
`;

const started = (options: Parameters<typeof startPetit>[0] = {}): Promise<Petit> =>
  startPetit({
    jobs: { "deploy.yaml": DEPLOY, "named.yaml": NAMED, "strict.yaml": STRICT, "token.secret": "t0ken\n" },
    env: { HOOK_SECRET: SECRET, HOOK_NEXT: "next", PETIT_API_TOKEN: TOKEN },
    ...options,
  });

type Body = string | Uint8Array<ArrayBuffer>;
type Answer = { readonly status: number; readonly body: Record<string, unknown> };

const hub = (body: Body, secret = SECRET): string =>
  `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

const post = async (
  petit: Petit,
  path: string,
  { body = "{}", headers = {} }: { readonly body?: Body; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> => {
  const answer = await petit.fetch(path, { method: "POST", body, headers });
  return { status: answer.status, body: await answer.json() };
};

/** Sends what GitHub sends. */
const push = (petit: Petit, body: Body, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  post(petit, "/api/hooks/deploy", {
    body,
    headers: {
      "content-type": "application/json",
      "x-hub-signature-256": hub(body),
      "x-github-event": "push",
      ...headers,
    },
  });

const PUSHER = "$(touch /tmp/never) ${{ config }} `id`";
const bodyOf = (fields: object = {}): string =>
  JSON.stringify({ ref: "refs/heads/main", after: "abc123", pusher: PUSHER, ...fields });

const get = async (petit: Petit, path: string): Promise<Record<string, unknown>> =>
  (await petit.fetch(path, { headers: { authorization: `Bearer ${TOKEN}` } })).json();

const runCount = async (petit: Petit): Promise<unknown> => (await get(petit, "/api/runs?limit=1000")).count;

/** Waits for the end of a run. Returns it with its output. */
const ended = async (petit: Petit, runId: unknown) => {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const log = await (await petit.fetch(`/api/runs/${runId}/logs?follow=true`, { headers })).text();
  return { run: await get(petit, `/api/runs/${runId}`), log };
};

test("a signed webhook starts one run, which gets the event as data, and each other one is accounted for", async () => {
  await using petit = await started();
  const first = await push(petit, bodyOf(), { "x-github-delivery": "d-1", "x-other": "no" });
  expect(first).toMatchObject({ status: 202, body: { outcome: "fired" } });
  const { run, log } = await ended(petit, first.body.run_id);
  expect(run).toMatchObject({ status: "completed", trigger: "webhook", delivery: { id: first.body.delivery_id } });
  const [event = "", line, said] = log.split("\n");
  expect(JSON.parse(event)).toEqual({
    type: "push",
    id: first.body.delivery_id,
    delivery_id: "d-1",
    body: JSON.parse(bodyOf()),
    headers: expect.not.objectContaining({ "x-other": "no", "x-hub-signature-256": expect.anything() }),
  });
  expect([line, said]).toEqual(["abc123 webhook", `by ${PUSHER}`]);

  // The same id, and the same body with another id, as the id is not signed.
  for (const id of ["d-1", "d-2"]) {
    const again = await push(petit, bodyOf(), { "x-github-delivery": id });
    expect(again).toEqual({ status: 200, body: { ...first.body } });
  }
  const ping = await push(petit, '{"zen":"Keep it logically awesome."}', { "x-github-event": "ping" });
  expect(ping).toEqual({ status: 200, body: { message: "the webhook is set up" } });
  const skipped = [
    [bodyOf({ ref: "refs/heads/next" }), "push", "condition_not_met"],
    [bodyOf({ issue: 1 }), "issues", "event"],
    [JSON.stringify({ ref: "refs/heads/main" }), "push", "invalid_params"],
  ] as const;
  for (const [body, type, reason] of skipped) {
    const answer = await push(petit, body, { "x-github-event": type });
    expect([answer.status, answer.body.outcome]).toEqual([202, "skipped"]);
    const shown = await get(petit, `/api/deliveries/${answer.body.delivery_id}`);
    expect([shown.reason, shown.event_type]).toEqual([reason, type]);
  }
  expect(await get(petit, "/api/jobs/deploy/deliveries")).toMatchObject({ count: 4 });
  expect(await runCount(petit)).toBe(1);
}, 30_000);

test("a webhook without the right proof is refused in one way, and one for nothing is not found", async () => {
  await using petit = await started();
  const refusal = { error: "the signature or the token is missing or wrong", code: "UNAUTHORIZED" };
  const body = bodyOf();
  for (const signature of [
    "",
    "sha256=",
    hub(body, "wrong"),
    hub(`${body} `),
    hub(body).slice(0, -1),
    `sha1=${hub(body).slice(7)}`,
  ])
    expect(await push(petit, body, { "x-hub-signature-256": signature })).toMatchObject({ status: 401, body: refusal });
  const noToken = await post(petit, "/api/hooks/named/token", { headers: { authorization: "Bearer t0kens" } });
  const noSecret = await post(petit, "/api/hooks/named/missing", { headers: { authorization: "Bearer " } });
  expect([noToken.status, noSecret.status]).toEqual([401, 401]);
  for (const path of ["/api/hooks/named", "/api/hooks/named/none", "/api/hooks/none", "/api/hooks/deploy/token"])
    expect([path, (await post(petit, path)).status]).toEqual([path, 404]);
  expect((await petit.fetch("/api/hooks/deploy")).status).toBe(405);
  const metrics = await (await petit.fetch("/metrics", { headers: { authorization: `Bearer ${TOKEN}` } })).text();
  expect(metrics).toContain('petit_webhook_refused_total{job_id="deploy"} 6');
  expect(metrics).toContain('petit_webhook_refused_total{job_id="named"} 2');
  expect(petit.stderr().match(/refused a webhook of deploy/g)).toHaveLength(1);
  expect(petit.stderr()).not.toContain(SECRET);
  // Deliveries are read only with the token of the API.
  expect((await petit.fetch("/api/deliveries")).status).toBe(401);
  expect(await runCount(petit)).toBe(0);
}, 30_000);

test("a token, an HMAC by either of two secrets, and Slack's handshake are accepted, also from a foreign origin, under the Host rule", async () => {
  await using petit = await started();
  const headers = { authorization: "Bearer t0ken", origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  const foreign = await petit.fetch("/api/hooks/named/token", { method: "POST", body: "{}", headers });
  expect([foreign.status, foreign.headers.get("access-control-allow-origin")]).toEqual([202, null]);
  expect((await post(petit, "/api/hooks/named/token", { headers: { ...headers, host: "evil.example" } })).status).toBe(
    403,
  );
  for (const secret of [SECRET, "next"]) {
    const signature = `sha512=${createHmac("sha512", secret).update("{}").digest("base64")}`;
    const accepted = await post(petit, "/api/hooks/named/mac", {
      headers: { "x-sig": signature, "x-id": secret.slice(0, 4) },
    });
    expect(accepted).toMatchObject({ status: 202, body: { outcome: "fired" } });
  }
  const slack = (body: string, seconds: number) => {
    const base = `v0:${seconds}:${body}`;
    const signature = `v0=${createHmac("sha256", SECRET).update(base).digest("hex")}`;
    return { body, headers: { "x-slack-request-timestamp": String(seconds), "x-slack-signature": signature } };
  };
  const now = Math.floor(Date.now() / 1000);
  const handshake = '{"type":"url_verification","challenge":"3eZbrw1aB"}';
  expect(await post(petit, "/api/hooks/named/slack", slack(handshake, now))).toMatchObject({
    status: 200,
    body: { challenge: "3eZbrw1aB" },
  });
  expect((await post(petit, "/api/hooks/named/slack", slack(handshake, now - 301))).status).toBe(401);
  expect(await get(petit, "/api/deliveries")).toMatchObject({ count: 3 });
}, 30_000);

test("an unreadable secret and params that do not fit need attention until the next one is accepted", async () => {
  let petit = await started();
  const { dir, jobsDir } = petit;
  try {
    const items = async (): Promise<unknown> => {
      const { items: all } = (await get(petit, "/api/attention")) as { items: readonly { kind: string }[] };
      return all.filter(({ kind }) => kind === "trigger_failing");
    };
    const headers = { authorization: "Bearer t0ken" };
    for (const day of ["x", "y"])
      expect(await post(petit, "/api/hooks/strict", { body: JSON.stringify({ day }), headers })).toMatchObject({
        status: 202,
        body: { outcome: "skipped" },
      });
    const invalid = { job_id: "strict", trigger: null, fault: "invalid_params", count: 2 };
    expect(await items()).toMatchObject([invalid]);
    await petit.kill();
    petit = await started({ dir, jobsDir });
    expect(await items()).toMatchObject([invalid]);
    expect((await post(petit, "/api/hooks/named/missing", { headers })).status).toBe(401);
    expect(await items()).toMatchObject([
      { job_id: "named", trigger: "missing", fault: "secret_unreadable", count: 1 },
      invalid,
    ]);
    const why = await cli(["why", "strict", "--url", petit.url], { environment: { PETIT_API_TOKEN: TOKEN } });
    expect(why.stdout).toContain("events");
    expect(why.stdout).toContain("it was skipped: param 'day' can't be 'y'");
    writeFileSync(join(jobsDir, "no.secret"), "n0w");
    await post(petit, "/api/hooks/strict", { body: '{"day":7}', headers });
    expect(await items()).toEqual([]);
  } finally {
    await petit[Symbol.asyncDispose]();
  }
}, 60_000);

/** Sends bytes as they are, whatever their headers say. */
const raw = async (petit: Petit, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<number> => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const sent = request(`${petit.url}/api/hooks/deploy`, { method: "POST", headers: { ...headers } }, (answer) => {
    answer.resume();
    resolve(answer.statusCode ?? 0);
  });
  sent.on("error", () => resolve(0));
  sent.end(body);
  return await promise;
};

test("hostile bodies start nothing, and cost little", async () => {
  await using petit = await started();
  const mebibyte = 1024 * 1024;
  const texts = {
    deep: "[".repeat(500_000) + "]".repeat(500_000),
    braces: "{".repeat(mebibyte),
    prototype:
      '{"__proto__":{"ref":"refs/heads/main","after":"x"},"constructor":{"prototype":{"ref":"refs/heads/main"}}}',
    quotes: '"'.repeat(mebibyte),
    numbers: `[${"1e400,".repeat(150_000)}1]`,
    keys: `{${Array.from({ length: 60_000 }, (_, index) => `"k${index}":0`).join()}}`,
  };
  for (const [name, text] of Object.entries(texts)) {
    const before = performance.now();
    const answer = await push(petit, text);
    expect([name, answer.status, answer.body.outcome]).toEqual([name, 202, "skipped"]);
    expect(performance.now() - before).toBeLessThan(2_000);
  }
  const invalid = Uint8Array.from(Buffer.from('{"ref":"refs/heads/main","after":"\xff"}', "latin1"));
  const gzip = new Uint8Array(gzipSync(Buffer.alloc(100 * mebibyte), { level: 1 }));
  for (const bytes of [invalid, gzip]) {
    const answer = await push(petit, bytes, { "content-encoding": "gzip" });
    expect([answer.status, answer.body.outcome]).toEqual([202, "skipped"]);
  }
  const tooLarge = new Uint8Array(mebibyte + 1);
  expect((await push(petit, tooLarge)).status).toBe(413);
  const small = new TextEncoder().encode(bodyOf());
  const signed = { "x-hub-signature-256": hub(bodyOf()), "x-github-event": "push" };
  // A length that is too long ends as a connection without an answer.
  expect(await raw(petit, tooLarge, { ...signed, "content-length": String(small.length) })).not.toBe(202);
  expect(await runCount(petit)).toBe(0);
}, 60_000);

test("slow senders keep out no signed webhook of the same address, and are cut", async () => {
  await using petit = await started();
  const slow = Array.from({ length: 140 }, () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const headers = { "content-length": "10000" };
    const sent = request(`${petit.url}/api/hooks/deploy`, { method: "POST", headers, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.on("error", () => resolve(0));
    sent.write("{");
    return promise;
  });
  // Of 140, those above the limit are cut at once, for the newer ones.
  expect(await Promise.race(slow)).toBe(408);
  const answers = await Promise.all(Array.from({ length: 80 }, (_, issue) => push(petit, bodyOf({ issue }))));
  expect(
    Map.groupBy(answers, ({ status }) => status)
      .keys()
      .toArray(),
  ).toEqual([202]);
  expect(new Set(await Promise.all(slow))).toEqual(new Set([408]));
}, 60_000);

test("a delivery that arrives 24 times at once starts one run", async () => {
  await using petit = await started();
  const answers = await Promise.all(
    Array.from({ length: 24 }, () => push(petit, bodyOf(), { "x-github-delivery": "same" })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(23).fill(200), 202]);
  expect(new Set(answers.map(({ body }) => body.run_id)).size).toBe(1);
  expect(await runCount(petit)).toBe(1);
}, 60_000);

test("the command line lists, tests, shows and replays webhooks", async () => {
  await using petit = await started();
  const run = (...args: readonly string[]) =>
    cli([...args, "--url", petit.url], { environment: { PETIT_API_TOKEN: TOKEN }, cwd: petit.dir });
  const hooks = await run("hooks", "deploy");
  expect(hooks.stdout).toContain(`${petit.url}/api/hooks/deploy`);
  expect(hooks.stdout).toContain("variable HOOK_SECRET");
  expect(hooks.stdout).not.toContain(SECRET);
  writeFileSync(join(petit.dir, "push.json"), bodyOf());
  writeFileSync(join(petit.dir, "other.json"), bodyOf({ ref: "refs/heads/other" }));
  const tested = await run("hooks", "test", "deploy", "--event", "push.json", "--json");
  expect([tested.status, JSON.parse(tested.stdout)]).toMatchObject([0, { outcome: "fired" }]);
  const { delivery_id: id } = JSON.parse(tested.stdout);
  const skipped = await run("hooks", "test", "deploy", "--event", "other.json");
  expect([skipped.status, skipped.stdout]).toEqual([1, expect.stringContaining("the `if` of the trigger is false")]);
  const list = await run("deliveries", "deploy");
  expect(list.stdout).toMatch(/DELIVERY +JOB +EVENT +OUTCOME.*\n.*push +skipped.*\n.*push +fired/);
  const shown = await run("deliveries", "show", id);
  expect(shown.stdout).toContain('"after": "abc123"');
  const replayed = await run("deliveries", "replay", id, "--json");
  expect(JSON.parse(replayed.stdout)).toMatchObject({ deliveries: [{ outcome: "fired", replay_of: id }], count: 1 });
  const all = await run("deliveries", "replay", "--skipped", "--since", "1h", "deploy", "--json");
  expect(JSON.parse(all.stdout)).toMatchObject({ deliveries: [{ outcome: "fired" }], count: 1 });
  const again = await run("deliveries", "replay", "--skipped", "--since", "1h", "deploy");
  expect([again.status, again.stdout, again.stderr]).toEqual([
    1,
    "",
    expect.stringContaining("but for those that were replayed"),
  ]);
  expect((await run("deliveries", "replay", "0000-none")).status).toBe(2);
  const why = await run("why", "deploy");
  expect(why.stdout).toContain("a webhook started it");
}, 60_000);

test("a replay of what was skipped passes over failed replays, and tries their delivery again", async () => {
  await using petit = await started();
  const run = (...args: readonly string[]) =>
    cli([...args, "--url", petit.url], { environment: { PETIT_API_TOKEN: TOKEN }, cwd: petit.dir });
  const sent = await petit.fetch("/api/hooks/strict", {
    method: "POST",
    headers: { authorization: "Bearer t0ken", "content-type": "application/json" },
    body: JSON.stringify({ day: "no number" }),
  });
  expect(await sent.json()).toMatchObject({ outcome: "skipped" });
  const replay = async () => {
    const { stdout } = await run("deliveries", "replay", "--skipped", "--since", "1h", "--json");
    return JSON.parse(stdout);
  };
  const [first, second] = [await replay(), await replay()];
  expect([first, second]).toMatchObject([{ count: 1 }, { count: 1 }]);
  expect(second.deliveries[0].replay_of).toBe(first.deliveries[0].replay_of);
}, 60_000);

test("a delivery is shown with the numbers that it came with", async () => {
  await using petit = await started();
  const body = '{"day": "7", "id": 12345678901234567890, "size": 1e400}';
  const sent = await petit.fetch("/api/hooks/strict", {
    method: "POST",
    headers: { authorization: "Bearer t0ken" },
    body,
  });
  const { delivery_id: id } = (await sent.json()) as { delivery_id: string };
  const answer = await petit.fetch(`/api/deliveries/${id}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  expect(await answer.text()).toContain('"id":12345678901234567890,"size":1e400');
  const shown = await cli(["deliveries", "show", id, "--url", petit.url], { environment: { PETIT_API_TOKEN: TOKEN } });
  expect(shown.stdout).toMatch(/"id": 12345678901234567890,\n +"size": 1e400/);
}, 60_000);

test("petit hooks lists the addresses under the public_url of the running petit", async () => {
  await using petit = await started({ args: ["--public-url", "https://petit.example.com/ops/"] });
  const run = (...args: readonly string[]) =>
    cli(["hooks", "deploy", "--url", petit.url, ...args], { environment: { PETIT_API_TOKEN: TOKEN }, cwd: petit.dir });
  const url = "https://petit.example.com/ops/api/hooks/deploy";
  expect(await run()).toMatchObject({ status: 0, stdout: expect.stringContaining(`  ${url}\n`), stderr: "" });
  expect(JSON.parse((await run("--json")).stdout).hooks).toMatchObject([{ url }]);
}, 60_000);

test("each accepted webhook has exactly one outcome and one run after kills", async () => {
  let petit = await started({ args: ["--on-shutdown", "leave"] });
  const { dir, jobsDir } = petit;
  const answered = new Map<string, string>();
  const ids = Array.from({ length: 120 }, (_, index) => `d-${index}`);
  try {
    for (const [round, size] of [40, 40, 40].entries()) {
      const part = ids.slice(round * size, (round + 1) * size);
      const enough = Promise.withResolvers<void>();
      const waiting = [...part];
      const send = async (): Promise<void> => {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
          const answer = await push(petit, bodyOf({ after: id }), { "x-github-delivery": id }).catch(() => null);
          if (answer === null) return;
          expect(answer.status).toBe(202);
          answered.set(id, String(answer.body.run_id));
          if (answered.size === round * size + 8) enough.resolve();
        }
      };
      const sends = Array.from({ length: 4 }, send);
      await enough.promise;
      await petit.kill();
      await Promise.all(sends);
      petit = await started({ dir, jobsDir, args: ["--on-shutdown", "leave"] });
      // Providers send again what was not answered.
      for (const id of part) {
        const again = await push(petit, bodyOf({ after: id }), { "x-github-delivery": id });
        expect([200, 202]).toContain(again.status);
        if (answered.has(id)) expect([again.status, again.body.run_id]).toEqual([200, answered.get(id) ?? ""]);
        answered.set(id, String(again.body.run_id));
      }
    }
    const { deliveries } = (await get(petit, "/api/jobs/deploy/deliveries?limit=1000")) as {
      deliveries: { provider_id: string; run_id: string; outcome: string }[];
    };
    expect(deliveries.map(({ provider_id: id }) => id).sort()).toEqual([...ids].sort());
    for (const { provider_id: id, run_id: runId, outcome } of deliveries)
      expect([id, outcome, runId]).toEqual([id, "fired", answered.get(id) ?? ""]);
    expect(await runCount(petit)).toBe(ids.length);
    expect(new Set(deliveries.map(({ run_id: runId }) => runId)).size).toBe(ids.length);
  } finally {
    await petit[Symbol.asyncDispose]();
  }
}, 120_000);
