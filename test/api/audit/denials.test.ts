import { expect, test } from "bun:test";
import { Denials } from "../../../src/api/audit/denials.ts";
import { PetitError } from "../../../src/domain/errors.ts";
import { type AuditFacts, auditFacts } from "../../../src/domain/people/audit.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { FakeClock } from "../../support/engine/fake-clock.ts";

const open = () => {
  const clock = new FakeClock();
  const rows: (AuditFacts & { readonly count: number; readonly now: number })[] = [];
  const state = { isFull: false };
  const addDenied = (facts: AuditFacts, { count, now }: { readonly count: number; readonly now: number }): void => {
    if (state.isFull) throw new PetitError("storage_failed", "the disk is full");
    rows.push({ ...facts, count, now });
  };
  const denials = new Denials({ audit: { addDenied }, clock, log: silentLog });
  const deny = (address: string | null, times: number, action: AuditFacts["action"] = "session.login"): void => {
    for (let each = 0; each < times; each++) denials.add(auditFacts({ how: "anonymous", action, address }));
  };
  /** Returns how many rows stand for single requests of an address, and the rest. */
  const of = (address: string | null) => {
    const found = rows.filter((row) => row.address === address);
    const rest = found.filter(({ action }) => action === "requests.denied");
    return [found.length - rest.length, rest.map(({ count, details }) => [count, details?.actions])];
  };
  return { clock, rows, state, denials, deny, of };
};

test("an address gets 60 rows a minute, and one for the rest when the minute has passed", async () => {
  const { clock, deny, of } = open();
  deny("10.0.0.1", 61);
  deny("10.0.0.2", 3);
  await clock.pass(59_000);
  deny("10.0.0.1", 2, "job.trigger");
  expect([of("10.0.0.1"), of("10.0.0.2")]).toEqual([
    [60, []],
    [3, []],
  ]);
  await clock.pass(1_000);
  expect(of("10.0.0.1")).toEqual([60, [[3, { "session.login": 1, "job.trigger": 2 }]]]);
  deny("10.0.0.1", 70);
  await clock.pass(60_000);
  expect(of("10.0.0.1")).toEqual([
    120,
    [
      [3, { "session.login": 1, "job.trigger": 2 }],
      [10, { "session.login": 10 }],
    ],
  ]);
  await clock.pass(600_000);
  expect([of("10.0.0.2"), clock.timers]).toEqual([[3, []], []]);
});

test("what is counted is stored when petit stops", () => {
  const { clock, deny, of, denials } = open();
  deny("10.0.0.1", 65);
  denials.flush();
  denials.flush();
  expect([of("10.0.0.1"), clock.timers]).toEqual([[60, [[5, { "session.login": 5 }]]], []]);
});

test("a database that can't be written loses no count", async () => {
  const { clock, deny, of, state } = open();
  state.isFull = true;
  deny("10.0.0.1", 3);
  await clock.pass(60_000);
  expect(of("10.0.0.1")).toEqual([0, []]);
  state.isFull = false;
  await clock.pass(60_000);
  expect(of("10.0.0.1")).toEqual([0, [[3, { "session.login": 3 }]]]);
});

test("the addresses of this machine count as one", () => {
  const { deny, rows, denials } = open();
  for (let host = 1; host < 71; host++) deny(`127.0.3.${host}`, 1);
  expect(rows).toHaveLength(60);
  denials.flush();
  expect(rows.at(-1)).toMatchObject({ address: "127.0.3.1", count: 10 });
});

test("the addresses of one IPv6 network count as one, and so do all beyond the first thousand", () => {
  const { deny, rows, denials } = open();
  for (let host = 0; host < 70; host++) deny(`2001:db8::${host.toString(16)}`, 1);
  expect(rows).toHaveLength(60);
  deny("2001:db8:0:1::1", 1);
  deny("::1", 1);
  expect(rows).toHaveLength(62);
  for (let host = 0; host < 2_000; host++) deny(`10.1.${host >> 8}.${host & 255}`, 1);
  // 997 of their own, and 60 of all others together.
  expect(rows).toHaveLength(62 + 997 + 60);
  denials.flush();
  expect(rows.slice(-2).map(({ address, count }) => [address, count])).toEqual([
    ["2001:db8::0", 10],
    [null, 2_000 - 997 - 60],
  ]);
});

test("a request whose duration must tell nothing is stored after its answer, with its time, or when petit stops", async () => {
  const { clock, rows, denials } = open();
  const facts = auditFacts({ how: "token", action: "run.cancel", address: "10.0.0.1" });
  const at = clock.now();
  denials.addLater(facts);
  denials.addLater(facts);
  expect(rows).toEqual([]);
  await clock.pass(250);
  expect(rows.map(({ action, now }) => [action, now - at])).toEqual([
    ["run.cancel", 0],
    ["run.cancel", 0],
  ]);
  for (let each = 0; each < 70; each++) denials.addLater(facts);
  denials.flush();
  expect(rows.map(({ count }) => count).slice(60)).toEqual([12]);
  expect(clock.timers).toEqual([]);
});
