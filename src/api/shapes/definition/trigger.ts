import { t } from "elysia";
import {
  type EventTrigger,
  EXISTING_FILES,
  FILE_BATCHES,
  FILE_IDENTITIES,
  HMAC_ALGORITHMS,
  HMAC_ENCODINGS,
  hookPath,
  RUN_ENDS,
  WEBHOOK_SCHEMES,
} from "../../../domain/deliveries/trigger.ts";
import type { JobId } from "../../../domain/ids.ts";
import { OVERLAP_POLICIES } from "../../../domain/job.ts";
import { sourceName } from "../../../domain/secret.ts";
import { assertNever } from "../../../lib/never.ts";
import { exactly, integer, JobIdText, nullable, word } from "../schemas.ts";

const DebounceBody = exactly(
  {
    key: t.String({ description: "Deliveries with the same key become one run, with templates" }),
    wait_ms: integer({ minimum: 1, description: "How long after the newest delivery the run starts, in ms" }),
    max_wait_ms: nullable(
      integer({ minimum: 1 }),
      "How long after the first delivery the run starts at the latest, in ms; null without a limit",
    ),
  },
  { title: "Debounce" },
);

const commonFields = {
  name: nullable(t.String(), "Tells it from other triggers of the job; null if it has none"),
  if: nullable(t.String(), "A delivery for which this expression is false is skipped; null if there is none"),
  params: t.Record(t.String(), t.String(), { description: "The params of the run, with templates" }),
  debounce: nullable(DebounceBody, "Null if each delivery starts a run"),
  on_overlap: word(OVERLAP_POLICIES, "What a delivery does when the job is at its limit"),
  on_pause: word(["keep", "skip"] as const, "What happens to a delivery while the job is paused"),
};

const WebhookBody = exactly(
  {
    type: t.Literal("webhook"),
    ...commonFields,
    path: t.String({ description: "The path that a webhook is sent to" }),
    verify: word(WEBHOOK_SCHEMES, "How the sender proves who it is"),
    header: nullable(t.String(), "The header that has the signature or the token; null if the scheme says it"),
    id_header: nullable(
      t.String(),
      "The header that has the id of a delivery; null if the scheme says it, or without one",
    ),
    algorithm: word(HMAC_ALGORITHMS, "The hash function of `hmac`"),
    encoding: word(HMAC_ENCODINGS, "How `hmac` writes the signature"),
    prefix: t.String({ description: "What the header of `hmac` has before the signature" }),
    secrets: t.Array(t.String(), { description: "Where the secrets are read, such as `file hook.secret`" }),
    events: nullable(t.Array(t.String()), "The provider's types of events that start a run; null for all"),
    headers: t.Array(t.String(), { description: "Request headers that the event has beside those of the provider" }),
  },
  { title: "WebhookTrigger", description: "A request that starts a run" },
);

const FilesTriggerBody = exactly(
  {
    type: t.Literal("files"),
    ...commonFields,
    paths: t.Array(t.String(), { description: "Patterns of the files, as written in the job file" }),
    settle_ms: integer({ minimum: 0, description: "For how long size and time of change must be the same, in ms" }),
    batch: word(FILE_BATCHES, "Whether a run is for one file, or for all that have settled"),
    max: integer({ minimum: 1, description: "Maximum number of files of a run" }),
    existing: word(EXISTING_FILES, "What happens to the files that are there when the trigger is new"),
    done: nullable(t.String(), "A file that must be there too, with templates; null if there is none"),
    identity: word(FILE_IDENTITIES, "What makes a file a new one"),
    interval_ms: integer({ minimum: 1_000, description: "How often petit looks for files, in ms" }),
  },
  { title: "FilesTrigger", description: "New files that start runs" },
);

const RunTriggerBody = exactly(
  {
    type: t.Literal("run"),
    ...commonFields,
    job_id: JobIdText,
    on: t.Array(word(RUN_ENDS), { description: "How a run of that job must have ended" }),
  },
  { title: "RunTrigger", description: "A run of another job that starts a run when it has ended" },
);

const NatsTriggerBody = exactly(
  {
    type: t.Literal("nats"),
    ...commonFields,
    stream: t.String({ description: "The JetStream stream that has the messages" }),
    subject: t.String({ description: "The subject of the messages, with wildcards" }),
    headers: t.Array(t.String(), { description: "Headers that the event has beside the usual ones" }),
  },
  { title: "NatsTrigger", description: "Messages of a JetStream stream that start runs" },
);

export const TriggerBody = t.Union([WebhookBody, FilesTriggerBody, RunTriggerBody, NatsTriggerBody], {
  title: "Trigger",
  description: "What starts a job beside its schedule and people",
});

export const triggerBody = (jobId: JobId, trigger: EventTrigger): typeof TriggerBody.static => {
  const { name, debounce } = trigger;
  const common = {
    name,
    if: trigger.if ?? null,
    params: { ...trigger.params },
    debounce:
      debounce === undefined ? null : { key: debounce.key, wait_ms: debounce.waitMs, max_wait_ms: debounce.maxWaitMs },
    on_overlap: trigger.onOverlap,
    on_pause: trigger.onPause,
  };
  switch (trigger.type) {
    case "files":
      return {
        type: "files",
        ...common,
        paths: [...trigger.paths],
        settle_ms: trigger.settleMs,
        batch: trigger.batch,
        max: trigger.max,
        existing: trigger.existing,
        done: trigger.done,
        identity: trigger.identity,
        interval_ms: trigger.intervalMs,
      };
    case "run":
      return { type: "run", ...common, job_id: trigger.jobId, on: [...trigger.on] };
    case "nats": {
      const { stream, subject, headers } = trigger;
      return { type: "nats", ...common, stream, subject, headers: [...headers] };
    }
    case "webhook": {
      const { verification } = trigger;
      return {
        type: "webhook",
        ...common,
        path: hookPath(jobId, name),
        verify: verification.scheme,
        header: verification.header,
        id_header: verification.idHeader,
        algorithm: verification.algorithm,
        encoding: verification.encoding,
        prefix: verification.prefix,
        secrets: trigger.secrets.map(sourceName),
        events: trigger.events === null ? null : [...trigger.events],
        headers: [...trigger.headers],
      };
    }
    default:
      return assertNever(trigger);
  }
};
