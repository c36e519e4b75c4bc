import { defaultZone } from "../../../app/settings/settings.ts";
import type { Client } from "../../../client/client.ts";
import { isRefused } from "../../../client/error.ts";
import { isName } from "../../../domain/ids.ts";
import { COMING_FORM, parseComing } from "../../../domain/inbox/snooze-time.ts";
import { DURATION_FORM, parseDuration } from "../../../lib/duration.ts";
import { suggest } from "../../../lib/suggest.ts";
import { usageError } from "../../argv.ts";
import { openClient } from "../../client/client.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus, Failure } from "../../exit.ts";
import type { AttentionBody } from "../../status/overview-data.ts";
import { readableLocal } from "../../terminal/local-time.ts";
import { oneLine } from "../../terminal/text-width.ts";

const WHAT = {
  type: "positional",
  required: true,
  description: "The id of an entry of what needs attention, or a job, for all entries about it.",
} as const;

const NOTE = { type: "string", valueHint: "TEXT", description: "What others should know; '' removes it." } as const;

export const ack = defineCommand({
  name: "ack",
  summary: "Say that somebody knows about what needs attention",
  description:
    "The entry moves to the end of what needs attention, for everybody, with who acknowledged it. Further failures of the same cause send no " +
    "notification until the job recovers. This ends by itself when another task or cause fails, or when the job has failed twice as often, " +
    "and at least four times. 'petit status --json' has the ids of the entries. --json writes the entries.",
  args: {
    "ENTRY|JOB": WHAT,
    note: NOTE,
    owner: { type: "string", valueHint: "NAME", description: "Who looks after it; '' removes it." },
    undo: { type: "boolean", description: "Take the acknowledgement back." },
  },
  settings: [],
  examples: ["petit ack data_pipeline --note 'the provider is down'", "petit ack data_pipeline --undo"],
  run: async ({ "ENTRY|JOB": what, note, owner, undo = false }, context) => {
    if (undo && (note !== undefined || owner !== undefined))
      throw usageError("--undo takes no --note or --owner", null, "petit ack");
    const client = openClient(context);
    const body = { ...(note !== undefined && { note }), ...(owner !== undefined && { owner }) };
    const change = ({ id }: AttentionBody) => {
      const params = { entry_id: id };
      return undo
        ? client.delete("/api/attention/:entry_id/acknowledge", { params })
        : client.post("/api/attention/:entry_id/acknowledge", { params, body });
    };
    return await changeEach(
      await findEntries(client, what, context),
      {
        change,
        said: (entry, before) =>
          undo ? "no longer acknowledged" : `acknowledged${replacedText(entry, before, context)}`,
      },
      context,
    );
  },
});

export const snooze = defineCommand({
  name: "snooze",
  summary: "Hide what needs attention for a while",
  description:
    "The entry moves to the end of what needs attention, for everybody, and its failures send no notification: for a time (--for), until a " +
    "time (--until), or until it changes (--until-change). It comes back by itself when it gets worse, as after 'petit ack'.",
  args: {
    "ENTRY|JOB": WHAT,
    for: { type: "string", valueHint: "DURATION", description: "For so long, such as 2h." },
    until: {
      type: "string",
      valueHint: "TIME",
      description: "Until then: 18:00, tomorrow, 'monday 09:00', or an ISO 8601 time.",
    },
    "until-change": { type: "boolean", description: "Until it gets worse, or no longer needs attention." },
    note: NOTE,
    undo: { type: "boolean", description: "End the snooze." },
  },
  settings: ["timezone"],
  examples: ["petit snooze data_pipeline --for 2h", "petit snooze data_pipeline --until 'monday 09:00'"],
  run: async (args, context) => {
    const { "ENTRY|JOB": what, for: duration, until, "until-change": untilChange = false, note, undo = false } = args;
    const given = [duration !== undefined, until !== undefined, untilChange, undo].filter(Boolean).length;
    if (given !== 1)
      throw usageError(
        `petit snooze ${given === 0 ? "needs a time" : "takes only one of its times"}; expected one of --for 2h, --until 18:00, --until-change and --undo`,
        null,
        "petit snooze",
      );
    const client = openClient(context);
    const time = undo ? {} : bodyOf({ duration, until }, context);
    const body = { ...time, ...(note !== undefined && { note }) };
    const change = ({ id }: AttentionBody) => {
      const params = { entry_id: id };
      return undo
        ? client.delete("/api/attention/:entry_id/snooze", { params })
        : client.post("/api/attention/:entry_id/snooze", { params, body });
    };
    const said = (entry: AttentionBody, before: AttentionBody): string => {
      if (undo) return "no longer snoozed";
      const { snoozed_until: at } = entry;
      const until = at === null ? "it changes" : readableLocal(at, defaultZone(context.settings));
      return `snoozed until ${until}${replacedText(entry, before, context)}`;
    };
    return await changeEach(await findEntries(client, what, context), { change, said }, context);
  },
});

type Given = { readonly duration: string | undefined; readonly until: string | undefined };

const bodyOf = ({ duration, until }: Given, { clock, settings }: Context) => {
  if (duration !== undefined) {
    const forMs = parseDuration(duration);
    if (forMs === null || forMs === 0)
      throw usageError(`--for is '${duration}'; expected ${DURATION_FORM}`, null, "petit snooze");
    return { for_ms: forMs };
  }
  if (until === undefined) return { until_change: true };
  const now = clock.now();
  const at = parseComing(until, { now, zone: defaultZone(settings) });
  if (at === null) throw usageError(`--until is '${until}'; expected ${COMING_FORM}`, null, "petit snooze");
  return { until: at };
};

/**
 * Returns the entry with an id, or the entries about a job. A job that failed in a run of another one may have no entry of its own: then
 * it is the entry of that one, and a note says so.
 */
const findEntries = async (
  client: Client,
  what: string,
  { terminal: { err } }: Context,
): Promise<readonly AttentionBody[]> => {
  const { items } = await client.get("/api/attention", { query: { limit: 1000 } });
  const found = items.filter(({ id }) => id === what);
  const matching = found.length > 0 ? found : items.filter(({ job_id }) => job_id === what);
  if (matching.length > 0) return matching;
  const jobId = what.replace(/^job_(?:failing|flapping):/, "");
  const parents = items.filter((item) => "child_jobs" in item && item.child_jobs?.includes(jobId));
  for (const { job_id, id } of parents)
    err.write(`'${jobId}' has no entry of its own: it failed in a run of '${job_id}', whose entry is ${id}\n`);
  if (parents.length > 0) return parents;
  const cause = items.find(({ consequences }) => consequences?.some(({ job_id }) => job_id === jobId));
  if (cause !== undefined)
    throw new Failure(
      EXIT.USAGE,
      `'${jobId}' has no entry of its own, because it waits for what ${cause.id} is about; name that one instead`,
    );
  const others = await findUnlisted(client, what);
  if (others.length > 0) return others;
  const similar = suggest(
    what,
    items.flatMap(({ id, job_id }) => [id, job_id ?? id]),
  );
  const expected = similar === null ? "'petit status' lists what does" : `did you mean '${similar}'?`;
  throw new Failure(EXIT.USAGE, `nothing about '${what}' needs attention; ${expected}`);
};

/** Returns entries that the longest list does not have, or not with this id of a job, which may be a former one. */
const findUnlisted = async (client: Client, what: string): Promise<readonly AttentionBody[]> => {
  if (isName(what)) return (await client.get("/api/attention", { query: { limit: 1000, job: what } })).items;
  try {
    return [await client.get("/api/attention/:entry_id", { params: { entry_id: what } })];
  } catch (error) {
    // An older petit has no such route.
    if (isRefused(error, "NOT_FOUND") || isRefused(error, "METHOD_NOT_ALLOWED")) return [];
    throw error;
  }
};

type EachChange = {
  readonly change: (entry: AttentionBody) => Promise<AttentionBody>;
  /** Returns what happened to an entry. `before` is how it was. */
  readonly said: (entry: AttentionBody, before: AttentionBody) => string;
};

/** Returns what a change has replaced of what another person said; empty if nothing. */
const replacedText = (entry: AttentionBody, before: AttentionBody, { settings }: Context): string => {
  const at = (time: number): string => readableLocal(time, defaultZone(settings));
  const { acknowledged, snoozed, owner } = before;
  const was = [
    isOfOther(acknowledged, entry.acknowledged) &&
      `acknowledged by ${personText(acknowledged)} at ${at(acknowledged.at)}`,
    isOfOther(snoozed, entry.snoozed) && `snoozed by ${personText(snoozed)} at ${at(snoozed.at)}`,
    owner !== null && owner !== entry.owner && `looked after by ${oneLine(owner)}`,
  ].filter((part) => part !== false);
  return was.length === 0 ? "" : ` (was ${was.join(", ")})`;
};

type Said = { readonly by: string | null; readonly at: number } | null;

const isOfOther = <Each extends Said>(before: Each, now: Said): before is NonNullable<Each> =>
  before !== null && now !== null && now.at !== before.at && now.by !== before.by;

const personText = ({ by }: NonNullable<Said>): string => (by === null ? "somebody unknown" : oneLine(by));

const changeEach = async (
  entries: readonly AttentionBody[],
  { change, said }: EachChange,
  { terminal: { out }, json }: Context,
): Promise<ExitStatus> => {
  const changed: { readonly before: AttentionBody; readonly entry: AttentionBody }[] = [];
  for (const before of entries) changed.push({ before, entry: await change(before) });
  if (json)
    out.write(
      `${JSON.stringify(
        changed.map(({ entry }) => entry),
        null,
        2,
      )}\n`,
    );
  else
    for (const { before, entry } of changed)
      out.write(`${entry.id} is ${said(entry, before)}: ${oneLine(entry.message)}\n`);
  return EXIT.DONE;
};
