import { setImmediate as yieldToOthers } from "node:timers/promises";
import { Elysia, t } from "elysia";
import { AUDIT_ACTIONS, type AuditAction, type AuditRow } from "../../../domain/people/audit.ts";
import type { AuditFilter } from "../../../store/people/audit.ts";
import type { ApiContext } from "../../context.ts";
import { invalidQuery } from "../../errors.ts";
import { streamBody } from "../../events/response-body.ts";
import type { ApiStore } from "../../options.ts";
import { failures } from "../../shapes/failure.ts";
import { AuditList, auditEntryBody } from "../../shapes/people/audit.ts";
import { exactly, wholeNumber, word } from "../../shapes/schemas.ts";

const INSTANT = { minimum: 0, maximum: 8_640_000_000_000_000 } as const;

const name = (description: string) => t.Optional(t.String({ minLength: 1, maxLength: 200, description }));

const AuditQuery = exactly({
  who: name("Only what this person did, by the exact name"),
  action: t.Optional(
    t.String({
      pattern: "^[a-z_]+(\\.[a-z_]*)?$",
      maxLength: 64,
      description: "Only this action, or with a full stop at the end all actions that begin so, such as `token.`",
      examples: ["token."],
      "x-expected": "an action, or the beginning of actions with a full stop at the end",
    }),
  ),
  on: name("Only what was done to this id, name or path"),
  job: name("Only what concerns this job"),
  run: name("Only what concerns this run"),
  allowed: t.Optional(
    word(["true", "false"], "`true` for what was done, `false` for what was denied; without this, both"),
  ),
  since: t.Optional(wholeNumber(INSTANT, "Only from this time on, in ms since the Unix epoch")),
  until: t.Optional(wholeNumber(INSTANT, "Only before this time, in ms since the Unix epoch")),
  limit: t.Optional(
    wholeNumber(
      { minimum: 1, maximum: 1000 },
      "Maximum of entries. Without this, 100, or with `format=jsonl` all that match",
    ),
  ),
  before: t.Optional(
    wholeNumber({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }, "`next` of the page before; only older entries"),
  ),
  format: t.Optional(
    word(["json", "jsonl"], "`jsonl` for one JSON object per line, all entries that match unless `limit` is given"),
  ),
});

/** How many entries are read before other requests get their turn, which takes some ms. */
const SCAN = 5_000;

/** How many entries an export reads from the database at once. */
const EXPORT_PAGE = 500;

export const auditRoutes = ({ store, engine, log, closing, requests, authentication }: ApiContext) =>
  new Elysia().get(
    "/api/audit",
    ({ query, request }) => {
      const filter = filterOf(query, engine.currentJobId.bind(engine));
      const before = query.before === undefined ? null : Number(query.before);
      if (query.format !== "jsonl") return listed(store, filter, { limit: Number(query.limit ?? 100), before });
      requests.keepOpen(request);
      const limit = query.limit === undefined ? Number.MAX_SAFE_INTEGER : Number(query.limit);
      const ending = authentication.untilLogout(request, closing);
      return new Response(
        streamBody((signal) => exported(store, filter, { limit, before, signal }), ending, log),
        { headers: { "content-type": "application/x-ndjson" } },
      );
    },
    {
      query: AuditQuery,
      response: { 200: AuditList, ...failures("INVALID_REQUEST") },
      detail: {
        operationId: "listAudit",
        tags: ["scheduler"],
        summary: "List who did what, newest first",
        description:
          "Each request that changed something, each command on the database, each change of job files, and requests that were denied. An entry is " +
          "stored in the transaction of its action.",
      },
    },
  );

const filterOf = (query: typeof AuditQuery.static, currentId: (jobId: string) => string): AuditFilter => {
  const [since = null, until = null] = [query.since, query.until].map((at) => (at === undefined ? null : Number(at)));
  if (since !== null && until !== null && since >= until)
    throw invalidQuery("since", `${since} is not before ${until}, the end of the period`);
  return {
    who: query.who ?? null,
    actions: query.action === undefined ? null : actionsOf(query.action),
    target: query.on ?? null,
    jobId: query.job === undefined ? null : currentId(query.job),
    runId: query.run ?? null,
    allowed: query.allowed === undefined ? null : query.allowed === "true",
    since,
    until,
  };
};

const actionsOf = (text: string): readonly AuditAction[] => {
  const found = AUDIT_ACTIONS.filter((action) => (text.endsWith(".") ? action.startsWith(text) : action === text));
  if (found.length > 0) return found;
  throw invalidQuery(
    "action",
    `'${text}' is no action; expected ${AUDIT_ACTIONS.join(", ")}, or the beginning of some such as 'token.'`,
  );
};

const listed = async (store: Store, filter: AuditFilter, page: Page): Promise<typeof AuditList.static> => {
  const { rows, next } = await readPage(store, filter, page);
  return { entries: rows.map(auditEntryBody), count: rows.length, next };
};

type Page = { readonly limit: number; readonly before: number | null };

type Store = Pick<ApiStore, "audit">;

/** Reads a page in steps, of which each reads a bounded number of entries that may not match. */
const readPage = async (
  { audit }: Store,
  filter: AuditFilter,
  { limit, before }: Page,
): Promise<{ readonly rows: readonly AuditRow[]; readonly next: number | null }> => {
  const rows: AuditRow[] = [];
  for (let from = before; ; ) {
    const step = audit.list(filter, { limit: limit - rows.length, before: from, scan: SCAN });
    rows.push(...step.rows);
    if (step.next === null || rows.length >= limit) return { rows, next: step.next };
    from = step.next;
    await yieldToOthers();
  }
};

async function* exported(
  store: Store,
  filter: AuditFilter,
  { limit, before, signal }: Page & { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for (let from = before, left = limit; left > 0 && !signal.aborted; ) {
    const { rows, next } = await readPage(store, filter, { limit: Math.min(left, EXPORT_PAGE), before: from });
    if (rows.length > 0) yield encoder.encode(rows.map((row) => `${JSON.stringify(auditEntryBody(row))}\n`).join(""));
    if (next === null) return;
    from = next;
    left -= rows.length;
  }
}
