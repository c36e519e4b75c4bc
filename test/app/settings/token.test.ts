import { describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { Origin } from "../../../src/app/settings/settings.ts";
import { readToken, readTokens } from "../../../src/app/settings/token.ts";
import { tempFolder } from "../../support/cli.ts";
import { runProgram } from "../../support/runtime-command.ts";

const read = (
  tokenFile: string | null,
  environment: Readonly<Record<string, string>> = {},
  kind: Origin["kind"] = "flag",
): string | null => readToken({ settings: { tokenFile }, origins: { tokenFile: { kind, name: "" } }, environment });

describe("readToken", () => {
  test("returns null if no source is configured", () => {
    expect(read(null, {}, "default")).toBeNull();
  });

  test("reads a file and trims whitespace", () => {
    using folder = tempFolder();
    expect(read(folder.write("token", "  s3cret\n"))).toBe("s3cret");
  });

  test("reads PETIT_API_TOKEN", () => {
    expect(read(null, { PETIT_API_TOKEN: "s3cret" }, "default")).toBe("s3cret");
  });

  test("reads the systemd credential if it exists", () => {
    using folder = tempFolder();
    const environment = { CREDENTIALS_DIRECTORY: folder.path };
    expect(read(null, environment, "default")).toBeNull();
    folder.write("petit-token", "s3cret\n");
    expect(read(null, environment, "default")).toBe("s3cret");
  });

  test.skipIf(process.getuid?.() !== 0)("is an error where the folder of credentials can't be entered", () => {
    using folder = tempFolder();
    folder.write("petit-token", "s3cret\n");
    chmodSync(folder.path, 0o700);
    const reader = `import { readToken } from ${JSON.stringify(join(import.meta.dirname, "../../../src/app/settings/token.ts"))};
      process.setuid(65534);
      const settings = { tokenFile: null }, origins = { tokenFile: { kind: "default", name: "" } };
      console.log(readToken({ settings, origins, environment: { CREDENTIALS_DIRECTORY: ${JSON.stringify(folder.path)} } }));`;
    const { stdout, stderr } = runProgram(reader);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/the systemd credential \S+ can't be read: EACCES/);
  });

  test("prefers the variable to a token file from the configuration file", () => {
    using folder = tempFolder();
    const file = folder.write("token", "of-file");
    expect(read(file, { PETIT_API_TOKEN: "of-variable" }, "file")).toBe("of-variable");
    expect(read(file, { PETIT_API_TOKEN: "of-variable" }, "flag")).toBe("of-file");
    expect(read(file, {}, "file")).toBe("of-file");
  });

  test("requires one line of printable characters and never quotes the token", () => {
    using folder = tempFolder();
    expect(() => read(folder.write("empty", "\n"))).toThrow("is empty");
    expect(() => read(folder.write("blank", "s3cret word"))).toThrow("contains invalid characters");
    expect(() => read(folder.write("blank", "s3cret word"))).not.toThrow("s3cret");
    expect(() => read(`${folder.path}/missing`)).toThrow("can't be read");
  });

  test.each([
    ["flag", "--token-file", "--token-file"],
    ["environment", "PETIT_TOKEN_FILE", "PETIT_TOKEN_FILE"],
    ["file", "/etc/petit/config.yaml", "token_file in /etc/petit/config.yaml"],
  ] as const)("names the setting that was given as a %s, if the file is wrong", (kind, name, place) => {
    using folder = tempFolder();
    const origins = { tokenFile: { kind, name } };
    const of = (tokenFile: string) => () => readToken({ settings: { tokenFile }, origins, environment: {} });
    const empty = folder.write("empty", "\n");
    expect(of(empty)).toThrow(`the token file ${empty} (${place}) is empty; expected one line of printable ASCII`);
    expect(of(`${empty}-missing`)).toThrow(`the token file ${empty}-missing (${place}) can't be read: ENOENT`);
  });

  test("reads a token for each person, and takes the first for a client", () => {
    using folder = tempFolder();
    const file = folder.write("tokens", "# people\nada: t-ada\n\nci:   t-ci\nnobody\n");
    const options = {
      settings: { tokenFile: file },
      origins: { tokenFile: { kind: "flag", name: "" } },
      environment: {},
    } as const;
    expect(readTokens(options)).toEqual([
      { name: "ada", role: "admin", token: "t-ada" },
      { name: "ci", role: "admin", token: "t-ci" },
      { name: null, role: "admin", token: "nobody" },
    ]);
    expect(read(file)).toBe("t-ada");
    expect(read(folder.write("one", "ada: t-ada\n"))).toBe("t-ada");
  });

  test.each([
    ["# only a comment\n# and another\n", "is empty"],
    ["ada: one\nci: two words\n", "line 2 of the token file"],
    ["a/b: one\nci: two\n", "line 1 of the token file"],
    ["ada: one\nada: two\n", "has two tokens with the same name"],
    ["ada: one\nci: one\n", "has two tokens with the same text"],
  ])("refuses a file of tokens with %j", (text, problem) => {
    using folder = tempFolder();
    expect(() => read(folder.write("tokens", text))).toThrow(problem);
    expect(() => read(folder.write("tokens", text))).not.toThrow("one;");
  });

  test("takes a single line as it is, also if it begins with # or contains a colon", () => {
    using folder = tempFolder();
    for (const token of ["#abc", "a:b", "a:"]) expect(read(folder.write("token", `${token}\n`))).toBe(token);
  });

  test("names an empty systemd credential", () => {
    using folder = tempFolder();
    const file = folder.write("petit-token", "");
    const environment = { CREDENTIALS_DIRECTORY: folder.path };
    expect(() => read(null, environment, "default")).toThrow(`the systemd credential ${file} is empty`);
  });
});
