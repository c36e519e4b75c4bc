import { expect, test } from "bun:test";
import { petit as command } from "../../support/cli.ts";
import { ask } from "../../support/petit/api.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { randomOf } from "../../support/torture/random.ts";
import { eventually } from "../../support/torture/run.ts";

const ACTIONS = Number(process.env.PETIT_TEST_AUDIT_ACTIONS ?? 200);
const SEED = Number(process.env.PETIT_TEST_SEED ?? 0x5eed);

/** How many actions happen before petit is killed once: fewer than denied requests have a row each. */
const ROUND = 50;

const JOBS = {
  "jobs.yaml": ["a", "b", "c"]
    .map(
      (id) => `id: ${id}
schedule: "0 0 1 1 *"
max_concurrency: 100
tasks: [{id: only, type: command, command: "true"}]
`,
    )
    .join("---\n"),
};

const ROLES = { ada: "admin", ann: "admin", ben: "operator", bob: "operator", viv: "viewer" } as const;
type Name = keyof typeof ROLES;
const NAMES = Object.keys(ROLES) as readonly Name[];

type Entry = {
  readonly id: number;
  readonly who: string | null;
  readonly role: string | null;
  readonly action: string;
  readonly on: string | null;
  readonly run_id: string | null;
  readonly allowed: boolean;
  readonly request_id: string | null;
};

/** What was asked. `requestId` and `status` are null if the answer was lost. */
type Asked = {
  readonly who: Name;
  readonly action: string;
  readonly on: string | null;
  readonly requestId: string | null;
  readonly status: number | null;
};

const ACTION_KINDS = ["trigger", "pause", "resume", "scheduler", "create", "revoke", "unknown"] as const;

test(`the log has what ${NAMES.length} people did, however often petit is killed`, async () => {
  const random = randomOf(SEED);
  const oneOf = <T>(choices: readonly T[]): T => random.pick(choices.map((choice) => [1, choice] as const));
  let petit: Petit = await startPetit({ jobs: JOBS, args: ["--no-watch"] });
  const { dir, jobsDir, dbPath } = petit;
  const tokens = new Map<Name, string>();
  for (const name of NAMES) {
    const made = await command(["tokens", "create", name, "--role", ROLES[name], "--db", dbPath]);
    tokens.set(name, made.stdout.trim());
  }
  const headersOf = (name: Name) => ({ authorization: `Bearer ${tokens.get(name)}` });
  const isKnown = async () =>
    (await ask(petit, "/api/session", { headers: headersOf("viv") })).body.name === "viv" ? true : null;
  await eventually("petit knows the tokens", isKnown);

  const asked: Asked[] = [];
  let created = 0;
  const planOf = (): { method: string; path: string; body?: unknown; action: string; on: string | null } => {
    const job = oneOf(["a", "b", "c"]);
    const kind = oneOf(ACTION_KINDS);
    switch (kind) {
      case "trigger":
        return { method: "POST", path: `/api/jobs/${job}/trigger`, action: "job.trigger", on: job };
      case "pause":
      case "resume":
        return { method: "POST", path: `/api/jobs/${job}/${kind}`, action: `job.${kind}`, on: job };
      case "scheduler": {
        const how = oneOf(["pause", "resume"]);
        return { method: "POST", path: `/api/scheduler/${how}`, action: `scheduler.${how}`, on: null };
      }
      case "create": {
        const name = `t${created++}`;
        return {
          method: "POST",
          path: "/api/tokens",
          body: { name, role: "viewer" },
          action: "token.create",
          on: name,
        };
      }
      case "revoke": {
        const name = `t${random.between(0, created)}`;
        return { method: "DELETE", path: `/api/tokens/${name}`, action: "token.revoke", on: name };
      }
      case "unknown":
        return { method: "POST", path: "/api/jobs/unknown/trigger", action: "job.trigger", on: "unknown" };
    }
  };
  const act = async (who: Name): Promise<void> => {
    const { method, path, body, action, on } = planOf();
    const init = { method, headers: headersOf(who), ...(body !== undefined && { body: JSON.stringify(body) }) };
    try {
      const response = await petit.fetch(path, init);
      await response.text();
      asked.push({ who, action, on, requestId: response.headers.get("x-request-id"), status: response.status });
    } catch {
      asked.push({ who, action, on, requestId: null, status: null });
    }
  };

  while (asked.length < ACTIONS) {
    const until = Math.min(ACTIONS, asked.length + ROUND);
    const killAt = asked.length + random.between(0, ROUND - 1);
    let killed: Promise<void> | null = null;
    await Promise.all(
      NAMES.map(async (who) => {
        while (asked.length < until && killed === null) {
          const acting = act(who);
          if (asked.length >= killAt) killed ??= petit.kill();
          await acting;
        }
      }),
    );
    await killed;
    if (killed !== null) petit = await startPetit({ dir, jobsDir, args: ["--no-watch"] });
  }
  await using last = petit;

  const ada = { headers: headersOf("ada") };
  const log: Entry[] = [];
  for (let before = ""; ; ) {
    const { body } = await ask(last, `/api/audit?limit=1000${before}`, ada);
    log.push(...body.entries);
    if (body.next === null) break;
    before = `&before=${body.next}`;
  }
  const ofPeople = log.filter(({ request_id }) => request_id !== null);
  const byRequest = Map.groupBy(ofPeople, ({ request_id }) => request_id);

  // Each answer says what the log has of its request.
  let denied = 0;
  for (const { who, action, on, requestId, status } of asked) {
    if (requestId === null || status === null) continue;
    const rows = (byRequest.get(requestId) ?? []).map((row) => [row.who, row.role, row.action, row.on, row.allowed]);
    const isDenied = status === 403;
    if (isDenied) denied++;
    // The body of a denied request is not read.
    const target = isDenied && action === "token.create" ? null : on;
    const expected = status < 400 || isDenied ? [[who, ROLES[who], action, target, !isDenied]] : [];
    expect([action, status, rows]).toEqual([action, status, expected]);
    byRequest.delete(requestId);
  }
  // The rest are requests whose answers were lost.
  const lost = asked.filter(({ status }) => status === null);
  for (const row of [...byRequest.values()].flat())
    expect(
      lost.some(({ who, action, on }) => who === row.who && action === row.action && (!row.allowed || on === row.on)),
    ).toBe(true);

  // Whatever was done is in the log, and the reverse.
  const done = (action: string) => log.filter((row) => row.action === action && row.allowed);
  const runs: { id: string; triggered_by: string }[] = [];
  for (let before = ""; ; ) {
    const { body } = await ask(last, `/api/runs?limit=1000${before}`, ada);
    runs.push(...body.runs);
    if (body.next === null) break;
    before = `&before=${body.next}`;
  }
  expect(
    done("job.trigger")
      .map(({ run_id, who }) => [run_id, who])
      .toSorted(),
  ).toEqual(runs.map((run) => [run.id, run.triggered_by]).toSorted());
  const { tokens: stored } = (await ask(last, "/api/tokens", ada)).body;
  const made = stored.filter(({ name }: { name: string }) => !(name in ROLES));
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).toSorted();
  const targets = (action: string) =>
    done(action)
      .flatMap(({ on }) => (on === null || on in ROLES ? [] : [on]))
      .toSorted();
  expect(targets("token.create")).toEqual(names(made));
  expect(targets("token.revoke")).toEqual(names(made.filter(({ state }: { state: string }) => state === "revoked")));
  for (const id of ["a", "b", "c"]) {
    const newest = log.find(({ action, on, allowed }) => allowed && on === id && /^job\.(pause|resume)$/.test(action));
    const { body } = await ask(last, `/api/jobs/${id}`, ada);
    expect([id, body.paused]).toEqual([id, newest?.action === "job.pause"]);
  }
  const newest = log.find(({ action, allowed }) => allowed && /^scheduler\.(pause|resume)$/.test(action));
  const { body: scheduler } = await ask(last, "/api/scheduler/state", ada);
  expect(scheduler.is_paused).toBe(newest?.action === "scheduler.pause");
  expect([asked.length >= ACTIONS, runs.length > 0, made.length > 0, denied > 0]).toEqual([true, true, true, true]);
}, 600_000);
