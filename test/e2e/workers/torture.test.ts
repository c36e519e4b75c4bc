import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasNats } from "../../support/nats/server.ts";
import { tortureWorkers } from "../../support/torture/workers/torture.ts";

const FAULTS = Number(process.env.PETIT_TORTURE_FAULTS ?? 6);
const SEED = Number(process.env.PETIT_TORTURE_SEED ?? Math.floor(Math.random() * 2 ** 31));

test.skipIf(!hasNats("2.15"))(
  `workers lose and double nothing through ${FAULTS} faults of workers, scheduler and NATS`,
  async () => {
    console.log(
      `torture: seed ${SEED} (scripts/torture --workers --kills ${FAULTS} --seed ${SEED} does the same again)`,
    );
    const dir = mkdtempSync(join(tmpdir(), "petit-torture-"));
    const options = { natsVersion: "2.15", lostAfterMs: 3_000, delays: 0 } as const;
    const { violations, accepted } = await tortureWorkers({ ...options, seed: SEED, faults: FAULTS, dir });
    expect(violations).toEqual([]);
    expect(accepted.size).toBeGreaterThan(0);
    rmSync(dir, { recursive: true });
  },
  180_000,
);
