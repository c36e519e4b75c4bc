import { type EventTrigger, type EventTriggerType, MAX_FILES_OF_RUN } from "../domain/deliveries/trigger.ts";
import { type JobId, parseJobId } from "../domain/ids.ts";
import { buildSource } from "./build-secret.ts";
import type { TriggerFields } from "./schema/trigger.ts";

/** Builds a trigger from the fields of a valid file. */
export const buildTrigger = (fields: TriggerFields): EventTrigger => {
  const { name, params, debounce } = fields;
  const base = {
    name: name ?? null,
    ...(fields.if !== undefined && { if: fields.if }),
    params,
    ...(debounce !== undefined && {
      debounce: { key: debounce.key, waitMs: debounce.wait, maxWaitMs: debounce.max_wait ?? null },
    }),
    onOverlap: fields.on_overlap,
    onPause: fields.on_pause,
  };
  return { ...base, ...BUILD[fields.type](fields) };
};

type Common = "name" | "if" | "params" | "debounce" | "onOverlap" | "onPause";
type Own<Type extends EventTriggerType> = DistributiveOmit<Extract<EventTrigger, { readonly type: Type }>, Common>;
type DistributiveOmit<T, Keys extends PropertyKey> = T extends unknown ? Omit<T, Keys> : never;

/** Builds what only the triggers of a type have. */
const BUILD: { readonly [Type in EventTrigger["type"]]: (fields: TriggerFields) => Own<Type> } = {
  webhook: ({ verify, secret = [], ...fields }) => ({
    type: "webhook",
    verification: {
      scheme: verify ?? "token",
      header: fields.header?.toLowerCase() ?? null,
      idHeader: fields.id_header?.toLowerCase() ?? null,
      algorithm: fields.algorithm ?? "sha256",
      encoding: fields.encoding ?? "hex",
      prefix: fields.prefix ?? "",
    },
    secrets: ("length" in secret ? secret : [secret]).map((each) => buildSource(each)),
    events: fields.events ?? null,
    headers: fields.headers.map((each) => each.toLowerCase()),
  }),
  files: ({ paths = [], batch = "each", ...fields }) => ({
    type: "files",
    paths,
    settleMs: fields.settle ?? 10_000,
    batch,
    max: batch === "each" ? 1 : (fields.max ?? MAX_FILES_OF_RUN),
    existing: fields.existing ?? "ignore",
    done: fields.done ?? null,
    identity: fields.identity ?? "stat",
    intervalMs: fields.interval ?? 30_000,
  }),
  run: ({ job, on }) => ({ type: "run", jobId: toJobId(job ?? ""), on: on ?? ["completed"] }),
  nats: ({ stream = "", subject = "", headers }) => ({
    type: "nats",
    stream,
    subject,
    headers: headers.map((each) => each.toLowerCase()),
  }),
};

const toJobId = (text: string): JobId => {
  const id = parseJobId(text);
  if (id === null) throw new Error(`unchecked id: ${text}`);
  return id;
};
