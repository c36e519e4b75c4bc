import { createHash } from "node:crypto";
import type { JetStreamManager, NextMsgRequest, SeqMsgRequest } from "@nats-io/jetstream";
import { type ObjectStore, Objm } from "@nats-io/obj";
import { nanos } from "@nats-io/transport-node";
import { TransportError } from "../domain/workers/link.ts";
import type { JetStream } from "./streams.ts";

/** How long an object is kept unless it is deleted. If it is needed after that, its sender stores it again. */
const OBJECT_AGE_MS = 24 * 3_600_000;

/** Creates an object store, or changes on how many servers it is kept if there is one. */
export const openBucket = async (
  { client, manager: { streams } }: JetStream,
  bucket: string,
  replicas: number,
): Promise<void> => {
  await new Objm(client).create(bucket, { ttl: nanos(OBJECT_AGE_MS), replicas });
  const { config } = await streams.info(streamOf(bucket));
  if (config.num_replicas !== replicas) await streams.update(streamOf(bucket), { num_replicas: replicas });
};

/** Opens an object store without asking whether it exists, which workers may not. */
const storeOf = ({ client }: JetStream, bucket: string): Promise<ObjectStore> => new Objm(client).open(bucket, false);

/** Stores an object, instead of one with the same name. */
export const putObject = async (
  jetStream: JetStream,
  {
    bucket,
    name,
    content,
    chunkBytes,
  }: ObjectName & { readonly content: ReadableStream<Uint8Array>; readonly chunkBytes: number },
): Promise<void> => {
  await (await storeOf(jetStream, bucket)).put({ name, options: { max_chunk_size: chunkBytes } }, content);
};

/** Size of the parts of an object on a server with the default `max_payload`. */
const CHUNK_BYTES = 128 * 1024;

/** Leaves room for the headers of a message. */
const HEADROOM_BYTES = 1_024;

/** Returns the size of the parts of objects for a server that accepts messages of this size. */
export const chunkBytesFor = (maxPayloadBytes: number): number =>
  Math.min(CHUNK_BYTES, maxPayloadBytes - HEADROOM_BYTES);

/** Returns whether there is an object that will be kept for at least half its age. */
export const hasObject = async (jetStream: JetStream, object: ObjectName, nowMs: number): Promise<boolean> => {
  const info = await (await storeOf(jetStream, object.bucket)).info(object.name);
  return info !== null && !info.deleted && nowMs - Date.parse(info.mtime) < OBJECT_AGE_MS / 2;
};

/** Deletes an object, without the tombstone that the client would write for watchers. */
export const deleteObject = async ({ manager }: JetStream, { bucket, name }: ObjectName): Promise<void> => {
  const meta = await readMeta(manager, { bucket, name });
  if (meta === null) return;
  const stream = streamOf(bucket);
  await manager.streams.purge(stream, { filter: chunkSubject(bucket, meta.nuid) });
  await manager.streams.purge(stream, { filter: metaSubject(bucket, name) });
};

export type ObjectName = { readonly bucket: string; readonly name: string };

/**
 * Returns the content of an object. It does not use the client's method, which creates a consumer: a user who may create consumers can
 * make the server send messages to any subject, so workers may not. Without a consumer, nothing is buffered that is not read. Throws
 * `not_found`. The stream fails if the object changes meanwhile or is damaged.
 */
export const readObject = async (
  { manager }: JetStream,
  { bucket, name }: ObjectName,
): Promise<ReadableStream<Uint8Array>> => {
  const meta = await readMeta(manager, { bucket, name });
  if (meta === null) throw new TransportError("not_found", `there is no object ${name} in ${bucket}`);
  const hash = createHash("sha256");
  let left = meta.chunks;
  let seq = 0;
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (left === 0) {
        if (`SHA-256=${hash.digest("base64url")}` !== meta.digest.replace(/=+$/, "")) throw damaged(name);
        controller.close();
        return;
      }
      // The types of the client lack the combination.
      const next: SeqMsgRequest & NextMsgRequest = { seq: seq + 1, next_by_subj: chunkSubject(bucket, meta.nuid) };
      const chunk = await manager.streams.getMessage(streamOf(bucket), next);
      if (chunk === null) throw damaged(name);
      seq = chunk.seq;
      left -= 1;
      hash.update(chunk.data);
      controller.enqueue(chunk.data);
    },
  });
};

const damaged = (name: string): TransportError => new TransportError("not_found", `the object ${name} is incomplete`);

type Meta = { readonly nuid: string; readonly chunks: number; readonly digest: string };

const readMeta = async ({ streams }: JetStreamManager, { bucket, name }: ObjectName): Promise<Meta | null> => {
  const message = await streams.getMessage(streamOf(bucket), { last_by_subj: metaSubject(bucket, name) });
  const meta: unknown = message?.json() ?? null;
  return isMeta(meta) ? meta : null;
};

const isMeta = (value: unknown): value is Meta =>
  typeof value === "object" &&
  value !== null &&
  !("deleted" in value && value.deleted === true) &&
  "nuid" in value &&
  typeof value.nuid === "string" &&
  "chunks" in value &&
  typeof value.chunks === "number" &&
  "digest" in value &&
  typeof value.digest === "string";

/** The names of NATS's object store, ADR-20. */
const streamOf = (bucket: string): string => `OBJ_${bucket}`;
const chunkSubject = (bucket: string, nuid: string): string => `$O.${bucket}.C.${nuid}`;
const metaSubject = (bucket: string, name: string): string =>
  `$O.${bucket}.M.${padded(Buffer.from(name).toString("base64url"))}`;

const padded = (text: string): string => text.padEnd(Math.ceil(text.length / 4) * 4, "=");
