import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { globSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { globalArgs, ownArgs } from "../../../src/cli/flags.ts";
import { argumentRows, flagRows, usageLines } from "../../../src/cli/help/help.ts";
import { fieldTable } from "../../../src/jobfile/schema/reference.ts";
import { type TempFolder, tempFolder } from "../../support/cli.ts";

const WRITE = join(import.meta.dir, "../../../scripts/packaging/man/write.ts");

let folder: TempFolder;
beforeAll(() => {
  folder = tempFolder();
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, WRITE, folder.path, "1.2.3", "2026-01-02T03:04:05Z"]);
  if (exitCode !== 0) throw new Error(stderr.toString());
});
afterAll(() => folder[Symbol.dispose]());

const run = (argv: readonly string[]): string => {
  const { stdout, stderr } = Bun.spawnSync([...argv], { cwd: folder.path, env: { ...process.env, LC_ALL: "C.UTF-8" } });
  return `${stdout}${stderr}`;
};

/** Returns what a reader sees of a page, with single spaces. */
const textOf = (page: string): string =>
  oneLine(run(["mandoc", "-T", "utf8", `man${page.slice(-1)}/${page}`]).replaceAll(/.\x08/gu, ""));

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

/** In the pages, `…` is bold instead. */
const unquoted = (text: string): string => oneLine(text.replaceAll(/`([^`]+)`/g, "$1"));

describe("the pages of the manual", () => {
  test("have no fault that mandoc or groff finds", () => {
    const pages = globSync("man*/*", { cwd: folder.path });
    expect(pages).toHaveLength(COMMANDS.length + 2);
    // The name and the summary have to be in one line.
    expect(
      run(["mandoc", "-T", "lint", "-W", "all", ...pages]).replaceAll(/.*:5:\d+: STYLE: .* longer than .*\n/g, ""),
    ).toBe("");
  });

  test("name version and date", () => {
    expect(textOf("petit.1")).toEndWith("petit 1.2.3 2026-01-02 PETIT(1)");
  });

  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    "say of %s what its help says",
    (name, command) => {
      const text = textOf(`petit-${name}.1`);
      const rows = [
        ...argumentRows(command.args),
        ...flagRows(ownArgs(command)),
        ...flagRows(globalArgs),
        ...(command.reference?.().rows ?? []),
      ];
      const said = [
        ...usageLines(command),
        command.description,
        ...rows.map((row) => row.join(" ")),
        ...command.examples,
      ];
      expect(said.map(unquoted).filter((each) => !text.includes(each))).toEqual([]);
    },
  );

  test("list all commands, and all fields of job files", () => {
    const root = textOf("petit.1");
    expect(COMMANDS.filter(({ name, summary }) => !root.includes(unquoted(`petit-${name}(1) ${summary}.`)))).toEqual(
      [],
    );
    const fields = textOf("petit.yaml.5");
    expect(fieldTable().filter(({ path, doc }) => !fields.includes(unquoted(`${path} ${doc}`)))).toEqual([]);
  });
});
