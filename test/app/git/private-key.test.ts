import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { hasPassphrase } from "../../../src/app/git/private-key.ts";
import { tempDir } from "../../support/temp-dir.ts";

test.each([
  ["ed25519", "RFC4716"],
  ["rsa", "RFC4716"],
  ["ecdsa", "PEM"],
  ["ecdsa", "PKCS8"],
])("a %s key in the format %s says whether it has a passphrase", (type, format) => {
  using dir = tempDir();
  const has = (passphrase: string): boolean => {
    const path = dir.file(`key${passphrase}`);
    const { status } = spawnSync("ssh-keygen", ["-q", "-t", type, "-m", format, "-N", passphrase, "-f", path]);
    expect(status).toBe(0);
    return hasPassphrase(readFileSync(path, "utf8"));
  };
  expect([has(""), has("a passphrase")]).toEqual([false, true]);
});

test.each([
  "",
  "no key",
  "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n",
])("%j is no key with a passphrase", (text) => {
  expect(hasPassphrase(text)).toBe(false);
});
