import type { AuditList } from "../../../api/shapes/people/audit.ts";
import { defaultZone } from "../../../app/settings/settings.ts";
import { roughlyText } from "../../../domain/words/duration.ts";
import { openClient } from "../../client/client.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { parseSince, readCount } from "../../flag-values.ts";
import { readableLocal } from "../../terminal/local-time.ts";
import { type Column, columnTable } from "../../terminal/table.ts";
import { oneLine } from "../../terminal/text-width.ts";

const DEFAULT_LIMIT = 50;
const LIMIT = { flag: "--limit", max: 100_000 };

/** How many entries petit answers at most. */
const PAGE = 1_000;

export const audit = defineCommand({
  name: "audit",
  summary: "List who did what, and what was denied",
  description:
    "Lists the audit log of the running petit, newest first, for which it needs the token of an admin: each request that changed something, each command on the " +
    "database, each change of job files, and denied requests. --action takes an action, such as job.trigger, or the beginning of several with a full stop, such as " +
    "token. With --json, each entry is a line of JSON. docs/audit.md lists the actions.",
  args: {
    who: { type: "string", valueHint: "NAME", description: "Only what this person did." },
    action: { type: "string", valueHint: "ACTION", description: "Only this action, or all that begin so: 'token.'." },
    on: { type: "string", valueHint: "THING", description: "Only what was done to this id, name or path." },
    job: { type: "string", valueHint: "JOB", description: "Only what concerns this job." },
    run: { type: "string", valueHint: "RUN", description: "Only what concerns the run with this whole id." },
    denied: { type: "boolean", description: "Only what was denied." },
    since: {
      type: "string",
      valueHint: "TIME",
      description: "Only from this time on: 2h ago, friday, or 2026-03-08T01:30.",
    },
    until: { type: "string", valueHint: "TIME", description: "Only before this time." },
    limit: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `Maximum number of entries, 1 to ${LIMIT.max}. [default: ${DEFAULT_LIMIT}]`,
    },
  },
  settings: ["timezone"],
  examples: [
    "petit audit",
    "petit audit --who mara --since 7d",
    "petit audit --action token. --json",
    "petit audit --denied --since 24h",
  ],
  run: async ({ who, action, on, job, run, denied = false, since, until, limit: given }, context) => {
    const { out, err } = context.terminal;
    const limit = readCount(given, LIMIT) ?? DEFAULT_LIMIT;
    const timeOf = (flag: string, text: string | undefined) =>
      text === undefined
        ? text
        : parseSince(text, { flag, now: context.clock.now(), zone: defaultZone(context.settings) });
    const query = {
      who,
      action,
      on,
      job,
      run,
      ...(denied && { allowed: "false" as const }),
      since: timeOf("--since", since),
      until: timeOf("--until", until),
    };
    const client = openClient(context);
    const entries: Entry[] = [];
    for (let before: number | undefined; entries.length < limit; ) {
      const page = { limit: Math.min(PAGE, limit - entries.length), before };
      const list = await client.get("/api/audit", { query: { ...query, ...page } });
      if (context.json) for (const entry of list.entries) out.write(`${JSON.stringify(entry)}\n`);
      entries.push(...list.entries);
      if (list.next === null) break;
      before = list.next;
    }
    if (!context.json) out.write(columnTable(columnsOf(entries, context), out));
    if (!context.json && entries.length === 0) err.write("there are no such entries\n");
    return EXIT.DONE;
  },
});

type Entry = (typeof AuditList.static)["entries"][number];

const columnsOf = (list: readonly Entry[], { terminal: { out }, settings, clock }: Context): readonly Column[] => {
  const zone = defaultZone(settings);
  const now = clock.now();
  const isDenied = (row: number): boolean => list[row]?.allowed === false;
  return [
    {
      title: "WHEN",
      cells: list.map(({ at }) => (out.isTerminal ? roughlyText(at - now) : readableLocal(at, zone))),
    },
    { title: "WHO", cells: list.map(({ who }) => oneLine(who ?? "")), shrink: 2, min: 8 },
    { title: "ROLE", cells: list.map(({ role }) => role ?? ""), drop: 3 },
    { title: "HOW", cells: list.map(({ how }) => how), drop: 4 },
    { title: "ADDRESS", cells: list.map(({ address }) => address ?? ""), drop: 2 },
    {
      title: "ACTION",
      cells: list.map(({ action, allowed, count }) => {
        const times = count === 1 ? "" : ` (${count} times)`;
        return `${allowed ? "" : "denied: "}${action}${times}`;
      }),
      style: (row) => (isDenied(row) ? "red" : null),
    },
    { title: "ON", cells: list.map((entry) => oneLine(onText(entry))), shrink: 1, min: 12 },
  ];
};

/** Returns what an entry is about. For changed jobs, which. */
const onText = ({ on, job_id: jobId, action, details, run_id: runId }: Entry): string => {
  if (action === "jobs.change") return changeText(details);
  const thing = on ?? jobId ?? "";
  return runId === null || runId === thing ? thing : `${thing} (run ${runId})`;
};

const changeText = (details: Entry["details"]): string =>
  (["added", "changed", "removed"] as const)
    .flatMap((kind) => {
      const ids = details?.[kind];
      return Array.isArray(ids) && ids.length > 0 ? [`${kind}: ${ids.join(", ")}`] : [];
    })
    .join("; ");
