import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TransportError } from "../../../domain/workers/link.ts";
import type { ShippedArtifact } from "../../../domain/workers/protocol.ts";
import { formatSize } from "../../../lib/size.ts";
import { ArtifactError, describing } from "../../artifacts/artifact-error.ts";
import { makeArtifactsFolder } from "../../output/spool.ts";
import type { LiveAttempt } from "../live-attempt.ts";
import type { SchedulerTransport } from "../transport.ts";

export type ReceiveOptions = {
  readonly transport: SchedulerTransport;
  readonly worker: string;
  readonly artifacts: readonly ShippedArtifact[];
};

/**
 * The result of fetching artifacts:
 * - `kept`: they are stored with the run.
 * - `missing`: NATS does not have them.
 * - `failed`: they can't be kept; `problem` says why. If it `mayPass`, such as a full disk, the same may succeed later.
 */
export type ReceivedArtifacts =
  | { readonly status: "kept" | "missing" }
  | { readonly status: "failed"; readonly problem: string; readonly mayPass: boolean };

/**
 * Fetches the artifacts of an attempt, checks their sizes and digests, and keeps them with the run as those of this machine. The files
 * first come into the spool folder. Rejects with TransportError.
 */
export const receiveArtifacts = async (
  { options }: LiveAttempt,
  received: ReceiveOptions,
): Promise<ReceivedArtifacts> => {
  const { services, attempt, context, spool } = options;
  const problem = problemOf(received.artifacts, services.settings.artifactLimitBytes);
  if (problem !== null) return { status: "failed", problem, mayPass: false };
  try {
    await describing("cannot store the files", async () => {
      if (received.artifacts.length > 0) makeArtifactsFolder(spool);
      for (const artifact of received.artifacts) await fetchArtifact(artifact, spool.artifacts, received);
    });
    const itemKey = context.item?.key ?? null;
    await services.artifacts.store({ attempt, itemKey, spool, patterns: [], workdir: null, user: null, mask: null });
    return { status: "kept" };
  } catch (error) {
    if (error instanceof DamagedError) return { status: "missing" };
    if (error instanceof TransportError && error.fault === "not_found") return { status: "missing" };
    if (!(error instanceof ArtifactError)) throw error;
    rmSync(spool.artifacts, { recursive: true, force: true });
    return { status: "failed", problem: error.message, mayPass: error.mayPass };
  }
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
