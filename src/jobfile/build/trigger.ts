import {
  type EventTrigger,
  type EventTriggerType,
  MAX_FILES_OF_RUN,
  type WebhookVerification,
} from "../../domain/deliveries/trigger.ts";
import { type JobId, parseJobId } from "../../domain/ids.ts";
import type { SecretSource } from "../../domain/secret.ts";
import type { TriggerFields, VerificationFields } from "../schema/trigger.ts";
import { buildSource } from "./secret.ts";

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
    verification: { ...buildVerification(verify, fields), idHeader: fields.id_header?.toLowerCase() ?? null },
    secrets: buildSecrets(secret),
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

const buildVerification = (
  verify: TriggerFields["verify"],
  { header, algorithm, encoding, prefix }: Pick<TriggerFields, "header" | "algorithm" | "encoding" | "prefix">,
): WebhookVerification => ({
  scheme: verify ?? "token",
  header: header?.toLowerCase() ?? null,
  idHeader: null,
  algorithm: algorithm ?? "sha256",
  encoding: encoding ?? "hex",
  prefix: prefix ?? "",
});

const buildSecrets = (
  secret: NonNullable<TriggerFields["secret"]>,
  pathOf?: (path: string) => string,
): readonly SecretSource[] => ("length" in secret ? secret : [secret]).map((each) => buildSource(each, pathOf));

/** Builds what verifies a webhook that belongs to no job, from valid fields. */
export const buildWebhook = ({ verify, secret, ...fields }: VerificationFields, pathOf: (path: string) => string) => ({
  verification: buildVerification(verify, fields),
  secrets: buildSecrets(secret, pathOf),
});

const toJobId = (text: string): JobId => {
  const id = parseJobId(text);
  if (id === null) throw new Error(`unchecked id: ${text}`);
  return id;
};
