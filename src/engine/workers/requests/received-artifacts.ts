import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TransportError } from "../../../domain/workers/link.ts";
import type { ShippedArtifact } from "../../../domain/workers/protocol.ts";
import { formatSize } from "../../../lib/size.ts";
import { makeArtifactsFolder } from "../../output/spool.ts";
import type { LiveAttempt } from "../live-attempt.ts";
import type { SchedulerTransport } from "../transport.ts";

export type ReceiveOptions = {
  readonly transport: SchedulerTransport;
  readonly worker: string;
  readonly artifacts: readonly ShippedArtifact[];
};

/** The result of fetching artifacts. `missing` is true if NATS does not have them. `problem` says what else went wrong, or is null. */
export type ReceivedArtifacts =
  | { readonly missing: true }
  | { readonly missing: false; readonly problem: string | null };

/**
 * Fetches the artifacts of an attempt, checks their sizes and digests, and keeps them with the run as those of this machine. The files
 * first come into the spool folder. Rejects with TransportError.
 */
export const receiveArtifacts = async (
  { options }: LiveAttempt,
  received: ReceiveOptions,
): Promise<ReceivedArtifacts> => {
  const { artifacts, attempt, context, spool, engine } = options;
  const problem = problemOf(received.artifacts, engine.settings.artifactLimitBytes);
  if (problem !== null) return { missing: false, problem };
  try {
    if (received.artifacts.length > 0) makeArtifactsFolder(spool);
    for (const artifact of received.artifacts) await fetchArtifact(artifact, spool.artifacts, received);
  } catch (error) {
    if (error instanceof DamagedError) return { missing: true };
    if (error instanceof TransportError && error.fault === "not_found") return { missing: true };
    if (error instanceof Error && "syscall" in error)
      return { missing: false, problem: `cannot store the files: ${error.message}` };
    throw error;
  }
  const itemKey = context.item?.key ?? null;
  const collected = await artifacts.collect({ attempt, itemKey, spool, patterns: [], workdir: null, mask: null });
  return { missing: false, problem: collected };
};

/** Thrown if the content does not have the size and digest that the worker sent. */
class DamagedError extends Error {
  override readonly name = "DamagedError";
}

const problemOf = (artifacts: readonly ShippedArtifact[], limitBytes: number): string | null => {
  const bad = artifacts.find(({ path }) => !isSafe(path));
  if (bad !== undefined) return `the worker sent a file with the invalid path ${JSON.stringify(bad.path)}`;
  if (new Set(artifacts.map(({ path }) => path)).size < artifacts.length) return "the worker sent a file twice";
  const bytes = artifacts.reduce((sum, { size }) => sum + size, 0);
  return bytes > limitBytes ? `they have ${formatSize(bytes)}, more than artifact_limit allows` : null;
};

/** Returns whether a relative path leads to a file inside its folder. */
const isSafe = (path: string): boolean =>
  !path.includes("\0") && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");

const fetchArtifact = async (
  { path, size, sha256, object }: ShippedArtifact,
  folder: string,
  { transport, worker }: ReceiveOptions,
): Promise<void> => {
  const content = await transport.getArtifact(worker, object);
  const target = join(folder, path);
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  await using file = await open(target, "wx", 0o600);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > size) break;
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  if (bytes !== size || hash.digest("hex") !== sha256) throw new DamagedError(`${path} is not what the worker sent`);
};
