import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { RunId } from "../../domain/ids.ts";
import type { ShippedArtifact } from "../../domain/workers/protocol.ts";
import type { Artifacts } from "../../engine/artifacts/artifacts.ts";
import type { Store } from "../../store/store.ts";
import type { ReceivedKey } from "../../store/workers/received.ts";
import type { WorkerTransport } from "../transport.ts";

export type ShipArtifactsOptions = {
  readonly key: ReceivedKey;
  readonly localRunId: RunId;
  /** The folder of the task in the paths of its files, which the scheduler adds again. */
  readonly folder: string;
  readonly store: Pick<Store, "artifacts">;
  readonly artifacts: Pick<Artifacts, "open">;
  readonly transport: Pick<WorkerTransport, "putArtifact">;
};

/** Sends the files of an attempt, and returns their list. Throws `TransportError`. */
export const shipArtifacts = async (options: ShipArtifactsOptions): Promise<readonly ShippedArtifact[]> => {
  const { key, localRunId, folder, store, artifacts, transport } = options;
  const shipped: ShippedArtifact[] = [];
  for (const [index, artifact] of store.artifacts.list(localRunId).entries()) {
    const { path, sizeBytes, sha256 } = artifact;
    const object = `${key.scheduler}/${key.attempt}/${key.epoch}/${index}`;
    const fd = artifacts.open(artifact);
    if (fd === null) throw new Error(`the artifact ${path} is missing`);
    const content = createReadStream("", { fd });
    try {
      await transport.putArtifact(object, Readable.toWeb(content) as unknown as ReadableStream<Uint8Array>);
    } finally {
      // Without a connection, nobody has read it to its end, which would close the file.
      content.destroy();
    }
    shipped.push({ path: path.slice(folder.length + 1), size: sizeBytes, sha256, object });
  }
  return shipped;
};
