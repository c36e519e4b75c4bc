import { expect, test } from "bun:test";
import { ask, post, runToEnd, start } from "../support/petit/api.ts";
import { endOf, eventually } from "../support/torture/run.ts";
import { ledgerOf, SLOW_MS, startService, violationsOf, wrongSteps } from "../support/vm/service.ts";

const JOBS = {
  tick: `id: tick\nschedule: "* * * * * *"\ntasks: [{id: t, type: command, command: "true"}]\n`,
  waiting: `id: waiting
tasks:
  - {id: t, type: shell, script: 'until [ -e /run/lock/emptied ]; do sleep 0.2; done; echo done || :'}
  - {id: next, type: command, command: echo, args: [next], depends_on: [t]}
`,
};

/** Leaves no block free, neither to petit nor to root. */
const FILL = `
  fallocate -l "$(df --output=avail -B1 / | tail -n 1)" /var/full || :
  dd if=/dev/zero of=/var/fuller bs=64k status=none || :
  sync`;

test("a full disk makes petit unavailable, and nothing is lost or half-written when it has room again", async () => {
  const { machine, petit } = await startService({ jobs: JOBS });
  const waiting = await start(petit, "waiting");
  await machine.must(FILL);
  const health = await eventually(
    "health says so",
    async () => {
      const answer = await ask(petit, "/api/health");
      return answer.status === 503 ? answer.body : null;
    },
    SLOW_MS,
  );
  expect(health).toMatchObject({ status: "unavailable" });
  const refused = await post(petit, "/api/jobs/waiting/trigger");
  expect(refused).toMatchObject({ status: 503, body: { code: "SERVICE_UNAVAILABLE" } });
  // Its end can't be stored, so it is not reported.
  await machine.must("touch /run/lock/emptied; sleep 2");
  expect((await ask(petit, `/api/runs/${waiting}`)).body).toMatchObject({ status: "running" });
  expect(await machine.must("systemctl is-active petit")).toBe("active\n");

  await machine.must("rm /var/full /var/fuller");
  const ended = await endOf(petit, waiting, SLOW_MS);
  expect(ended).toMatchObject({ status: "completed", tasks: [{ attempts: 1 }, { attempts: 1 }] });
  await eventually(
    "health is ok",
    async () => ((await ask(petit, "/api/health")).status === 200 ? true : null),
    SLOW_MS,
  );
  expect(await runToEnd(petit, "waiting")).toMatchObject({ status: "completed" });
  expect(wrongSteps(await ledgerOf(petit, "tick"), 1_000)).toEqual([]);
  expect(await violationsOf(machine, petit, new Set([waiting]))).toEqual([]);
});
