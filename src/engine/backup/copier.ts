import { spawn } from "node:child_process";
import { BACKUP_FAULTS, type BackupFault, type BackupPlan } from "../../domain/backup/state.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { listCopies, shortId } from "../../store/backup/folder.ts";
import { backupArguments } from "./backup-command.ts";
import type { BackupOrder, BackupReport } from "./make-backup.ts";
import { pace } from "./pace.ts";

/** Makes backups, and lists them. */
export interface Copier {
  /** Makes a copy, then deletes those that have expired. Never rejects. Ends without one when `signal` is aborted. */
  make(signal: AbortSignal): Promise<BackupReport>;
  /** Returns the copies of this database, newest first. Throws if the folder can't be read. */
  list(): readonly { readonly at: number; readonly bytes: number }[];
}

type CopierOptions = {
  readonly plan: BackupPlan;
  /** Path of the database. */
  readonly path: string;
  readonly databaseId: string;
  /** The zone in which days begin. */
  readonly timezone: string;
  readonly runtime: Pick<Runtime, "self">;
};

/** Returns a copier whose work is done by a process of its own, with pauses, so that it delays little. */
export const processCopier = ({ plan, path, databaseId, timezone, runtime }: CopierOptions): Copier => ({
  make: (signal) => {
    const order: BackupOrder = { path, folder: plan.folder, artifacts: plan.artifacts, keep: plan.keep, timezone };
    return run(runtime.self(backupArguments), order, signal);
  },
  list: () => listCopies(plan.folder).filter(({ database }) => database === shortId(databaseId)),
});

/** More than any answer. */
const MAX_ANSWER = 1 << 20;

const run = async (
  [program = "", ...args]: readonly string[],
  order: BackupOrder,
  signal: AbortSignal,
): Promise<BackupReport> => {
  const child = spawn(program, args, {
    cwd: "/",
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    texts.out = (texts.out + chunk).slice(0, MAX_ANSWER);
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    texts.err = (texts.err + chunk).slice(-2_000);
  });
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify(order));
  try {
    const end = new Promise<string>((resolve) => {
      child.on("error", (error) => resolve(error.message));
      child.on("close", (code, by) => resolve(by === null ? `exit status ${code}` : `ended by ${by}`));
    });
    await pace(child, () => fileOf(texts.out));
    const ended = await end;
    return parse(texts.out.split("\n").at(-1) ?? "") ?? failed(texts.err.trim().split("\n").at(-1) || ended);
  } finally {
    signal.removeEventListener("abort", kill);
  }
};

/** Returns the first line, which is the file that the copy is written to. */
const fileOf = (answer: string): string | null => {
  const end = answer.indexOf("\n");
  return end === -1 ? null : answer.slice(0, end);
};

const failed = (why: string): BackupReport => ({ fault: "other", error: `the process that makes it failed: ${why}` });

const parse = (answer: string): BackupReport | null => {
  let value: unknown = null;
  try {
    value = JSON.parse(answer);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  if ("fault" in value && "error" in value && isFault(value.fault) && typeof value.error === "string")
    return { fault: value.fault, error: value.error };
  if (!("file" in value) || !("bytes" in value) || !("damaged" in value) || !("deleted" in value)) return null;
  const { file, bytes, damaged, deleted } = value;
  if (typeof file !== "string" || typeof bytes !== "number" || typeof deleted !== "number" || !Array.isArray(damaged))
    return null;
  return { file, bytes, deleted, damaged: damaged.map(String) };
};

const isFault = (value: unknown): value is BackupFault => BACKUP_FAULTS.some((fault) => fault === value);
