import { NOTIFY_EVENTS, NOTIFY_TYPES, type NotifyEvent } from "../../domain/notification.ts";
import type { FieldType, ObjectType } from "./field.ts";
import { SECRET } from "./secret.ts";

const url = { kind: "text", form: "a URL", maxLength: 2048, characters: "name" } as const;

const header = {
  kind: "text",
  form: "a header's value",
  empty: true,
  scalars: true,
  maxLength: 4096,
  characters: "name",
} as const;

const headerName = {
  kind: "text",
  form: "a header's name",
  pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$",
  characters: "name",
} as const;

const isStatus = (status: string, event: NotifyEvent): string =>
  `'${status}' is what a run is, not what happens to it; did you mean '${event}'? expected one of ${NOTIFY_EVENTS.join(", ")}`;

/** Suggestions for run statuses that users write instead of an event. */
const STATUSES = {
  failed: isStatus("failed", "failure"),
  interrupted: isStatus("interrupted", "failure"),
  completed: isStatus("completed", "success"),
  running: isStatus("running", "started"),
};

/** The default timeout of a notification, in ms. */
const DEFAULT_NOTIFY_TIMEOUT_MS = 10_000;

/** An entry of a job's `notify` list. */
export const NOTIFY = {
  kind: "object",
  fields: {
    type: {
      type: { kind: "choice", values: NOTIFY_TYPES },
      required: true,
      doc: "`webhook` posts JSON; `healthchecks` pings a check of Healthchecks: `/start`, the bare URL, `/<exit status>` or `/fail`.",
      example: "webhook",
    },
    url: {
      type: { kind: "shape", scalar: url, map: SECRET },
      required: true,
      doc: "Where it goes, over http or https; where the URL is a secret, `{env: NAME}`, `{file: PATH}` or `{credential: NAME}`, read when it is needed and shown nowhere.",
      example: "https://example.com/hook",
    },
    on: {
      type: {
        kind: "list",
        of: { kind: "choice", values: NOTIFY_EVENTS, refused: STATUSES },
        minItems: 1,
        unique: true,
      },
      doc: "The events to send: `failure`, a run failed or was interrupted; `recovery`, a run completed after a failure; `success`; `cancelled`; `missed`, occurrences were missed; `started`; `late`, an unfinished run exceeded `warn_after`; `approval`, a task began to wait for a person.",
      absent: "failure and recovery; started, success, failure and cancelled with `healthchecks`",
      example: ["failure", "recovery"],
    },
    headers: {
      type: { kind: "map", keys: headerName, of: { kind: "shape", scalar: header, map: SECRET } },
      doc: "Additional request headers. A value can also be `{env: NAME}`, `{file: PATH}` or `{credential: NAME}`.",
      default: {},
      example: { Authorization: { env: "PETIT_HOOK_TOKEN" } },
    },
    secret: {
      type: SECRET,
      doc: "What a webhook is signed with (HMAC-SHA256, header `Petit-Signature`).",
      absent: "not signed",
      example: { env: "PETIT_HOOK_SECRET" },
    },
    timeout: {
      type: { kind: "duration", minMs: 1 },
      doc: "How long the receiver may take to answer, at most 1m; then it is tried again later.",
      default: DEFAULT_NOTIFY_TIMEOUT_MS,
    },
  },
} as const satisfies ObjectType;

export const notify = { kind: "list", of: NOTIFY, minItems: 0 } as const satisfies FieldType;
