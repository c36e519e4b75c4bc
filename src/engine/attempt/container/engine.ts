import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { basename, delimiter, join, resolve } from "node:path";
import type { Container } from "../../../domain/job.ts";
import type { Spool } from "../../output/spool.ts";

type Variables = Readonly<Record<string, string>>;

/** Label with the id of the attempt, and label with the database that it belongs to. */
export const ATTEMPT_LABEL = "petit.attempt";
export const DATABASE_LABEL = "petit.database";

/** Returns a short name of the database that a spool folder belongs to. Two databases of one machine have different ones. */
export const databaseName = (spoolDir: string): string =>
  createHash("sha256").update(resolve(spoolDir)).digest("hex").slice(0, 8);

/** Returns the container of an attempt, whether or not it exists. Null if there is no engine on this machine. */
export const containerOf = (container: Container, spool: Spool, environment: Variables): StartedContainer | null => {
  const engine = findContainerEngine(container.engine, environment);
  const name = `petit-${spool.attemptId}-${databaseName(spool.dir)}`;
  return engine === null ? null : { engine, name, environment };
};

/**
 * Returns the path of the container engine's client, or null if there is none. Without a choice it is docker if its daemon
 * seems to run, then podman, then docker.
 */
export const findContainerEngine = (
  chosen: Container["engine"],
  environment: Readonly<Record<string, string | undefined>>,
): string | null => {
  const find = (name: string): string | undefined =>
    (environment.PATH ?? "")
      .split(delimiter)
      .map((folder) => join(folder, name))
      .find(isExecutable);
  if (chosen !== null) return find(chosen) ?? null;
  const hasDaemon = environment.DOCKER_HOST !== undefined || existsSync("/var/run/docker.sock");
  const docker = find("docker");
  return (hasDaemon ? docker : undefined) ?? find("podman") ?? docker ?? null;
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/** How long the engine's client may take to remove a container, in ms. */
const REMOVE_MS = 60_000;

export type StartedContainer = { readonly engine: string; readonly name: string; readonly environment: Variables };

/** Asks a container to stop, and has it killed after its grace period. Does not wait. */
export const stopContainer = ({ engine, name, environment }: StartedContainer, graceMs: number): void =>
  void runClient(engine, ["stop", "--time", String(Math.ceil(graceMs / 1_000)), name], environment);

/** Kills and removes a container. Resolves when it is gone. Returns the client's error output, or null if there is no container. */
export const removeContainer = async ({ engine, name, environment }: StartedContainer): Promise<string | null> => {
  const { ok, stderr } = await runClient(engine, ["rm", "--force", name], environment);
  return ok || /no such container|no container with name/i.test(stderr)
    ? null
    : `${basename(engine)}: ${stderr.trim()}`;
};

const runClient = (
  engine: string,
  args: readonly string[],
  env: Variables,
): Promise<{ readonly ok: boolean; readonly stderr: string }> =>
  new Promise((resolve) => {
    execFile(engine, args, { env, timeout: REMOVE_MS }, (error, _, stderr) =>
      resolve({ ok: error === null, stderr: stderr === "" ? (error?.message ?? "") : stderr }),
    );
  });
