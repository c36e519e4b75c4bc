import type { DeliveryList } from "../../../api/shapes/delivery.ts";
import { defaultZone } from "../../../app/settings/settings.ts";
import type { Client } from "../../../client/client.ts";
import { DELIVERY_OUTCOMES, type DeliveryOutcome } from "../../../domain/deliveries/delivery.ts";
import { PetitError } from "../../../domain/errors.ts";
import { deliverySubject, deliveryText } from "../../../domain/words/deliveries/delivery.ts";
import { roughlyText } from "../../../domain/words/duration.ts";
import { usageError } from "../../argv.ts";
import { openClient } from "../../client/client.ts";
import { noteJob } from "../../client/job-note.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { parseSince, readCount } from "../../flag-values.ts";
import { runName, shortIds } from "../../run-display/short-id.ts";
import { fold } from "../../terminal/columns.ts";
import { readableLocal } from "../../terminal/local-time.ts";
import { type Column, columnTable } from "../../terminal/table.ts";
import { paint } from "../../terminal/terminal.ts";
import { oneLine } from "../../terminal/text-width.ts";

const LIMIT = { flag: "--limit", max: 1000 };
const DEFAULT_LIMIT = 20;

/** How many skipped deliveries one command replays at most. */
const MAX_REPLAYS = 1000;

export const deliveries = defineCommand({
  name: "deliveries",
  summary: "List the events that reached petit, show one, or run it again",
  description:
    "Lists deliveries, such as webhooks, of the running petit, newest first, with what became of each. 'show' prints one with " +
    "its event. 'replay' starts a run of each again, with the same event; with --skipped, of all that were skipped since a time and not replayed since.",
  usage: [
    "petit deliveries [JOB]",
    "petit deliveries show ID",
    "petit deliveries replay ID...",
    "petit deliveries replay --skipped --since TIME [JOB]",
  ],
  args: {
    "JOB|ACTION": {
      type: "positional",
      required: false,
      description: "Only deliveries to this job; or 'show' or 'replay'.",
    },
    ID: { type: "positional", required: false, description: "The delivery; several for 'replay'." },
    limit: {
      type: "string",
      alias: "n",
      valueHint: "N",
      description: `Maximum number of deliveries, 1 to ${LIMIT.max}. [default: ${DEFAULT_LIMIT}]`,
    },
    outcome: {
      type: "string",
      valueHint: "OUTCOME",
      description: `Only deliveries with this outcome: ${DELIVERY_OUTCOMES.join(", ")}.`,
    },
    since: {
      type: "string",
      valueHint: "TIME",
      description: "Only deliveries received at this time or later: a time, or a duration before now, such as 2h.",
    },
    before: { type: "string", valueHint: "ID", description: "Only deliveries older than this one." },
    skipped: { type: "boolean", description: "With 'replay': all deliveries that were skipped since --since." },
  },
  repeatsLast: true,
  settings: ["timezone"],
  examples: [
    "petit deliveries",
    "petit deliveries deploy --outcome skipped",
    "petit deliveries show 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60",
    "petit deliveries replay --skipped --since 2h deploy",
  ],
  run: async (args, context) => {
    const [first, ...ids] = args._;
    const since =
      args.since === undefined
        ? undefined
        : parseSince(args.since, { flag: "--since", now: context.clock.now(), zone: defaultZone(context.settings) });
    if (first === "show") return await show(ids, context);
    if (first === "replay")
      return args.skipped === true ? await replaySkipped(ids, since, context) : await replayAll(ids, context);
    if (ids.length > 0) throw usageError(`unexpected argument '${ids[0]}'`, null, "petit deliveries");
    const query = {
      limit: readCount(args.limit, LIMIT) ?? DEFAULT_LIMIT,
      outcome: outcomeOf(args.outcome),
      since,
      before: args.before,
    };
    const client = openClient(context);
    const list =
      first === undefined
        ? await client.get("/api/deliveries", { query })
        : await client.get("/api/jobs/:job_id/deliveries", { params: { job_id: first }, query });
    if (first !== undefined) await noteJob(client, first, context);
    const { out, err } = context.terminal;
    if (context.json) out.write(`${JSON.stringify(list, null, 2)}\n`);
    else if (list.count > 0) out.write(columnTable(columns(list.deliveries, context), out));
    else if (out.isTerminal) err.write(paint(err, "dim", "no deliveries\n"));
    return EXIT.DONE;
  },
});

const outcomeOf = (text: string | undefined): DeliveryOutcome | undefined => {
  if (text === undefined) return undefined;
  const outcome = DELIVERY_OUTCOMES.find((each) => each === text);
  if (outcome !== undefined) return outcome;
  throw new PetitError("invalid_request", `--outcome is '${text}'; expected one of ${DELIVERY_OUTCOMES.join(", ")}`);
};

type DeliveryRow = (typeof DeliveryList.static)["deliveries"][number];

const columns = (list: readonly DeliveryRow[], { terminal: { out }, settings, clock }: Context): readonly Column[] => {
  const zone = defaultZone(settings);
  const now = clock.now();
  const ids = list.map(({ id }) => id);
  return [
    { title: "DELIVERY", cells: out.isTerminal ? shortIds(ids) : ids },
    { title: "JOB", cells: list.map(({ job_id }) => job_id), shrink: 5, min: 12 },
    { title: "EVENT", cells: list.map((each) => oneLine(deliverySubject(each))), shrink: 4, min: 6, drop: 2 },
    { title: "OUTCOME", cells: list.map(({ outcome }) => outcome) },
    {
      title: "RECEIVED",
      cells: list.map(({ received_at }) =>
        out.isTerminal ? roughlyText(received_at - now) : readableLocal(received_at, zone),
      ),
      drop: 5,
    },
    { title: "RUN", cells: list.map(({ run_id }) => (run_id === null ? "-" : runName(run_id, out))), drop: 6 },
    {
      title: "WHY",
      cells: list.map((each) => whyText(each) || (out.isTerminal ? "" : "-")),
      shrink: 2,
      min: 16,
      drop: 3,
    },
  ];
};

const whyText = (delivery: DeliveryRow): string =>
  delivery.outcome === "fired" ? "" : oneLine(deliveryText(delivery));

const show = async (ids: readonly string[], context: Context): Promise<ExitStatus> => {
  const [id] = ids;
  if (id === undefined || ids.length > 1)
    throw usageError("expected one ID: petit deliveries show ID", null, "petit deliveries");
  const { out } = context.terminal;
  const client = openClient(context);
  const delivery = await client.get("/api/deliveries/:delivery_id", {
    params: { delivery_id: await findDelivery(client, id) },
  });
  if (context.json) {
    out.write(`${JSON.stringify(delivery, null, 2)}\n`);
    return EXIT.DONE;
  }
  const zone = defaultZone(context.settings);
  const rows: readonly (readonly [string, string | null])[] = [
    ["delivery", delivery.id],
    ["job", delivery.trigger === null ? delivery.job_id : `${delivery.job_id}, trigger '${delivery.trigger}'`],
    ["event", delivery.event_type],
    ["provider id", delivery.provider_id],
    ["received", readableLocal(delivery.received_at, zone)],
    ["outcome", deliveryText(delivery)],
    ["run", delivery.run_id === null ? null : runName(delivery.run_id, out)],
    ["merged into", delivery.merged_into],
    ["replay of", delivery.replay_of],
  ];
  for (const [name, value] of rows)
    if (value !== null)
      out.write(`${paint(out, "bold", name.padEnd(14))}${fold(oneLine(value), " ".repeat(14), out)}\n`);
  out.write(
    delivery.event === null
      ? paint(
          out,
          "dim",
          "its event is not stored; petit keeps those of the newest 1,000 deliveries of a job, for 30 days\n",
        )
      : `${JSON.stringify(delivery.event, null, 2)}\n`,
  );
  return EXIT.DONE;
};

const replayAll = async (ids: readonly string[], context: Context): Promise<ExitStatus> => {
  if (ids.length === 0)
    throw usageError("expected the ID of a delivery, or --skipped --since TIME", null, "petit deliveries");
  const client = openClient(context);
  const replayed: DeliveryRow[] = [];
  for (const id of ids) replayed.push(await replayOne(client, await findDelivery(client, id), context));
  return writeReplayed(replayed, context);
};

const replaySkipped = async (
  jobs: readonly string[],
  since: number | undefined,
  context: Context,
): Promise<ExitStatus> => {
  if (since === undefined) throw usageError("--skipped needs --since TIME", null, "petit deliveries");
  const [job] = jobs;
  if (jobs.length > 1) throw usageError(`unexpected argument '${jobs[1]}'`, null, "petit deliveries");
  const client = openClient(context);
  const query = { limit: MAX_REPLAYS, outcome: "skipped" as const, unreplayed: true, since };
  const { deliveries: skipped } =
    job === undefined
      ? await client.get("/api/deliveries", { query })
      : await client.get("/api/jobs/:job_id/deliveries", { params: { job_id: job }, query });
  const replayed: DeliveryRow[] = [];
  // In the order in which they came. Of a message that was too large, petit has no event.
  const stored = skipped.filter(({ reason }) => reason !== "too_large");
  for (const { id } of stored.toReversed()) replayed.push(await replayOne(client, id, context));
  if (replayed.length === 0)
    context.terminal.err.write("petit: no delivery was skipped since then, but for those that were replayed\n");
  return writeReplayed(replayed, context);
};

const replayOne = async (client: Client, id: string, { terminal: { err }, json }: Context): Promise<DeliveryRow> => {
  const replayed = await client.post("/api/deliveries/:delivery_id/replay", { params: { delivery_id: id } });
  if (!json) err.write(`${runName(id, err)}: ${deliveryText(replayed)}\n`);
  return replayed;
};

/** Exits with 1 if one of the deliveries was skipped again. */
const writeReplayed = (replayed: readonly DeliveryRow[], { terminal: { out }, json }: Context): ExitStatus => {
  if (json) out.write(`${JSON.stringify({ deliveries: replayed, count: replayed.length }, null, 2)}\n`);
  else for (const { run_id } of replayed) if (run_id !== null) out.write(`${run_id}\n`);
  return replayed.length > 0 && replayed.every(({ outcome }) => outcome !== "skipped") ? EXIT.DONE : EXIT.FAILED;
};

/** Returns the id of the delivery that a full id, or its end as lists show it, names. */
const findDelivery = async (client: Client, text: string): Promise<string> => {
  const part = text.replace(/^…/, "").toLowerCase();
  if (!/^[0-9a-f-]{4,35}$/.test(part)) return part;
  const { deliveries: newest } = await client.get("/api/deliveries", { query: { limit: LIMIT.max } });
  const matching = newest.filter(({ id }) => id.endsWith(part) || id.startsWith(part));
  const [first] = matching;
  if (first === undefined) return part;
  if (matching.length === 1) return first.id;
  throw new PetitError("invalid_request", `'${part}' is a part of the ids of ${matching.length} deliveries`);
};
