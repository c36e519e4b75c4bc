import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parse } from "yaml";
import { misspeltVariables } from "../../../src/app/settings/misspelt-variables.ts";
import { readArgv } from "../../../src/cli/argv.ts";
import { worker } from "../../../src/cli/commands/server/worker.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { argsOf } from "../../../src/cli/flags.ts";
import { checkPositionals } from "../../../src/cli/positionals.ts";
import { cleanEnvironment, PETIT, type TempFolder, tempFolder } from "../../support/cli.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";

setDefaultTimeout(120_000);

const ROOT = join(import.meta.dir, "../../..");
const RELEASES = "https://example.org/o/petit/releases";
const TARGETS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];

const sumOf = (text: string): string => createHash("sha256").update(text).digest("hex");

let folder: TempFolder;
beforeAll(() => {
  folder = tempFolder();
  for (const target of TARGETS) folder.write(`release/petit-${target}.tar.gz`, target);
  run([join(ROOT, "scripts/packaging/recipes"), "release", "1.2.3"], { PETIT_RELEASES_URL: `${RELEASES}/` });
  run(["tar", "-xzf", "release/petit-nix.tar.gz"]);
});
afterAll(() => folder[Symbol.dispose]());

const run = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): string => {
  const { stdout, stderr, exitCode } = Bun.spawnSync([...argv], { cwd: folder.path, env: { ...process.env, ...env } });
  if (exitCode !== 0) throw new Error(`${argv.join(" ")} exited with ${exitCode}:\n${stdout}${stderr}`);
  return stdout.toString();
};

/** What the formula calls, as far as it decides what is downloaded for a platform. */
const HOMEBREW = `
class Formula
  class << self
    def desc(*) = nil
    def homepage(text) = puts("homepage #{text}")
    def version(text) = puts("version #{text}")
    def license(*) = nil
    def on_macos = (yield if ENV["PLATFORM"].start_with?("darwin"))
    def on_linux = (yield if ENV["PLATFORM"].start_with?("linux"))
    def on_arm = (yield if ENV["PLATFORM"].end_with?("arm64"))
    def on_intel = (yield if ENV["PLATFORM"].end_with?("x64"))
    def url(text) = puts("url #{text}")
    def sha256(text) = puts("sha256 #{text}")
    def service = nil
    def test = nil
  end
end
load "release/petit.rb"
`;

describe.skipIf(Bun.which("ruby") === null)("the formula for Homebrew", () => {
  test.each(TARGETS)("downloads the archive of %s, with its checksum", (target) => {
    expect(run(["ruby", "-w", "-e", HOMEBREW], { PLATFORM: target }).trim().split("\n")).toEqual([
      "homepage https://example.org/o/petit",
      "version 1.2.3",
      `url ${RELEASES}/download/v1.2.3/petit-${target}.tar.gz`,
      `sha256 ${sumOf(target)}`,
    ]);
  });
});

/** Evaluates the flake with a stand-in for nixpkgs. */
const NIX = `
  let
    pkgs = system: {
      lib = { optionals = condition: list: if condition then list else []; licenses.mit = "MIT"; sourceTypes.binaryNativeCode = "binary"; };
      stdenv = { mkDerivation = x: x; hostPlatform = { inherit system; isLinux = builtins.match ".*linux" system != null; }; };
      fetchurl = x: x; installShellFiles = "install"; autoPatchelfHook = "patch";
    };
    nixpkgs.legacyPackages = builtins.listToAttrs (map (name: { inherit name; value = pkgs name; })
      [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ]);
    outputs = (import ./petit-nix/flake.nix).outputs { self = null; inherit nixpkgs; };
  in builtins.mapAttrs (_: each: { inherit (each.default) version src nativeBuildInputs; }) outputs.packages`;

test.skipIf(Bun.which("nix-instantiate") === null)("the flake for Nix has a package for each system", () => {
  const evaluated = JSON.parse(
    run(["nix-instantiate", "--eval", "--strict", "--json", "--expr", NIX], { HOME: folder.path }),
  );
  const packageOf = (target: string, ...hooks: readonly string[]) => ({
    version: "1.2.3",
    src: { url: `${RELEASES}/download/v1.2.3/petit-${target}.tar.gz`, sha256: sumOf(target) },
    nativeBuildInputs: ["install", ...hooks],
  });
  expect(evaluated).toEqual({
    "x86_64-linux": packageOf("linux-x64", "patch"),
    "aarch64-linux": packageOf("linux-arm64", "patch"),
    "x86_64-darwin": packageOf("darwin-x64"),
    "aarch64-darwin": packageOf("darwin-arm64"),
  });
});

const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** Returns the commands of petit in shell code, as in `$(petit token --print)`, between backticks, and in lists of words, as in `["petit", "run"]`. */
const commandsIn = (text: string): readonly string[] => [
  ...[...text.matchAll(/(?:^#? +|\$\(|exec |\/usr\/bin\/|\{bin\}\/|'\n {2})petit ([a-z-][^\n;|>)']*)/gm)].map(
    ([, line = ""]) => line.replaceAll('"', ""),
  ),
  ...[...text.matchAll(/`petit ([^`]+)`|^CMD \["([^"]+)"\]$/gm)].map(([, quoted, main]) => quoted ?? main ?? ""),
  ...[...text.matchAll(/"petit"((?:, [^\],\n]+)+)/g)].map(([, list = ""]) =>
    list
      .split(", ")
      .slice(1)
      .map((word) => word.replace(/^.*?"(.*)"$/, "$1"))
      .join(" "),
  ),
];

describe("what a release contains for others names", () => {
  test.each([
    ["scripts/Containerfile", 3],
    ["scripts/packaging/homebrew/petit.rb", 4],
    ["scripts/packaging/kubernetes/worker.yaml", 2],
    ["scripts/packaging/linux/deb/postinst", 2],
    ["scripts/packaging/linux/rpm/postun", 2],
    ["action.yml", 2],
  ])("only commands, flags and variables of petit: %s", (path, count) => {
    const text = textOf(path);
    const commands = commandsIn(text);
    expect(commands).toHaveLength(count);
    for (const command of commands) {
      const words = command.split(/ +/).filter((word) => word !== "");
      const { command: known, positionals } = readArgv(words, COMMANDS);
      if (known !== null && !words.includes("$@")) checkPositionals(known, positionals);
      expect(known?.name ?? "--version").toBe(words[0] ?? "");
    }
    const variables = Object.fromEntries([...text.matchAll(/\bPETIT_[A-Z_]+/g)].map(([name]) => [name, "x"]));
    expect(misspeltVariables(variables, [])).toEqual([]);
  });

  test("only files of an archive", () => {
    run([join(ROOT, "scripts/packaging/shared"), join(folder.path, "archive"), "1.2.3", "2026-01-01T00:00:00Z"]);
    const formula = textOf("scripts/packaging/homebrew/petit.rb").match(/def install(.*?)\n {2}end/s)?.[1] ?? "";
    const flake = textOf("scripts/packaging/nix/flake.nix").match(/installManPage(.*)runHook postInstall/s)?.[1] ?? "";
    const words = `${formula} ${flake}`.match(/\b(?:man|completions)\/[\w./]+|\b[A-Z][A-Z-]+(?:\.md)?\b|"docs"/g) ?? [];
    const names = [...new Set(words.map((word) => word.replaceAll('"', "").replace(/\/$/, "")))].toSorted();
    expect(names).toEqual(
      [
        ...["CHANGELOG.md", "LICENSE", "README.md", "THIRD-PARTY-LICENSES", "completions/_petit"],
        ...["completions/petit.bash", "completions/petit.fish", "docs", "man/man1", "man/man5"],
      ].toSorted(),
    );
    expect(names.filter((name) => !existsSync(join(folder.path, "archive", name)))).toEqual([]);
  });
});

test("the worker for Kubernetes has only flags that petit worker has, and no rights that it does not need", () => {
  const manifest = parse(readFileSync(join(ROOT, "scripts/packaging/kubernetes/worker.yaml"), "utf8"));
  const { containers, securityContext } = manifest.spec.template.spec;
  const [command, ...flags]: string[] = containers[0].args;
  expect(command).toBe("worker");
  const known = Object.keys(argsOf(worker));
  expect(flags.filter((flag) => !known.includes(/^--([a-z-]+)=/.exec(flag)?.[1] ?? ""))).toEqual([]);
  const image = readFileSync(join(ROOT, "scripts/Containerfile"), "utf8");
  expect(image).toContain(`\nUSER ${securityContext.runAsUser}:${securityContext.runAsGroup}\n`);
  expect(containers[0].securityContext).toMatchObject({
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
  });
});

describe("the action for GitHub", () => {
  const { inputs, runs } = parse(readFileSync(join(ROOT, "action.yml"), "utf8"));
  const target = `petit-linux-${process.arch}.tar.gz`;
  const server = createServer(({ url = "" }, response) => {
    const file = Bun.file(join(folder.path, "served", url.split("/").at(-1) ?? ""));
    file.bytes().then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  let petit: Petit;
  beforeAll(async () => {
    // An archive with a petit that calls the one under test.
    chmodSync(folder.write("petit-1/petit", `#!/bin/sh\nexec ${PETIT.join(" ")} "$@"\n`), 0o755);
    mkdirSync(join(folder.path, "served"));
    run(["tar", "-czf", `served/${target}`, "petit-1"]);
    run(["sh", "-c", `cd served && sha256sum ${target} > SHA256SUMS`]);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const jobs =
      'id: deploy\nparams: {commit: {default: none}}\ntasks: [{id: t, type: shell, script: \'echo "deployed $PETIT_PARAM_COMMIT"; test none != "$PETIT_PARAM_COMMIT"\'}]\n';
    petit = await startPetit({ jobs: { "a.yaml": jobs }, args: ["--no-watch"] });
  });
  afterAll(async () => {
    server.close();
    await petit[Symbol.asyncDispose]();
  });

  /** Runs the steps of the action as GitHub does. Returns the output, and the status of the first step that failed. */
  const use = async (given: Readonly<Record<string, string>>) => {
    const address = server.address();
    const releases = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
    expect(Object.keys(given).filter((name) => !Object.hasOwn(inputs, name))).toEqual([]);
    const inputOf = (name: string): string => ({ releases, ...given })[name] ?? inputs[name].default;
    const github = {
      GITHUB_ACTION_PATH: ROOT,
      RUNNER_TEMP: folder.path,
      GITHUB_WORKSPACE: folder.path,
      GITHUB_PATH: join(folder.path, "paths"),
    };
    let output = "";
    for (const step of runs.steps) {
      const condition = /^inputs\.(\w+) != ''$/.exec(step.if ?? "");
      if (condition !== null && inputOf(condition[1] ?? "") === "") continue;
      const env = Object.entries<string>(step.env).map(([name, text]) => {
        const input = /^\$\{\{ inputs\.(\w+)(?: \|\| .*)? \}\}$/.exec(text)?.[1];
        if (input === undefined) throw new Error(`${name} is ${text}`);
        return [name, inputOf(input)];
      });
      const child = Bun.spawn(["sh", "-e", "-c", step.run], {
        cwd: folder.path,
        env: {
          ...cleanEnvironment(folder.path),
          ...github,
          PATH: `${folder.path}/petit/bin:${process.env.PATH}`,
          ...Object.fromEntries(env),
        },
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr, status] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
        child.exited,
      ]);
      output += stdout + stderr;
      if (status !== 0) return { status, output };
    }
    return { status: 0, output };
  };

  test("installs petit and annotates the problems of job files", async () => {
    folder.write("jobs/good.yaml", "id: good\ntasks: [{id: t, type: shell, script: 'true'}]\n");
    folder.write("other jobs/bad.yaml", "id: a\nshedule: '@daily'\ntasks: []\n");
    expect(await use({ validate: "jobs" })).toMatchObject({ status: 0 });
    const { status, output } = await use({ validate: "jobs\nother jobs\n" });
    expect(status).toBe(1);
    expect(output).toContain("\n::error file=other jobs/bad.yaml,line=2,col=1,title=petit validate::shedule: ");
    expect(readFileSync(join(folder.path, "paths"), "utf8")).toContain(`${folder.path}/petit/bin\n`);
  });

  test("runs a job and waits for its end, whatever a param has", async () => {
    const commit = "a b; $(touch hacked) `touch hacked` 'c'";
    const passed = await use({ trigger: "deploy", params: `commit=${commit}\n`, url: petit.url });
    expect(passed.output).toContain(`deployed ${commit}\n`);
    expect(passed.status).toBe(0);
    expect(await Bun.file(join(folder.path, "hacked")).exists()).toBe(false);
    expect((await use({ trigger: "deploy", url: petit.url })).status).toBe(1);
  });
});
