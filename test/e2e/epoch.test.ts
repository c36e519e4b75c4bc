import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatSigningKey, generateSigningKey } from "../../src/lib/wire/signing.ts";
import { petit, tempFolder } from "../support/cli.ts";
import { hasNats, startNats } from "../support/nats/server.ts";
import { ask } from "../support/petit/api.ts";
import { startPetit } from "../support/petit/petit.ts";
import { eventually } from "../support/torture/run.ts";

// A busy machine may need this long.
setDefaultTimeout(60_000);

const JOBS = `id: hello
tasks: [{id: t, type: shell, script: 'echo hello'}]
`;

/** Two machines with a shared folder: folders `one`, `two` and `shared`. */
const machines = () => {
  const folder = tempFolder();
  for (const name of ["one", "two", "shared"]) mkdirSync(join(folder.path, name), { mode: 0o700 });
  folder.write("jobs/a.yaml", JOBS);
  const file = (name: string): string => join(folder.path, name);
  return {
    file,
    start: (machine: string, args: readonly string[]) =>
      startPetit({ dir: file(machine), jobsDir: file("jobs"), args: [...args] }),
    /** Tries to start petit, which has to be refused. */
    refused: (machine: string, args: readonly string[]) =>
      petit(["--db", file(`${machine}/petit.db`), "run", file("jobs"), "--api-port", "0", ...args]),
    backUp: (machine: string) => petit(["--db", file(`${machine}/petit.db`), "backup", file("copy.db")]),
    restore: (machine: string, args: readonly string[] = []) =>
      petit(["--db", file(`${machine}/petit.db`), "restore", file("copy.db"), ...args]),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
};

const EXIT_TAKEN = 4;

describe("with an epoch file", () => {
  test("a running petit stops when its database was restored elsewhere, and does not start again", async () => {
    using at = machines();
    const args = ["--epoch-file", at.file("shared/epoch")];
    const one = await at.start("one", args);
    expect((await at.backUp("one")).status).toBe(0);
    expect((await at.restore("two", args)).status).toBe(0);
    expect(await one.exited).toBe(EXIT_TAKEN);
    expect(one.stderr()).toContain("was restored elsewhere: the epoch file");
    const again = await at.refused("one", args);
    expect(again.status).toBe(EXIT_TAKEN);
    expect(again.stderr).toContain("has a later epoch of it");
    for (let start = 0; start < 2; start++) {
      const two = await at.start("two", args);
      expect((await ask(two, "/api/health")).body.status).toBe("ok");
      await two.stop();
    }
    // The first machine is right again after a restore there.
    expect((await at.restore("one", args)).status).toBe(0);
    expect((await at.refused("two", args)).status).toBe(EXIT_TAKEN);
    await (await at.start("one", args)).stop();
  });

  test("of two restores of one copy only the later one runs, although neither has run before", async () => {
    using at = machines();
    const args = ["--epoch-file", at.file("shared/epoch")];
    await (await at.start("one", args)).stop();
    await at.backUp("one");
    expect((await at.restore("two", args)).status).toBe(0);
    expect((await at.restore("one", args)).status).toBe(0);
    expect((await at.refused("two", args)).status).toBe(EXIT_TAKEN);
    await (await at.start("one", args)).stop();
  });

  test("petit does not run with the file of another database, a damaged one, or without its folder", async () => {
    using at = machines();
    const args = ["--epoch-file", at.file("shared/epoch")];
    await (await at.start("one", args)).stop();
    const other = await at.refused("two", args);
    expect(other).toMatchObject({ status: 2, stderr: expect.stringContaining("is that of another database") });
    writeFileSync(at.file("shared/epoch"), "{}");
    const damaged = await at.refused("one", args);
    expect(damaged).toMatchObject({ status: 2, stderr: expect.stringContaining("is not one of petit") });
    const unmounted = await at.refused("one", ["--epoch-file", at.file("none/epoch")]);
    expect(unmounted).toMatchObject({ status: 2, stderr: expect.stringContaining("it is not known whether") });
  });
});

describe.skipIf(!hasNats("2.15"))("with NATS", () => {
  test("a petit whose database was restored elsewhere does not start, and a running one stops", async () => {
    await using nats = await startNats();
    using at = machines();
    writeFileSync(at.file("key"), formatSigningKey(generateSigningKey()), { mode: 0o600 });
    const args = ["--nats", nats.url, "--nats-signing-key", at.file("key")];
    const isConnected = (running: Awaited<ReturnType<typeof at.start>>) =>
      eventually("petit has the account", async () =>
        (await ask(running, "/api/workers")).body.nats.connected ? true : null,
      );
    await (await at.start("one", args)).stop();
    await at.backUp("one");
    expect((await at.restore("two")).status).toBe(0);
    const two = await at.start("two", args);
    await isConnected(two);
    const refused = await at.refused("one", args);
    expect(refused.status).toBe(EXIT_TAKEN);
    expect(refused.stderr).toContain("was restored elsewhere: NATS has a later epoch of it");
    await two.stop();
    expect((await at.refused("one", args)).status).toBe(EXIT_TAKEN);
    // NATS has lost what it knew. The earlier one gets the account, until the later one takes it.
    await nats.kill();
    await using one = await at.start("one", args);
    await nats.start();
    const again = await at.start("two", args);
    await isConnected(again);
    expect(await one.exited).toBe(EXIT_TAKEN);
    await again.stop();
  });
});
