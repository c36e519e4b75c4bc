import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canStepClock } from "../support/engine/faults-clock.ts";
import { violations } from "../support/torture/invariants.ts";
import { torture } from "../support/torture/torture.ts";

const KILLS = Number(process.env.PETIT_TORTURE_KILLS ?? 6);
const SEED = Number(process.env.PETIT_TORTURE_SEED ?? Math.floor(Math.random() * 2 ** 31));

test(`petit keeps its invariants through ${KILLS} kills and other disturbances`, async () => {
  console.log(`torture: seed ${SEED} (scripts/torture --kills ${KILLS} --seed ${SEED} does the same again)`);
  const dir = mkdtempSync(join(tmpdir(), "petit-torture-"));
  const result = await torture({ seed: SEED, kills: KILLS, dir, stepsClock: canStepClock, locksForMs: 2_000 });
  expect(result.surprises).toEqual([]);
  expect(violations(result)).toEqual([]);
  rmSync(dir, { recursive: true });
}, 120_000);
