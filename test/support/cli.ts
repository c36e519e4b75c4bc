import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runtimeCommand, runtimeEnvironment } from "./runtime-command.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** The command that runs petit from source. */
export const PETIT_SOURCE: readonly string[] = [...runtimeCommand, join(ROOT, "src", "main.ts")];

/** The command that runs petit: `dist/petit` with `PETIT_TEST_TARGET=executable`, otherwise the source. */
export const PETIT: readonly string[] =
  process.env.PETIT_TEST_TARGET === "executable" ? [join(ROOT, "dist", "petit")] : PETIT_SOURCE;

/** The result of a command. */
export type CommandResult = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

export type CliOptions = {
  /** The working directory. The default is an empty folder. */
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** What standard input contains. The default is nothing. */
  readonly stdin?: string;
  /** The command that runs petit. The default is PETIT. */
  readonly command?: readonly string[];
};

/** Returns an environment without any configuration of this machine. */
export const cleanEnvironment = (home: string): Record<string, string> => ({
  ...runtimeEnvironment,
  PATH: `${join(import.meta.dirname, "accounts")}:${process.env.PATH ?? "/usr/bin:/bin"}`,
  HOME: home,
  XDG_CONFIG_HOME: join(home, ".config"),
  TZ: "UTC",
});

/** Runs `petit ARGS…` and waits for its end. */
export const petit = async (args: readonly string[], options: CliOptions = {}): Promise<CommandResult> => {
  using folder = tempFolder();
  const [program = "", ...before] = options.command ?? PETIT;
  const child = spawn(program, [...before, ...args], {
    cwd: options.cwd ?? folder.path,
    env: { ...cleanEnvironment(folder.path), ...options.environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(options.stdin);
  const [stdout, stderr, status] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    }),
  ]);
  return { status, stdout, stderr };
};

/** Reads a stream to its end. */
export const textOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

export type TempFolder = Disposable & {
  readonly path: string;
  /** Writes a file and creates its folders. Returns its path. */
  readonly write: (name: string, text: string) => string;
};

/** Creates a folder that disposing removes. */
export const tempFolder = (): TempFolder => {
  const path = mkdtempSync(join(tmpdir(), "petit-test-"));
  return {
    path,
    write: (name, text) => {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
};
