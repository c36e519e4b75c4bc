import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { readSigningKey, readTrust } from "../../../src/app/settings/signing-keys.ts";
import { formatSigningKey, generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("the signing key", () => {
  test("is read from a file that others cannot read", () => {
    using dir = tempDir();
    const file = dir.file("key");
    const key = generateSigningKey();
    writeFileSync(file, formatSigningKey(key), { mode: 0o600 });
    expect(readSigningKey(file).publicKey).toBe(key.publicKey);
    chmodSync(file, 0o640);
    expect(() => readSigningKey(file)).toThrow(
      `others can read the signing key ${file}; run 'chmod 600 ${file}' first`,
    );
  });

  test("is refused if the file has none", () => {
    using dir = tempDir();
    writeFileSync(dir.file("key"), "secret", { mode: 0o600 });
    mkdirSync(dir.file("folder"));
    expect(() => readSigningKey(dir.file("key"))).toThrow(
      "is not a signing key; expected a file made by 'petit worker keygen'",
    );
    expect(() => readSigningKey(dir.file("missing"))).toThrow("can't be read: ENOENT");
    expect(() => readSigningKey(dir.file("folder"))).toThrow("is not a regular file");
  });
});

describe("what a worker trusts", () => {
  const [first, second] = [generateSigningKey(), generateSigningKey()];

  test("is a public key, or a file with one on each line", () => {
    using dir = tempDir();
    expect(readTrust(first.publicKey)).toEqual([first.publicKey]);
    writeFileSync(dir.file("trusted"), `# old\n${first.publicKey}\n\n# new\n${second.publicKey}\n`);
    expect(readTrust(dir.file("trusted"))).toEqual([first.publicKey, second.publicKey]);
  });

  test("can't be a private key, other text, or an empty file", () => {
    using dir = tempDir();
    const write = (text: string): string => {
      writeFileSync(dir.file("key"), text, { mode: 0o600 });
      return dir.file("key");
    };
    expect(() => readTrust(write(formatSigningKey(first)))).toThrow("is a private key, which no worker should have");
    expect(() => readTrust(write(`${first.publicKey}\nmore`))).toThrow("is not a list of public keys");
    expect(() => readTrust(write(""))).toThrow("is not a list of public keys");
    expect(() => readTrust("ed25519:short")).toThrow("'ed25519:short' is neither a public key nor a file");
  });
});
