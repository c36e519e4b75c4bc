import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseSigningKey } from "../../../src/lib/wire/signing.ts";
import { petit, tempFolder } from "../../support/cli.ts";

describe("petit worker keygen", () => {
  test("writes the private key to a file that only its owner can read, and prints the public one alone", async () => {
    using folder = tempFolder();
    const { status, stdout, stderr } = await petit(["worker", "keygen", "petit.key"], { cwd: folder.path });
    expect(status).toBe(0);
    const file = join(folder.path, "petit.key");
    const text = readFileSync(file, "utf8");
    expect(stdout).toBe(`${parseSigningKey(text)?.publicKey}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(stdout + stderr).not.toContain(text.split("\n")[1] ?? "");
    expect(stderr).toContain("petit run --nats nats://HOST:4222 --nats-signing-key petit.key");
    const again = await petit(["worker", "keygen", "petit.key"], { cwd: folder.path });
    expect({ status: again.status, stdout: again.stdout }).toEqual({ status: 1, stdout: "" });
    expect(again.stderr).toContain("petit.key already exists and was not changed");
    expect(readFileSync(file, "utf8")).toBe(text);
  });
});

describe("petit worker nats-config", () => {
  test("prints a user for each worker, and creates the nkeys that are missing", async () => {
    using folder = tempFolder();
    const print = (...names: readonly string[]) =>
      petit(["worker", "nats-config", ...names, "--keys", "keys"], { cwd: folder.path });
    const first = await print("box1", "box2");
    expect(first.status).toBe(0);
    expect(readdirSync(join(folder.path, "keys")).sort()).toEqual(["_scheduler.nk", "box1.nk", "box2.nk"]);
    expect(statSync(join(folder.path, "keys/box1.nk")).mode & 0o777).toBe(0o600);
    expect(first.stdout.match(/nkey: "U[A-Z2-7]{55}"/g)).toHaveLength(3);
    expect(first.stdout).toContain("--nats-creds keys/box1.nk");
    expect((await print("box1", "box2")).stdout).toBe(first.stdout);
  });

  test("without a folder gives each user a random password", async () => {
    const [first, second] = await Promise.all([
      petit(["worker", "nats-config", "box1"]),
      petit(["worker", "nats-config", "box1"]),
    ]);
    expect(first.stdout).toMatch(/user: "box1", password: "[\w-]{32}"/);
    expect(second.stdout).not.toBe(first.stdout);
  });

  test.each([
    [["nats-config", "box.1"], "'box.1' can't be the name of a worker; expected"],
    [["nats-config", "a", "a"], "the worker 'a' is named twice"],
    [["nats_config", "a"], "unknown action 'nats_config'; did you mean 'nats-config'?"],
    [["keygen"], "FILE is missing: petit worker keygen FILE"],
    [["keygen", "a", "b"], "unexpected argument 'b': petit worker keygen FILE"],
  ])("%p is a mistake", async (args, message) => {
    const { status, stdout, stderr } = await petit(["worker", ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr.replace(/\s+/g, " ")).toContain(message);
  });
});
