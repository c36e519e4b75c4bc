import { expect, test } from "bun:test";
import { ask, start } from "../support/petit/api.ts";
import { endOf, eventually } from "../support/torture/run.ts";
import { ledgerOf, readyService, SLOW_MS, startService, wrongSteps } from "../support/vm/service.ts";

/** Lines that write the boot at each start, and run on until the second start. */
const script = (...first: readonly string[]): string =>
  [
    ...first,
    "cat /proc/sys/kernel/random/boot_id >> $PETIT_JOB_ID",
    "[ $(wc -l < $PETIT_JOB_ID) -gt 1 ] || sleep 600",
  ].join("\n      ");

const job = (id: string, field: string, text: string): string => `id: ${id}
${field}
tasks:
  - id: t
    type: shell
    script: |
      ${text}
  - {id: clean, type: command, command: echo, args: [cleaned], depends_on: [t], condition: all_done}
`;

const JOBS = {
  lost: job("lost", "on_interrupt: fail", script()),
  again: job("again", "on_interrupt: rerun", script()),
  // SIGKILL ends it, and with it the shell that records the exit status.
  stubborn: job("stubborn", "on_interrupt: rerun", script("trap '' TERM")),
  tick: `id: tick\nschedule: {cron: "*/5 * * * * *", catchup: all}\ntasks: [{id: t, type: command, command: "true"}]\n`,
};

test("a reboot interrupts what runs, once, and the ledger has each occurrence", async () => {
  const { machine, petit } = await startService({ jobs: JOBS });
  const ids = ["lost", "again", "stubborn"] as const;
  const [lost = "", again = "", stubborn = ""] = await Promise.all(ids.map((id) => start(petit, id)));
  const begun = async (): Promise<true | null> =>
    (await machine.run(`cd /var/lib/petit && cat ${ids.join(" ")} | wc -l`)).stdout === "3\n" ? true : null;
  await eventually("all have begun", begun, SLOW_MS);
  const first = await eventually("one has fired", async () => (await ledgerOf(petit, "tick"))[0] ?? null, SLOW_MS);
  const before = machine.bootId;
  await machine.reboot();
  expect(machine.bootId).not.toBe(before);

  const back = await readyService(machine);
  const interrupted = { status: "interrupted", reason: "interrupted", error: "Run was interrupted" };
  expect(await endOf(back, lost, SLOW_MS)).toMatchObject({ ...interrupted, log: "cleaned\n" });
  expect(await endOf(back, again, SLOW_MS)).toMatchObject({
    status: "completed",
    tasks: [{ attempts: 2 }, { attempts: 1 }],
  });
  expect(await endOf(back, stubborn, SLOW_MS)).toMatchObject({
    status: "completed",
    tasks: [{ attempts: 2 }, { attempts: 1 }],
  });
  expect(await machine.must(`cd /var/lib/petit && cat again stubborn`)).toBe(
    `${before}\n${machine.bootId}\n`.repeat(2),
  );
  expect(await machine.must("cat /var/lib/petit/lost")).toBe(`${before}\n`);
  // The emulated clock runs too fast on a busy machine, and the reboot sets it right. Then it may show a time before the first start.
  const ledger = (await ledgerOf(back, "tick")).filter((each) => each.scheduled_for >= first.scheduled_for);
  expect(wrongSteps(ledger, 5_000)).toEqual([]);
  expect((await ask(back, "/api/health")).body).toMatchObject({ status: "ok" });
}, 600_000);
