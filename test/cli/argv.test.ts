import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readArgv } from "../../src/cli/argv.ts";
import { COMMANDS } from "../../src/cli/commands.ts";

const read = (line: string) => {
  const { command, flags, positionals } = readArgv(line.split(" ").filter(Boolean), COMMANDS);
  return { command: command?.name ?? null, flags: Object.fromEntries(flags), positionals };
};

const errorOf = (line: string): string => {
  try {
    read(line);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error(`'${line}' was accepted`);
};

describe("readArgv", () => {
  const cases: readonly (readonly [string, ReturnType<typeof read>])[] = [
    ["", { command: null, flags: {}, positionals: [] }],
    ["run jobs", { command: "run", flags: {}, positionals: ["jobs"] }],
    ["--db x run jobs", { command: "run", flags: { db: ["x"] }, positionals: ["jobs"] }],
    ["run jobs --db x", { command: "run", flags: { db: ["x"] }, positionals: ["jobs"] }],
    ["run --db=x jobs", { command: "run", flags: { db: ["x"] }, positionals: ["jobs"] }],
    ["--db run run", { command: "run", flags: { db: ["run"] }, positionals: [] }],
    ["--json --db x list jobs", { command: "list", flags: { json: ["true"], db: ["x"] }, positionals: ["jobs"] }],
    ["--db a run --db b", { command: "run", flags: { db: ["a", "b"] }, positionals: [] }],
    ["run -j 4 -t8", { command: "run", flags: { "max-jobs": ["4"], "max-tasks": ["8"] }, positionals: [] }],
    ["run -j=4", { command: "run", flags: { "max-jobs": ["4"] }, positionals: [] }],
    ["run --max-jobs=4", { command: "run", flags: { "max-jobs": ["4"] }, positionals: [] }],
    ["run --no-api --no-watch", { command: "run", flags: { api: ["false"], watch: ["false"] }, positionals: [] }],
    ["run --no-color", { command: "run", flags: { color: ["false"] }, positionals: [] }],
    ["run --api=false --watch", { command: "run", flags: { api: ["false"], watch: ["true"] }, positionals: [] }],
    ["run -- --db", { command: "run", flags: {}, positionals: ["--db"] }],
    ["-- run", { command: "run", flags: {}, positionals: [] }],
    ["next jobs -n10", { command: "next", flags: { count: ["10"] }, positionals: ["jobs"] }],
    ["next jobs -n 10", { command: "next", flags: { count: ["10"] }, positionals: ["jobs"] }],
    ["next jobs -n -1", { command: "next", flags: { count: ["-1"] }, positionals: ["jobs"] }],
    [
      "trigger job -p a=1 --param b=--x",
      { command: "trigger", flags: { param: ["a=1", "b=--x"] }, positionals: ["job"] },
    ],
    ["logs id -fn5", { command: "logs", flags: { follow: ["true"], tail: ["5"] }, positionals: ["id"] }],
    ["run -", { command: "run", flags: {}, positionals: ["-"] }],
    ["run --no-color=false", { command: "run", flags: { color: ["true"] }, positionals: [] }],
    ["-t 3 run jobs", { command: "run", flags: { "max-tasks": ["3"] }, positionals: ["jobs"] }],
    ["-t logs id", { command: "logs", flags: { timestamps: ["true"] }, positionals: ["id"] }],
    ["-ft logs id", { command: "logs", flags: { follow: ["true"], timestamps: ["true"] }, positionals: ["id"] }],
    ["-j3 -t2 run", { command: "run", flags: { "max-jobs": ["3"], "max-tasks": ["2"] }, positionals: [] }],
    ["--api-port 9000", { command: null, flags: { "api-port": ["9000"] }, positionals: [] }],
    ["-V", { command: null, flags: { version: ["true"] }, positionals: [] }],
    ["validate -h", { command: "validate", flags: { help: ["true"] }, positionals: [] }],
  ];
  test.each(cases)("reads 'petit %s'", (line, expected) => {
    expect(read(line)).toEqual(expected);
  });

  const refused: readonly (readonly [string, string])[] = [
    ["rnu", "unknown command 'rnu'; did you mean 'petit run'? See 'petit --help'."],
    ["vaildate x", "did you mean 'petit validate'?"],
    ["toString", "unknown command 'toString'. See 'petit --help'."],
    ["constructor", "unknown command"],
    ["__proto__", "unknown command"],
    ["run --api-prot 1", "unknown flag '--api-prot'; did you mean '--api-port'? See 'petit run --help'."],
    ["--dbb x", "unknown flag '--dbb'; did you mean '--db'?"],
    ["run --no-wathc", "did you mean '--no-watch'?"],
    ["run --no-db", "unknown flag '--no-db'"],
    ["run --no-json", "unknown flag '--no-json'"],
    ["run --constructor", "unknown flag '--constructor'"],
    ["run -x", "unknown flag '-x'"],
    ["-c jobs", "unknown flag '-c'. See 'petit --help'."],
    ["-c X run jobs", "unknown flag '-c'. See 'petit --help'."],
    ["run -jx4 -y", "unknown flag '-y'"],
    ["validate jobs --api-port 1", "unknown flag '--api-port'"],
    ["run --db", "--db needs a value"],
    ["run --db --json", "--db needs a value"],
    ["run -j", "-j needs a value"],
    ["run --no-api=3", "--no-api takes no value, but was given '3'"],
    ["version", "unknown command 'version'; did you mean 'petit --version'?"],
    ["run --json=yes", "--json takes no value, but was given 'yes'"],
  ];
  test.each(refused)("refuses 'petit %s'", (line, message) => {
    expect(errorOf(line)).toContain(message);
  });

  test("accepts global flags before and after any command, in both spellings", () => {
    const flag = fc.constantFrom("--db", "--url", "--token-file", "--log-level", "--log-format", "--config");
    const command = fc.constantFrom(...COMMANDS.map(({ name }) => name));
    const value = fc.stringMatching(/^[a-z0-9./:]{1,12}$/);
    fc.assert(
      fc.property(flag, command, value, (name, word, text) => {
        const readings = [
          [name, text, word],
          [word, name, text],
          [`${name}=${text}`, word],
          [word, `${name}=${text}`],
        ].map((argv) => read(argv.join(" ")));
        for (const reading of readings) expect(reading).toEqual(readings[0] ?? reading);
      }),
    );
  });

  test("throws only usage errors", () => {
    const token = fc.oneof(
      fc.constantFrom(
        "--",
        "-",
        "--db",
        "-n",
        "run",
        "next",
        "--no-api",
        "=",
        "--=",
        "---",
        "-=",
        "--no-",
        "--param=x",
      ),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 6 }), (argv) => {
        try {
          readArgv(argv, COMMANDS);
        } catch (error) {
          expect(error).toHaveProperty("code", "invalid_request");
        }
      }),
    );
  });
});
