import { expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { petit, type TempFolder, tempFolder } from "../../support/cli.ts";
import { startNats } from "../../support/nats/server.ts";

type Check = { readonly name: string; readonly status: string; readonly message: string; readonly hint: string | null };

const NAMES = ["nats", "nats_access", "nats_clock", "nats_creds", "jetstream", "signing_key", "trust"];

/** Returns the checks of NATS, by name. */
const checksOf = async (folder: TempFolder, ...args: readonly string[]): Promise<Readonly<Record<string, Check>>> => {
  const { stdout } = await petit(["doctor", "--json", "--api-port", "0", ...args], { cwd: folder.path });
  const { checks }: { checks: readonly Check[] } = JSON.parse(stdout);
  return Object.fromEntries(checks.filter(({ name }) => NAMES.includes(name)).map((check) => [check.name, check]));
};

test("petit doctor checks the connection to NATS, JetStream, permissions, the clock and the key", async () => {
  using folder = tempFolder();
  folder.write("jobs/a.yaml", "id: a\nruns_on: gpu\ntasks: [{id: t, type: shell, script: x}]\n");
  const { stdout: key } = await petit(["worker", "keygen", "key"], { cwd: folder.path });
  const { stdout: printed } = await petit(["worker", "nats-config", "a", "--keys", "keys"], { cwd: folder.path });
  const config = printed.replace(/^listen: .*$/m, "").replace(/^jetstream \{[^}]*\}$/m, "");
  await using nats = await startNats({ config });
  const asScheduler = ["--nats", nats.url, "--nats-creds", "keys/_scheduler.nk", "--nats-signing-key", "key"];
  const good = await checksOf(folder, ...asScheduler);
  expect(Object.values(good).filter(({ status }) => status !== "ok")).toEqual([]);
  expect(good.nats?.message).toContain("nats-server 2.15");
  expect(good.jetstream?.message).toBe("0 streams of 1000 with 0B; limit: 10GiB");
  expect(good.nats_clock?.message).toMatch(/^differs from this one by \d+ ms$/);
  expect(good.signing_key?.message).toBe(`workers need --trust ${key.trim()}`);

  chmodSync(join(folder.path, "keys/_scheduler.nk"), 0o644);
  expect((await checksOf(folder, ...asScheduler)).nats_creds).toMatchObject({ status: "warning" });

  const asWorker = await checksOf(folder, "--nats", nats.url, "--nats-creds", "keys/a.nk");
  expect(asWorker.nats_access).toMatchObject({
    status: "failed",
    message: expect.stringContaining("petit.worker.*.*"),
  });
  expect(asWorker.signing_key).toMatchObject({
    status: "failed",
    hint: expect.stringContaining("petit worker keygen"),
  });

  const worker = ["--nats", nats.url, "--nats-creds", "keys/a.nk", "--trust", key.trim(), "--name"];
  const named = await checksOf(folder, ...worker, "a");
  expect(Object.values(named).filter(({ status }) => status !== "ok")).toEqual([]);
  expect(named.nats_access?.message).toBe("the worker a may do what it needs");
  expect((await checksOf(folder, ...worker, "b")).nats_access).toMatchObject({
    status: "failed",
    message: expect.stringContaining("petit.control.b"),
  });

  const asNobody = await checksOf(folder, "--nats", nats.url);
  expect(asNobody.nats).toMatchObject({
    status: "failed",
    message: expect.stringContaining("refuses the credentials"),
  });
  await nats.kill();
  const alone = await checksOf(folder, ...asScheduler);
  expect(alone.nats).toMatchObject({ status: "failed", message: "no NATS server can be reached: connection refused" });
  expect(await checksOf(folder)).toEqual({});
});
