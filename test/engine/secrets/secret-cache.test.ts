import { describe, expect, test } from "bun:test";
import { rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { SecretCache } from "../../../src/engine/secrets/read-secret.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { tempDir } from "../../support/temp-dir.ts";

const AT_LEAST_MS = 60_000;

describe("secrets that are needed often", () => {
  test.each([0, AT_LEAST_MS])("are read again when their file has changed, %d ms after that", (laterMs) => {
    using dir = tempDir();
    const path = dir.file("secret");
    const cache = new SecretCache({ ...systemClock, now: () => Date.now() + laterMs });
    const read = () => cache.read({ file: "secret" }, { environment: {}, folder: dir.path });
    writeFileSync(path, "first\n");
    expect([read(), read()]).toEqual([{ value: "first" }, { value: "first" }]);
    const { ctimeMs } = statSync(path);
    // Until the file system gives it another time.
    while (statSync(path).ctimeMs === ctimeMs) {
      writeFileSync(path, "other\n");
      utimesSync(path, 1, 1);
    }
    expect(read()).toEqual({ value: "other" });
    writeFileSync(path, "a longer one");
    expect(read()).toEqual({ value: "a longer one" });
    rmSync(path);
    expect(read()).toHaveProperty("problem");
    writeFileSync(path, "again");
    expect([read(), read()]).toEqual([{ value: "again" }, { value: "again" }]);
  });

  test("are read from their file each time while it has just changed", () => {
    using dir = tempDir();
    const path = dir.file("secret");
    const cache = new SecretCache(systemClock);
    const read = () => cache.read({ file: path }, { environment: {}, folder: "/" });
    for (let turn = 0; turn < 200; turn++) {
      writeFileSync(path, `secret ${100 + turn}`);
      expect(read()).toEqual({ value: `secret ${100 + turn}` });
    }
  });

  test("can be variables, which are not remembered", () => {
    const cache = new SecretCache(systemClock);
    const read = (value: string) => cache.read({ env: "HOOK" }, { environment: { HOOK: value }, folder: "/" });
    expect([read("a"), read("b")]).toEqual([{ value: "a" }, { value: "b" }]);
  });
});
