import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { RunId } from "../../domain/ids.ts";
import type { ShippedArtifact } from "../../domain/workers/protocol.ts";
import type { Artifacts } from "../../engine/artifacts/artifacts.ts";
import type { Store } from "../../store/store.ts";
import type { ReceivedKey } from "../../store/workers/received.ts";
import type { WorkerTransport } from "../transport.ts";

type AttemptFiles = {
  readonly key: ReceivedKey;
  readonly localRunId: RunId;
  readonly store: Pick<Store, "artifacts">;
};

export type ListArtifactsOptions = AttemptFiles & {
  /** The folder of the task in the paths of its files, which the scheduler adds again. */
  readonly folder: string;
};

export type ShipArtifactsOptions = AttemptFiles & {
  readonly artifacts: Pick<Artifacts, "open">;
  readonly transport: Pick<WorkerTransport, "putArtifact">;
};

/** Returns the files of an attempt, as its outcome lists them. */
export const listArtifacts = (options: ListArtifactsOptions): readonly ShippedArtifact[] =>
  options.store.artifacts.list(options.localRunId).map(({ path, sizeBytes: size, sha256 }, index) => {
    const object = objectOf(options.key, index);
    return { path: path.slice(options.folder.length + 1), size, sha256, object };
  });

const objectOf = ({ scheduler, attempt, epoch }: ReceivedKey, index: number): string =>
  `${scheduler}/${attempt}/${epoch}/${index}`;

/** Sends the files of an attempt. Throws `TransportError`. */
export const shipArtifacts = async (options: ShipArtifactsOptions): Promise<void> => {
  const { key, localRunId, store, artifacts, transport } = options;
  for (const [index, artifact] of store.artifacts.list(localRunId).entries()) {
    const fd = artifacts.open(artifact);
    if (fd === null) throw new Error(`the artifact ${artifact.path} is missing`);
    const content = createReadStream("", { fd });
    try {
      await transport.putArtifact(
        objectOf(key, index),
        Readable.toWeb(content) as unknown as ReadableStream<Uint8Array>,
      );
    } finally {
      // Without a connection, nobody has read it to its end, which would close the file.
      content.destroy();
    }
  }
};
