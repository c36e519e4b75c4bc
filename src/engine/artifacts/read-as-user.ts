import { isUtf8 } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Runtime } from "../../runtime/runtime.ts";
import { asUser, type TaskUser } from "../attempt/user/task-user.ts";
import { ArtifactError } from "./artifact-error.ts";
import type { FileRecord, FileSearch } from "./send-files.ts";
import { sendFilesArguments } from "./send-files-command.ts";
import type { SourceFile } from "./source-file.ts";

export type ReadAsUserOptions = {
  readonly user: TaskUser;
  readonly runtime: Pick<Runtime, "self">;
  readonly signal: AbortSignal;
};

/** The longest time without a byte from the process, in ms: its user can suspend it. */
const IDLE_MS = 60_000;

/** Longest line of a record. */
const MAX_LINE_BYTES = 65_536;

/** Longest path; Linux has the same limit. */
const MAX_PATH_BYTES = 4_096;

/**
 * Finds and reads files by a process of the user whose task made them, so that the system refuses what that user may not read. The
 * process belongs to the user, who can make it say anything; so nothing that it says is trusted. Throws ArtifactError.
 */
export async function* readAsUser(
  searches: readonly FileSearch[],
  { user, runtime, signal }: ReadAsUserOptions,
): AsyncGenerator<SourceFile> {
  const command = { argv: runtime.self(sendFilesArguments), cwd: "/", environment: { PATH: "/usr/bin:/bin" } };
  const { argv, environment, cwd } = asUser(user, { ...command, hasStdin: true });
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { cwd, env: { ...environment }, stdio: ["pipe", "pipe", "pipe"] });
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  try {
    const failure = watch(child);
    child.stdin?.on("error", () => {}).end(JSON.stringify(searches));
    const input = new Input(child);
    for (let next = await input.record(); next?.kind !== "end"; next = await input.record()) {
      signal.throwIfAborted();
      if (next === null) throw new ArtifactError(`the files can't be read as ${user.name}: ${await failure}`);
      if (next.kind === "failed") throw new ArtifactError(next.message);
      const { path, sizeBytes } = next;
      const file = new Chunks(input);
      yield { path, sizeBytes, read: (buffer) => file.read(buffer) };
      await file.skip();
    }
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

/** Resolves with what a process says when it has ended, such as why it could not be started. */
const watch = async (child: ChildProcess): Promise<string> => {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(0, MAX_PATH_BYTES);
  });
  const status = await new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(`exit status ${code ?? signal}`));
  });
  return text.trim().split("\n")[0] || status;
};

/** The output of the process. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor({ stdout }: ChildProcess) {
    if (stdout === null) throw new Error("the process has no stdout");
    this.#chunks = stdout[Symbol.asyncIterator]();
  }

  /** Reads a record; null at the end of the output. */
  async record(): Promise<FileRecord | null> {
    for (let searched = 0; ; ) {
      const end = this.#buffer.indexOf(10, searched);
      if (end !== -1) return parseRecord(this.#take(end + 1));
      searched = this.#buffer.length;
      if (searched > MAX_LINE_BYTES) throw wrongAnswer();
      if (!(await this.#more())) return null;
    }
  }

  /** Reads exactly this many bytes. */
  async bytes(length: number): Promise<Buffer> {
    while (this.#buffer.length < length) if (!(await this.#more())) throw wrongAnswer();
    return this.#take(length);
  }

  /** Reads at least one and at most this many bytes. */
  async some(length: number): Promise<Buffer> {
    if (this.#buffer.length === 0 && !(await this.#more())) throw wrongAnswer();
    return this.#take(Math.min(length, this.#buffer.length));
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async #more(): Promise<boolean> {
    const over = new AbortController();
    const late = sleep(IDLE_MS, null, { signal: over.signal }).catch(() => null);
    try {
      const next = await Promise.race([this.#chunks.next(), late]);
      if (next === null)
        throw new ArtifactError(`the process that reads the files did nothing for ${IDLE_MS / 1_000} s`);
      if (next.done === true) return false;
      this.#buffer = Buffer.concat([this.#buffer, next.value]);
      return true;
    } finally {
      over.abort();
    }
  }
}

/** The content of a file, in chunks of a length that precedes them. */
class Chunks {
  readonly #input: Input;
  #left = 0;
  #hasEnded = false;

  constructor(input: Input) {
    this.#input = input;
  }

  async read(buffer: Buffer): Promise<number> {
    if (this.#left === 0 && !this.#hasEnded) {
      this.#left = (await this.#input.bytes(4)).readUInt32BE();
      this.#hasEnded = this.#left === 0;
    }
    if (this.#hasEnded || buffer.length === 0) return 0;
    const bytes = await this.#input.some(Math.min(this.#left, buffer.length));
    this.#left -= bytes.length;
    bytes.copy(buffer);
    return bytes.length;
  }

  /** Reads what is left. */
  async skip(): Promise<void> {
    const buffer = Buffer.alloc(MAX_LINE_BYTES);
    while ((await this.read(buffer)) > 0);
  }
}

const parseRecord = (line: Buffer): FileRecord => {
  let value: unknown = null;
  try {
    value = isUtf8(line) ? JSON.parse(line.toString()) : null;
  } catch {
    // It is none of the records.
  }
  if (typeof value !== "object" || value === null || !("kind" in value)) throw wrongAnswer();
  if (value.kind === "end") return { kind: "end" };
  if (value.kind === "failed" && "message" in value && typeof value.message === "string")
    return { kind: "failed", message: value.message.slice(0, MAX_PATH_BYTES) };
  if (value.kind !== "file" || !("path" in value) || !("sizeBytes" in value)) throw wrongAnswer();
  const { path, sizeBytes } = value;
  if (typeof path !== "string" || !isInside(path) || !Number.isSafeInteger(sizeBytes) || Number(sizeBytes) < 0)
    throw wrongAnswer();
  return { kind: "file", path, sizeBytes: Number(sizeBytes) };
};

/** Returns whether a relative path stays below its folder. */
const isInside = (path: string): boolean =>
  Buffer.byteLength(path) <= MAX_PATH_BYTES &&
  !path.includes("\0") &&
  path.split("/").every((part) => part !== "" && part !== "." && part !== "..");

const wrongAnswer = (): ArtifactError => new ArtifactError("the process that reads the files gave a wrong answer");
