import { expect, test } from "bun:test";
import { openRuntime } from "#runtime";
import { writeAuditLog } from "../../src/app/audit-log.ts";
import { auditFacts } from "../../src/domain/people/audit.ts";
import { openStore } from "../../src/store/database/open.ts";
import type { Store } from "../../src/store/store.ts";
import { FakeClock, NOON } from "../support/engine/fake-clock.ts";
import { tempDir } from "../support/temp-dir.ts";

const add = ({ audit }: Store, ...targets: readonly string[]): void => {
  for (const target of targets) audit.add(auditFacts({ how: "command", action: "token.create", target }), NOON);
};

test("each entry is written once and in order, whichever process stored it", async () => {
  using dir = tempDir();
  const path = dir.file("petit.db");
  using own = openStore({ path, runtime: openRuntime() });
  using other = openStore({ path, runtime: openRuntime() });
  add(own, "before");
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = writeAuditLog({
    audit: own.audit,
    clock,
    stderr: { write: (line) => void lines.push(JSON.parse(line).on) },
  });
  add(own, "a");
  add(other, "b");
  expect(lines).toEqual(["a"]);
  add(own, "c");
  expect(lines).toEqual(["a", "b", "c"]);
  const many = Array.from({ length: 1_000 }, (_, index) => `d${index}`);
  other.transaction(() => add(other, ...many));
  await clock.pass(500);
  expect(lines).toEqual(["a", "b", "c", ...many]);
  await clock.pass(500);
  own.transaction(() => add(own, "e", "f"));
  add(other, "g");
  log[Symbol.dispose]();
  add(own, "h");
  await clock.pass(500);
  expect(lines.slice(3 + many.length)).toEqual(["e", "f", "g"]);
});
