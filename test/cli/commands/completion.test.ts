import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { cleanEnvironment, PETIT, petit, type TempFolder, tempFolder } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

const JOBS = `id: hello_world
name: Hello
params: {day: {required: true, description: A day.}, dry: {default: "no"}}
tasks: [{id: greet, type: shell, script: "true"}]
---
id: bad
tasks: [{id: extract, type: shell, script: "true"}, {id: transform, type: shell, script: "exit 3", depends_on: [extract]}]
---
id: badge
tasks: [{id: t, type: shell, script: "true"}]
`;

let running: Petit;
let folder: TempFolder;
let runId: string;
beforeAll(async () => {
  running = await startPetit({ jobs: { "all.yaml": JOBS }, args: ["--no-watch"] });
  folder = tempFolder();
  // The scripts call petit by its name.
  chmodSync(folder.write("bin/petit", `#!/bin/sh\nexec ${PETIT.join(" ")} "$@"\n`), 0o755);
  for (const shell of ["bash", "zsh", "fish"]) folder.write(shell, (await petit(["completion", shell])).stdout);
  runId = JSON.parse((await ask("trigger", "bad", "--wait", "--json")).stdout).id;
});
afterAll(async () => {
  folder[Symbol.dispose]();
  await running[Symbol.asyncDispose]();
});

const ask = (...args: readonly string[]) => petit(args, { environment: { PETIT_URL: running.url } });

/** Returns the values that complete a line. */
const valuesFor = async (line: string): Promise<readonly string[]> => {
  const { status, stdout, stderr } = await ask("completion", "--line", line);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout.split("\n").flatMap((each) => each.split("\t")[0] || []);
};

describe("petit completion --line", () => {
  test("prints jobs, with a text behind a tab", async () => {
    expect((await ask("completion", "--line", "petit why h")).stdout).toBe("hello_world\tHello\n");
    expect(await valuesFor("petit runs ba")).toEqual(["bad", "badge"]);
    expect(await valuesFor("petit trigger ba")).toEqual(["bad", "badge"]);
    expect(await valuesFor("petit pause ba")).toEqual(["bad", "badge"]);
  });

  test("prints jobs of the folder that was written before", async () => {
    expect(await valuesFor(`petit trigger ${running.jobsDir} h`)).toEqual(["hello_world"]);
    expect(await valuesFor(`petit next ${running.jobsDir} b`)).toEqual(["bad", "badge"]);
  });

  test("prints runs: the newest, by job, and by the start or end of the id", async () => {
    const short = runId.slice(-8);
    const all = await valuesFor("petit status ");
    expect(all.slice(0, 4)).toEqual(["latest", "bad", "badge", "hello_world"]);
    expect(all).toContain(short);
    expect(await valuesFor(`petit cancel ${short.slice(0, 4)}`)).toContain(short);
    expect(await valuesFor(`petit retry ${short.slice(0, 7)}`)).toEqual([short]);
    expect(await valuesFor(`petit logs ${runId.slice(0, 30)}`)).toEqual([runId]);
    expect(await valuesFor(`petit runs --before ${short}`)).toEqual([short]);
    expect((await ask("completion", "--line", `petit status ${short}`)).stdout).toMatch(
      /\tbad, failed, (now|\d+s ago)\n$/,
    );
  });

  test("prints tasks of the run, params of the job, and fixed words", async () => {
    expect(await valuesFor("petit logs bad ")).toEqual(["extract", "transform"]);
    expect(await valuesFor(`petit logs ${runId.slice(-8)} --task t`)).toEqual(["transform"]);
    expect(await valuesFor("petit trigger hello_world --param ")).toEqual(["day=", "dry="]);
    expect(await valuesFor("petit runs --status c")).toEqual(["completed", "cancelled"]);
    expect(await valuesFor("petit logs bad --stream stde")).toEqual(["stderr"]);
  });

  test("uses the address on the line, and prints nothing if no petit answers there", async () => {
    expect(await valuesFor("petit --url http://127.0.0.1:9 why ")).toEqual([]);
    expect(await valuesFor("petit --url nonsense why ")).toEqual([]);
    const { stdout } = await petit(["completion", "--line", `petit --url ${running.url} why h`]);
    expect(stdout).toStartWith("hello_world\t");
  });

  test("prints nothing that a shell would expand", async () => {
    const ids = ["$(touch owned)", "`id`", "a b", "fine", "a;b", "-x"];
    const server = createServer((_, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ jobs: ids.map((id) => ({ id, name: "$(id)\u001b[31m" })), count: ids.length }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    const { stdout } = await petit(["completion", "--line", `petit --url http://127.0.0.1:${port} why `]);
    server.close();
    expect(stdout).toBe("fine\t$(id) [31m\n");
  });
});

test("petit completion without a shell is refused with 2", async () => {
  const { status, stdout, stderr } = await petit(["completion"]);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain("SHELL is missing: bash, zsh, fish");
});

const has = (shell: string): boolean => spawnSync(shell, ["-c", "exit 0"]).status === 0;

const inShell = (command: readonly string[]): readonly string[] => {
  const environment = cleanEnvironment(running.dir);
  const env = { ...environment, PATH: `${join(folder.path, "bin")}:${environment.PATH}`, PETIT_URL: running.url };
  const [program = "", ...args] = command;
  const { stdout, stderr } = spawnSync(program, args, { env, cwd: folder.path, encoding: "utf8", timeout: 30_000 });
  expect(stderr).toBe("");
  return stdout.split(/\s+/).filter((word) => word !== "");
};

/** Sets the variables that a shell sets for a completion function, and calls it. */
const functionCall = (line: string): string => {
  const words = line.split(" ");
  const variables = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}`;
  return `${variables}; COMP_LINE='${line}'; COMP_POINT=${line.length}; _petit; echo "\${COMPREPLY[@]}"`;
};

const CALLERS = {
  bash: (line: string) => ["bash", "-c", `. ./bash; ${functionCall(line)}`],
  zsh: (line: string) => [
    "zsh",
    "-f",
    "-c",
    `. ./zsh; f() { emulate -L sh; setopt kshglob noshglob braceexpand; ${functionCall(line)}; }; f`,
  ],
} as const;

describe.each(["bash", "zsh"] as const)("the completion of %s", (shell) => {
  const completed = (line: string): string => inShell(CALLERS[shell](line)).join(" ");

  test.skipIf(!has(shell)).each([
    ["petit va", "validate"],
    ["petit run jobs --api-p", "--api-port"],
    ["petit run --no-w", "--no-watch"],
    ["petit service --user un", "uninstall"],
    ["petit completion z", "zsh"],
    ["petit help up", "upgrade"],
    ["petit help serv", "service"],
    ["petit why h", "hello_world"],
    ["petit trigger ba", "bad badge"],
    ["petit logs bad tr", "transform"],
    ["petit trigger hello_world --param da", "day="],
    ["petit run ", ""],
  ])("of %j is %j", (line, expected) => {
    // zsh itself filters the words of a fixed set.
    if (shell === "bash" || expected === "") expect(completed(line)).toBe(expected);
    else expect(` ${completed(line)} `).toContain(` ${expected} `);
  });

  test.skipIf(!has(shell))("has runs by their short ids", () => {
    expect(completed(`petit status ${runId.slice(-8, -2)}`)).toBe(runId.slice(-8));
  });
});

/** A terminal in which zsh takes its completions from files; `-m` waits for a text. */
const INTERACTIVE_ZSH = `
  mkdir -p functions && cp zsh functions/_petit
  zmodload zsh/zpty
  zpty shell zsh -f -i
  zpty -w shell 'PS1=; PATH=$PWD/bin:$PATH; fpath=($PWD/functions $fpath); autoload -U compinit; compinit -u -D; echo rea''dy'
  zpty -r -m shell found '*ready*'
  zpty -w -n shell $'petit valid\t'
  zpty -r -m shell found '*validate *' && echo completed`;

test.skipIf(!has("zsh"))("zsh completes with the script as a file in a folder of fpath", () => {
  expect(inShell(["zsh", "-f", "-c", INTERACTIVE_ZSH])).toContain("completed");
});

describe("the completion of fish", () => {
  test("has commands, flags and their values", async () => {
    const { stdout } = await petit(["completion", "fish"]);
    expect(stdout).toContain("complete -c petit -n __fish_use_subcommand -f -a validate -d ");
    expect(stdout).toContain("__fish_seen_subcommand_from next' -l count -s n -r");
    expect(stdout).toContain("'__fish_seen_subcommand_from service' -f -a 'print install uninstall'");
  });

  test.skipIf(!has("fish")).each([
    ["petit valid", "validate"],
    ["petit why h", "hello_world"],
    ["petit logs bad tr", "transform"],
    ["petit trigger hello_world --param da", "day="],
    ["petit runs --status fa", "failed"],
  ])("of %j has %j", (line, expected) => {
    expect(inShell(["fish", "--no-config", "-c", `. ./fish; complete -C '${line}'`])[0]).toBe(expected);
  });
});
