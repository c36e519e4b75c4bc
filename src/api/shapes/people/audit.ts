import { t } from "elysia";
import { AUDIT_ACTIONS, AUDIT_WAYS, type AuditRow, auditFields } from "../../../domain/people/audit.ts";
import { ROLES } from "../../../domain/people/role.ts";
import { AUDIT_ACTION_WORDS } from "../../../domain/words/people/audit.ts";
import { Count, exactly, instant, integer, meanings, nullable, word } from "../schemas.ts";

const AuditEntryBody = exactly(
  {
    id: integer({ minimum: 1, description: "Number of the entry; increases, with gaps" }),
    at: instant("When it was done or denied"),
    who: nullable(
      t.String(),
      "The name of the token or of the person; null if it is not known, or if petit requires no token",
    ),
    role: nullable(word(ROLES), "The role at that time; null if nobody was identified"),
    how: word(
      AUDIT_WAYS,
      "How they came in: `token`, `session`, `proxy`, `provider`, `anonymous`, or `webhook` for a sender that its signature identifies; `command` for a command on the " +
        "database itself. For changed job files also why they were read: `start`, `watch`, `signal`, or `git` for a new commit",
    ),
    address: nullable(t.String(), "Address of the client; null if it came from no network, or is not known"),
    action: word(AUDIT_ACTIONS, `What was done. ${meanings(AUDIT_ACTION_WORDS)}`),
    on: nullable(t.String(), "What it was done to: an id, a name or a path; null for petit itself"),
    job_id: nullable(t.String(), "The job that it concerns; null if it concerns none or several"),
    run_id: nullable(t.String(), "The run that it concerns or started; null if there is none"),
    allowed: t.Boolean({ description: "False if it was denied, so that nothing was done" }),
    count: integer({ minimum: 1, description: "How many requests the entry stands for" }),
    details: nullable(
      t.Record(t.String(), t.Unknown()),
      "What else is known: of changed job files the ids of the jobs and the commit; of counted denied requests their actions, and why a login through a proxy or a provider was denied; otherwise null",
    ),
    request_id: nullable(t.String(), "`X-Request-Id` of the answer; null if no request caused it"),
  },
  {
    title: "AuditEntry",
    examples: [
      {
        id: 7,
        at: 1767225600000,
        who: "mara",
        role: "operator",
        how: "token",
        address: "127.0.0.1",
        action: "job.trigger",
        on: "hello_world",
        job_id: "hello_world",
        run_id: "019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
        allowed: true,
        count: 1,
        details: null,
        request_id: "5e2c9d1a-7b64-4f0e-9a31-c8d27e6f4b05",
      },
    ],
  },
);

export const AuditList = exactly(
  {
    entries: t.Array(AuditEntryBody, { description: "The entries, newest first" }),
    count: Count,
    next: nullable(integer({ minimum: 1 }), "`before` of the next page; null after the oldest entry"),
  },
  {
    title: "AuditList",
    description: "Who did what. With `format=jsonl`, an entry per line instead, until the oldest",
    "x-lines": AuditEntryBody,
  },
);

/** Returns an entry as it is answered. */
export const auditEntryBody = (row: AuditRow): typeof AuditEntryBody.static => {
  const { details, ...fields } = auditFields(row);
  return { ...fields, details: details === null ? null : { ...details } };
};
