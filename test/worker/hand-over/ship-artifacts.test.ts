import { expect, test } from "bun:test";
import { openSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import type { RunId } from "../../../src/domain/ids.ts";
import { TransportError } from "../../../src/domain/workers/link.ts";
import { shipArtifacts } from "../../../src/worker/hand-over/ship-artifacts.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { eventually } from "../../support/torture/run.ts";

const isOpen = (path: string): boolean =>
  readdirSync("/proc/self/fd").some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });

test.skipIf(process.platform !== "linux")("an artifact that can't be sent is closed", async () => {
  using dir = tempDir();
  const path = dir.file("large");
  writeFileSync(path, Buffer.alloc(1_000_000));
  const artifact = { runId: "run" as RunId, path: "task/large", sizeBytes: 1_000_000, sha256: "0".repeat(64) };
  const shipped = shipArtifacts({
    key: { scheduler: "s", attempt: 5, epoch: 1 },
    localRunId: artifact.runId,
    store: { artifacts: { list: () => [artifact] } },
    artifacts: { open: () => openSync(path, "r") },
    transport: { putArtifact: () => Promise.reject(new TransportError("disconnected", "no connection")) },
  } as unknown as Parameters<typeof shipArtifacts>[0]);
  await expect(shipped).rejects.toThrow("no connection");
  await eventually("it is closed", () => (isOpen(path) ? null : true));
});
