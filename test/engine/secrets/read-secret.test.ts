import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SecretSource } from "../../../src/domain/secret.ts";
import { readSecret } from "../../../src/engine/secrets/read-secret.ts";
import { tempDir } from "../../support/temp-dir.ts";

const read = (
  source: SecretSource,
  environment: Record<string, string> = {},
  files: Record<string, string | Buffer> = {},
) => {
  using dir = tempDir();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir.path, name), content);
  mkdirSync(join(dir.path, "folder"));
  const places = { environment: { CREDENTIALS_DIRECTORY: dir.path, ...environment }, folder: dir.path };
  const reading = readSecret(source, places);
  return "value" in reading ? reading.value : reading.problem.replaceAll(dir.path, "DIR");
};

describe("a secret", () => {
  test.each<[string, string, string]>([
    ["without a newline at its end", "s3cret", "s3cret"],
    ["with a newline at its end", "s3cret\n", "s3cret"],
    ["with CRLF at its end", "s3cret\r\n", "s3cret"],
    ["with two newlines at its end", "s3cret\n\n", "s3cret\n"],
    ["with spaces around it", " s3cret ", " s3cret "],
    ["with several lines", "a\nb\n", "a\nb"],
    ["with a byte order mark", "\ufeffs3cret", "\ufeffs3cret"],
  ])("%s is read from a file and from a credential", (_, content, expected) => {
    expect(read({ file: "key" }, {}, { key: content })).toBe(expected);
    expect(read({ credential: "key" }, {}, { key: content })).toBe(expected);
  });

  test("is read from a variable as it is", () => {
    expect(read({ env: "KEY" }, { KEY: "s3cret\n" })).toBe("s3cret\n");
  });

  test.each<[string, SecretSource, string]>([
    ["a variable that is not set", { env: "KEY" }, "the variable KEY is not set"],
    ["the name of a built-in property", { env: "toString" }, "the variable toString is not set"],
    ["an empty variable", { env: "EMPTY" }, "the variable EMPTY is empty"],
    ["a missing file", { file: "none" }, "the file DIR/none can't be read (ENOENT)"],
    ["a missing credential", { credential: "none" }, "the credential DIR/none can't be read (ENOENT)"],
    ["a folder", { file: "folder" }, "DIR/folder is not a file"],
    ["an empty file", { file: "newline" }, "the file DIR/newline is empty"],
    ["a large file", { file: "large" }, "the file DIR/large has more than 65536 bytes"],
    ["a NUL", { file: "nul" }, "the file DIR/nul contains a NUL character"],
    ["a text that is not UTF-8", { file: "latin1" }, "the file DIR/latin1 is not UTF-8 text"],
  ])("that is %s can't be read", (_, source, problem) => {
    const files = { newline: "\n", large: "x".repeat(65_537), nul: "a\0b", latin1: Buffer.from([0x61, 0xe9, 0x62]) };
    expect(read(source, { EMPTY: "" }, files)).toBe(problem);
  });

  test("from a credential needs a service of systemd", () => {
    expect(read({ credential: "key" }, { CREDENTIALS_DIRECTORY: "" }, { key: "x" })).toBe(
      "the credential key can't be read: petit has no credentials of systemd ($CREDENTIALS_DIRECTORY is not set)",
    );
  });
});
