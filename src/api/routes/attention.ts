import { Elysia, t } from "elysia";
import { ID_PATTERN, parseJobId } from "../../domain/ids.ts";
import { isForAdmins } from "../../domain/inbox/entry.ts";
import { MAX_NOTE, MAX_OWNER, type MarkChange } from "../../domain/inbox/mark.ts";
import { entryNotFound } from "../../domain/refusal.ts";
import type { ApiContext } from "../context.ts";
import { invalidBody } from "../errors.ts";
import { readJsonWithTexts } from "../guard/body.ts";
import { AttentionBody, AttentionListBody, attentionEntry, attentionList } from "../shapes/attention/attention.ts";
import { failures } from "../shapes/failure.ts";
import { exactly, wholeNumber } from "../shapes/schemas.ts";

export const attentionRoutes = ({ engine, requests }: ApiContext) =>
  new Elysia().get(
    "/api/attention",
    async ({ query: { limit = 100, job }, request }) => {
      const jobId = job === undefined ? null : (engine.findJob(job)?.job.id ?? parseJobId(job));
      const jobIds = jobId === null ? null : new Set([jobId]);
      return attentionList(await engine.listAttention(Number(limit), jobIds, requests.isFromAdmin(request)));
    },
    {
      query: exactly({
        limit: t.Optional(wholeNumber({ minimum: 1, maximum: 1000, default: 100 }, "Maximum of items")),
        job: t.Optional(
          t.String({ pattern: ID_PATTERN, description: "Only what is about this job, also by a former id of it" }),
        ),
      }),
      response: { 200: AttentionListBody, ...failures("INVALID_REQUEST") },
      detail: {
        operationId: "listAttention",
        tags: ["runs"],
        summary:
          "List what needs attention: failing jobs, jobs that do not run, stuck runs, unreachable workers, broken files",
        description:
          "The answer can change with the events `run.started`, `run.finished`, `occurrence`, `attention.changed`, `jobs.reloaded`, `worker`, " +
          "and with pauses. Ask again every minute as well, because runs become stuck or late, and sendings of notifications fail, " +
          "without an event.",
      },
    },
  );

const EntryParams = exactly({
  entry_id: t.String({
    minLength: 1,
    description: "`id` of an item of the list",
    examples: ["job_failing:data_pipeline"],
  }),
});

const Note = t.String({
  description: `What to tell others, at most ${MAX_NOTE.toLocaleString("en-US")} characters; an empty text removes it`,
});
const Owner = t.String({
  description: `Who looks after it, in one line of at most ${MAX_OWNER} characters; an empty text removes it`,
});

const expected = {
  expected_version: t.Optional(
    t.String({
      maxLength: 100,
      description:
        "The `mark_version` that the change is based on: 409 if others have changed it since. Missing: it does not matter",
    }),
  ),
};

const AcknowledgeBody = exactly(
  { note: t.Optional(Note), owner: t.Optional(Owner), ...expected },
  { title: "AcknowledgeRequest", examples: [{ note: "the provider is down", owner: "mara" }] },
);

const INSTANT = { minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

const SnoozeBody = exactly(
  {
    until: t.Optional(wholeNumber(INSTANT, "Until this time, in ms since the Unix epoch")),
    for_ms: t.Optional(wholeNumber({ ...INSTANT, minimum: 1 }, "For so long, in ms")),
    until_change: t.Optional(t.Boolean({ description: "True: until it gets worse, or no longer needs attention" })),
    note: t.Optional(Note),
    ...expected,
  },
  {
    title: "SnoozeRequest",
    description: "One of `until`, `for_ms` and `until_change`",
    examples: [{ for_ms: 7200000 }],
  },
);

const OwnerBody = exactly({ owner: Owner, ...expected }, { title: "OwnerRequest", examples: [{ owner: "mara" }] });
const NoteBody = exactly(
  { note: Note, ...expected },
  { title: "NoteRequest", examples: [{ note: "the provider is down" }] },
);

type Given<Body> = { readonly params: typeof EntryParams.static; readonly body: Body; readonly request: Request };

/** The changes of one entry. Each answers with the entry as it is then. */
export const attentionMarkRoutes = ({ engine, clock, requests }: ApiContext) => {
  const assertVisible = (id: string, request: Request): void => {
    if (isForAdmins(id) && !requests.isFromAdmin(request)) throw entryNotFound(id);
  };
  const change = async ({ params, request }: Omit<Given<unknown>, "body">, kind: MarkChange) => {
    assertVisible(params.entry_id, request);
    return attentionEntry(await engine.changeAttention(params.entry_id, kind, requests.actorOf(request)));
  };
  const schema = {
    params: EntryParams,
    response: { 200: AttentionBody, ...failures("INVALID_REQUEST", "NOT_FOUND", "CONFLICT", "PAYLOAD_TOO_LARGE") },
  };
  const withBody = { ...schema, parse: readJsonWithTexts(["note", "owner", "expected_version"]) };
  const detail = (operationId: string, summary: string, description?: string) => ({
    operationId,
    tags: ["runs"],
    summary,
    ...(description !== undefined && { description }),
  });
  return new Elysia({ prefix: "/api/attention/:entry_id" })
    .get(
      "",
      async ({ params, request }: Omit<Given<unknown>, "body">) => {
        assertVisible(params.entry_id, request);
        return attentionEntry(await engine.findAttention(params.entry_id));
      },
      {
        params: EntryParams,
        response: { 200: AttentionBody, ...failures("NOT_FOUND") },
        detail: detail("getAttention", "Get one thing that needs attention"),
      },
    )
    .post(
      "/acknowledge",
      (given: Given<typeof AcknowledgeBody.static>) => {
        const { note, owner } = given.body;
        const texts = {
          ...(note !== undefined && { note: noteOf(note) }),
          ...(owner !== undefined && { owner: ownerOf(owner) }),
        };
        return change(given, { kind: "acknowledge", ...texts, ...expectedOf(given.body) });
      },
      {
        ...withBody,
        body: AcknowledgeBody,
        detail: detail(
          "acknowledgeAttention",
          "Say that somebody knows about what needs attention",
          "It moves to the end of the list, and further failures of the job send no notification until it completes. This ends by itself when it " +
            "gets worse: another task or another cause fails, or it has failed twice as often as when it was acknowledged, and at least four times.",
        ),
      },
    )
    .delete("/acknowledge", (given) => change(given, { kind: "unacknowledge" }), {
      ...schema,
      detail: detail("unacknowledgeAttention", "Take back an acknowledgement"),
    })
    .post(
      "/snooze",
      (given: Given<typeof SnoozeBody.static>) => {
        const { note } = given.body;
        const until = untilOf(given.body, clock.now());
        return change(given, {
          kind: "snooze",
          until,
          ...(note !== undefined && { note: noteOf(note) }),
          ...expectedOf(given.body),
        });
      },
      {
        ...withBody,
        body: SnoozeBody,
        detail: detail(
          "snoozeAttention",
          "Hide what needs attention for a while",
          "It moves to the end of the list, and further failures of the job send no notification meanwhile. This ends by itself as an " +
            "acknowledgement does.",
        ),
      },
    )
    .delete("/snooze", (given) => change(given, { kind: "unsnooze" }), {
      ...schema,
      detail: detail("unsnoozeAttention", "End a snooze"),
    })
    .post(
      "/owner",
      (given: Given<typeof OwnerBody.static>) =>
        change(given, { kind: "own", owner: ownerOf(given.body.owner), ...expectedOf(given.body) }),
      { ...withBody, body: OwnerBody, detail: detail("ownAttention", "Say who looks after what needs attention") },
    )
    .delete("/owner", (given) => change(given, { kind: "own", owner: null }), {
      ...schema,
      detail: detail("disownAttention", "Say that nobody looks after it"),
    })
    .post(
      "/note",
      (given: Given<typeof NoteBody.static>) =>
        change(given, { kind: "note", note: noteOf(given.body.note), ...expectedOf(given.body) }),
      {
        ...withBody,
        body: NoteBody,
        detail: detail("noteAttention", "Write a note about what needs attention"),
      },
    )
    .delete("/note", (given) => change(given, { kind: "note", note: null }), {
      ...schema,
      detail: detail("unnoteAttention", "Delete the note"),
    });
};

const expectedOf = ({ expected_version: version }: { readonly expected_version?: string }) =>
  version === undefined ? {} : { expected: version };

/** Control characters but tabs and line breaks, and characters that change the direction of text. */
const noteOf = (text: string): string | null =>
  textOf(text, { name: "note", max: MAX_NOTE, refused: /[^\P{Cc}\t\n\r]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u });

const ownerOf = (text: string): string | null =>
  textOf(text, { name: "owner", max: MAX_OWNER, refused: /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u });

type TextRules = { readonly name: string; readonly max: number; readonly refused: RegExp };

/** Returns the text without space around it; null if it is empty. */
const textOf = (given: string, { name, max, refused }: TextRules): string | null => {
  const text = given.trim();
  const characters = [...text].length;
  if (characters > max) throw invalidBody(name, `has ${characters} characters; expected at most ${max}`);
  const [refusedCharacter] = refused.exec(text) ?? [];
  if (refusedCharacter !== undefined)
    throw invalidBody(name, `contains the character ${codePoint(refusedCharacter)}; expected text without it`);
  if (!text.isWellFormed()) throw invalidBody(name, "contains an unpaired surrogate; expected text");
  return text || null;
};

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

const HOW_LONG = "expected one of until, for_ms and until_change: true";

/** Returns until when to snooze; null until it changes. */
const untilOf = (
  { until, for_ms: forMs, until_change: untilChange }: typeof SnoozeBody.static,
  now: number,
): number | null => {
  const given = [until, forMs, untilChange || undefined].filter((each) => each !== undefined);
  if (given.length !== 1)
    throw invalidBody("until", `${given.length === 0 ? "is missing" : "is not the only one"}; ${HOW_LONG}`);
  if (untilChange) return null;
  const at = until === undefined ? now + Number(forMs) : Number(until);
  if (at <= now) throw invalidBody("until", "is not in the future");
  if (at - now > MAX_SNOOZE_MS) throw invalidBody(until === undefined ? "for_ms" : "until", "is more than a year away");
  return at;
};

const MAX_SNOOZE_MS = 366 * 86_400_000;
