import {
  EVENT_TRIGGER_TYPES,
  EXISTING_FILES,
  FILE_BATCHES,
  FILE_IDENTITIES,
  HMAC_ALGORITHMS,
  HMAC_ENCODINGS,
  MAX_FILES_OF_RUN,
  RUN_ENDS,
  WEBHOOK_SCHEMES,
} from "../../domain/deliveries/trigger.ts";
import { ID_PATTERN } from "../../domain/ids.ts";
import { OVERLAP_POLICIES } from "../../domain/job.ts";
import type { FieldType, ObjectType, Value } from "./field.ts";
import { headerName } from "./header.ts";
import { paramName } from "./param.ts";
import { SECRET } from "./secret.ts";
import { artifactPattern, datum, jobId } from "./text.ts";

const triggerName = {
  kind: "text",
  form: "a trigger's name: 1 to 128 letters, digits, '_', '.' and '-', the first one a letter or a digit",
  pattern: ID_PATTERN,
  characters: "name",
} as const;

const eventType = { kind: "text", form: "a type of event", maxLength: 128, characters: "name" } as const;

const expression = { kind: "text", form: "an expression", characters: "prose" } as const;

const DEBOUNCE = {
  kind: "object",
  fields: {
    key: {
      type: datum,
      doc: "Deliveries with the same key become one run; templates are expanded in it.",
      default: "",
      example: "${{ event.body.ref }}",
    },
    wait: {
      type: { kind: "duration", minMs: 1 },
      required: true,
      doc: "The run starts when no delivery has come for so long.",
      example: "30s",
    },
    max_wait: {
      type: { kind: "duration", minMs: 1 },
      doc: "The run starts so long after the first delivery at the latest.",
      absent: "no limit",
      example: "5m",
    },
  },
} as const satisfies ObjectType;

/** An entry of a job's `triggers` list. */
const TRIGGER = {
  kind: "object",
  fields: {
    type: {
      type: { kind: "choice", values: EVENT_TRIGGER_TYPES },
      required: true,
      doc: "What starts a run: `webhook`, a request to `POST /api/hooks/JOB_ID`; `files`, a new file; `run`, the end of a run of another job; `nats`, a message of a JetStream stream.",
      example: "webhook",
    },
    name: {
      type: triggerName,
      doc: "Tells it from other triggers of the job: its address is `/api/hooks/JOB_ID/NAME`. Several webhooks of a job, or several `files` triggers, need names.",
      absent: "none",
      example: "push",
    },
    verify: {
      type: { kind: "choice", values: WEBHOOK_SCHEMES },
      doc: "How the sender of a webhook proves who it is: the signature of a provider, `standard` for that of the Standard Webhooks specification, `hmac` for an HMAC of the body in a header, `token` for a token in a header.",
      example: "github",
    },
    secret: {
      type: { kind: "shape", scalar: SECRET, list: { kind: "list", of: SECRET, minItems: 1 }, map: SECRET },
      doc: "What the sender signs with, or the token; a list of two while it is changed.",
      example: { file: "hook.secret" },
    },
    events: {
      type: { kind: "list", of: eventType, minItems: 1, unique: true },
      doc: "The provider's types of events that start a run.",
      absent: "all",
      example: ["push"],
    },
    header: {
      type: headerName,
      doc: "The header that has the signature (`hmac`, required) or the token (`token`).",
      absent: "`Authorization: Bearer` for `token`",
      example: "X-Signature",
    },
    algorithm: {
      type: { kind: "choice", values: HMAC_ALGORITHMS },
      doc: "The hash function of `hmac`.",
      absent: "sha256",
      example: "sha256",
    },
    encoding: {
      type: { kind: "choice", values: HMAC_ENCODINGS },
      doc: "How `hmac` writes the signature.",
      absent: "hex",
      example: "hex",
    },
    prefix: {
      type: { kind: "text", form: "a prefix", maxLength: 64, characters: "name" },
      doc: "What the header of `hmac` has before the signature.",
      absent: "nothing",
      example: "sha256=",
    },
    id_header: {
      type: headerName,
      doc: "The header that has the id of a delivery (`hmac`, `token`): a second delivery with the same id starts nothing.",
      absent: "each delivery is new",
      example: "X-Request-Id",
    },
    headers: {
      type: { kind: "list", of: headerName, minItems: 0, unique: true },
      doc: "Headers of the request or the message that the event has beside the usual ones (`webhook`, `nats`).",
      default: [],
      example: ["X-Environment"],
    },
    paths: {
      type: { kind: "list", of: artifactPattern, minItems: 1, unique: true },
      doc: "The files that start runs (`files`, required): patterns, absolute or relative to the job file's folder. `*` is any part of a name, `**` any folders. Names that begin with a dot never match.",
      example: ["/srv/in/*.csv"],
    },
    settle: {
      type: { kind: "duration", minMs: 0 },
      doc: "A file starts a run when its size and time of change have been the same for so long (`files`).",
      absent: "10s",
      example: "10s",
    },
    batch: {
      type: { kind: "choice", values: FILE_BATCHES },
      doc: "Makes one run for `each` file, or one for `all` that have settled (`files`).",
      absent: "each",
      example: "each",
    },
    max: {
      type: { kind: "integer", min: 1, max: MAX_FILES_OF_RUN },
      doc: "Maximum number of files of a run, with `batch: all` (`files`).",
      absent: String(MAX_FILES_OF_RUN),
      example: 100,
    },
    existing: {
      type: { kind: "choice", values: EXISTING_FILES },
      doc: "What happens to the files that are there when the trigger is new: `ignore` them, or `run` (`files`).",
      absent: "ignore",
      example: "run",
    },
    done: {
      type: datum,
      doc: "A file that must be there too before one starts a run (`files`); templates are expanded in it.",
      absent: "none",
      example: "${{ event.path }}.ok",
    },
    identity: {
      type: { kind: "choice", values: FILE_IDENTITIES },
      doc: "What makes a file a new one: `stat`, another inode, size or time of change; `content`, other content (`files`).",
      absent: "stat",
      example: "content",
    },
    interval: {
      type: { kind: "duration", minMs: 1_000 },
      doc: "How often petit looks for files that the system has not reported, such as on a network file system (`files`).",
      absent: "30s",
      example: "1m",
    },
    job: {
      type: jobId,
      doc: "The job whose runs start this one when they have ended (`run`).",
      example: "load_orders",
    },
    on: {
      type: { kind: "list", of: { kind: "choice", values: RUN_ENDS }, minItems: 1, unique: true },
      doc: "How a run of it must have ended (`run`).",
      absent: "completed",
      example: ["completed", "failed"],
    },
    stream: {
      type: { kind: "text", form: "the name of a stream", maxLength: 255, characters: "name" },
      doc: "The JetStream stream that has the messages (`nats`, required). petit needs `--nats`.",
      example: "ORDERS",
    },
    subject: {
      type: { kind: "text", form: "a subject", maxLength: 255, characters: "name" },
      doc: "The subject of the messages that start runs (`nats`, required): `*` is any one part of it, `>` at its end any parts.",
      example: "orders.created",
    },
    if: {
      type: expression,
      doc: "An expression over `event`: if it is false, the delivery is skipped.",
      absent: "each delivery starts a run",
      example: "event.body.ref == 'refs/heads/main'",
    },
    params: {
      type: { kind: "map", keys: paramName, of: datum },
      doc: "The params of the run; templates are expanded in the values.",
      default: {},
      example: { commit: "${{ event.body.after }}" },
    },
    debounce: {
      type: DEBOUNCE,
      doc: "Makes one run, of the newest, for deliveries that come close to one another.",
      absent: "each delivery starts a run",
      example: { key: "${{ event.body.ref }}", wait: "30s", max_wait: "5m" },
    },
    on_overlap: {
      type: { kind: "choice", values: OVERLAP_POLICIES },
      doc: "What a delivery does when the job is at its limit: `queue` a run, `skip` it, or `replace` the oldest run.",
      default: "queue",
    },
    on_pause: {
      type: { kind: "choice", values: ["keep", "skip"] },
      doc: "What happens to a delivery while the job is paused: `keep` it until `resume`, at most 1,000 of a job, or `skip` it.",
      default: "keep",
    },
  },
} as const satisfies ObjectType;

const { verify, secret, header, algorithm, encoding, prefix } = TRIGGER.fields;

/** How the sender of a webhook that belongs to no job proves who it is. */
export const VERIFICATION = {
  kind: "object",
  fields: {
    verify: { ...verify, required: true },
    secret: { ...secret, required: true },
    header,
    algorithm,
    encoding,
    prefix,
  },
} as const satisfies ObjectType;

export const triggers = { kind: "list", of: TRIGGER, minItems: 0 } as const satisfies FieldType;

/** The fields that only some types or schemes have. */
export const TRIGGER_FIELD_NAMES = [
  "verify",
  "secret",
  "events",
  "header",
  "algorithm",
  "encoding",
  "prefix",
  "id_header",
  "headers",
  "paths",
  "settle",
  "batch",
  "max",
  "existing",
  "done",
  "identity",
  "interval",
  "job",
  "on",
  "stream",
  "subject",
] as const;

export type TriggerFields = Value<typeof TRIGGER>;
export type VerificationFields = Value<typeof VERIFICATION>;
