import { NOTIFY_EVENTS, NOTIFY_TYPES, type NotifyEvent } from "../../domain/notification.ts";
import type { FieldType, ObjectType } from "./field.ts";
import { path } from "./text.ts";

/** What is wrong with a name is told without it: a secret that was written in its place must not be. */
const variable = { kind: "text", form: "the name of a variable", maxLength: 128, characters: "name" } as const;

const SOURCE = {
  kind: "object",
  fields: {
    env: {
      type: variable,
      doc: "A variable of petit's own environment that holds it; where its name begins with PETIT_, no task inherits it.",
      example: "PETIT_HOOK_SECRET",
    },
    file: {
      type: path,
      doc: "A file that holds it, relative to the job file's folder; white space around it doesn't count.",
      example: "/run/secrets/hook",
    },
  },
  exclusive: [["env", "file"]],
  oneOf: [["env", "file"]],
} as const satisfies ObjectType;

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

/** The words that come to mind first. */
const STATUSES = {
  failed: isStatus("failed", "failure"),
  interrupted: isStatus("interrupted", "failure"),
  completed: isStatus("completed", "success"),
  running: isStatus("running", "started"),
};

/** For an entry that gives none. */
export const DEFAULT_NOTIFY_TIMEOUT_MS = 10_000;

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
      type: { kind: "shape", scalar: url, map: SOURCE },
      required: true,
      doc: "Where it goes, over http or https; where the URL is a secret, `{env: NAME}` or `{file: PATH}`, read when it is needed and shown nowhere.",
      example: "https://example.com/hook",
    },
    on: {
      type: {
        kind: "list",
        of: { kind: "choice", values: NOTIFY_EVENTS, refused: STATUSES },
        minItems: 1,
        unique: true,
      },
      doc: "What is told: `failure` a run failed or was interrupted; `recovery` a run completed after one that had; `success`; `cancelled`; `missed` occurrences were missed; `started`.",
      absent: "failure and recovery; started, success, failure and cancelled with `healthchecks`",
      example: ["failure", "recovery"],
    },
    headers: {
      type: { kind: "map", keys: headerName, of: { kind: "shape", scalar: header, map: SOURCE } },
      doc: "Further headers of the request; a value can be `{env: NAME}` or `{file: PATH}` as well.",
      default: {},
      example: { Authorization: { env: "PETIT_HOOK_TOKEN" } },
    },
    secret: {
      type: SOURCE,
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
