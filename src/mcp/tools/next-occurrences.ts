import { startsAtBoot } from "../../domain/schedule/boot.ts";
import { parseExpression } from "../../domain/schedule/expression.ts";
import { isTimezone, localTime } from "../../domain/schedule/local-time.ts";
import { nextOccurrences as listNext, type NextJob } from "../../domain/schedule/next-occurrences.ts";
import { text, whole } from "../arguments.ts";
import { pauseText } from "../facts/scheduler.ts";
import { defineTool, type ToolContext } from "../tool.ts";
import { ToolError } from "../tool-error.ts";
import { momentOf } from "./moment.ts";

const DEFAULT_COUNT = 10;
const MAX_COUNT = 100;

export const nextOccurrences = defineTool({
  name: "next_occurrences",
  description: "List when a job, or a cron expression in a time zone, is due next.",
  args: {
    job: text(),
    cron: text('Such as "0 2 * * *"'),
    timezone: text("For cron, such as Europe/Paris"),
    from: text("Time; default now"),
    count: whole({ max: MAX_COUNT, initial: DEFAULT_COUNT }),
  },
  effect: "reads",
  run: async ({ job, cron, timezone, from, count = DEFAULT_COUNT }, context) => {
    if ((job === undefined) === (cron === undefined)) throw new ToolError("give either 'job' or 'cron'");
    if (timezone !== undefined && (cron === undefined || !isTimezone(timezone)))
      throw new ToolError(
        cron === undefined
          ? "'timezone' is for 'cron'; a job has its own"
          : `'${timezone.slice(0, 100)}' is not a time zone; expected a name such as Europe/Paris`,
      );
    const after = momentOf("from", from, context) ?? context.clock.now();
    const scheduled =
      cron === undefined ? await ofJob(job ?? "", context) : ofExpression(cron, timezone ?? context.zone);
    const occurrences = listNext([scheduled.job], { after, until: null, count, zone: context.zone });
    return {
      fields: {
        job: job === undefined ? null : scheduled.job.id,
        scheduler: job === undefined ? null : await pauseText(context),
        note: occurrences.length === 0 ? scheduled.whyNone : scheduled.note,
      },
      list: {
        name: "occurrences",
        entries: occurrences.map(({ at, startsAt, zone, isExcluded, note }) => ({
          data: {
            due: localTime(at, zone),
            starts: startsAt === at ? null : localTime(startsAt, zone),
            excluded: isExcluded || null,
            note,
          },
          cursor: localTime(at, zone),
        })),
        cursor: null,
      },
    };
  },
});

type Scheduled = {
  readonly job: NextJob;
  /** What is to be known about the occurrences; null for nothing. */
  readonly note: string | null;
  /** Why there are none, if there are none. */
  readonly whyNone: string;
};

const ofExpression = (cron: string, timezone: string): Scheduled => {
  const expression = parseExpression(cron);
  if (expression.kind === "wrong")
    throw new ToolError(`'${cron.slice(0, 100)}' is not a schedule: ${expression.problem}`);
  return {
    job: { id: "cron", enabled: true, schedule: { expressions: [cron], timezone, jitterMs: 0 } },
    note: null,
    whyNone: expression.kind === "boot" ? "it is due at each boot of the machine" : "it is never due",
  };
};

const ofJob = async (name: string, { client }: ToolContext): Promise<Scheduled> => {
  const job = await client.get("/api/jobs/:job_id", { params: { job_id: name } });
  const { id, schedule: expressions, timezone, jitter_ms: jitterMs, except: dates, enabled, gone, paused } = job;
  const schedule =
    expressions === null
      ? null
      : { expressions, timezone, jitterMs: jitterMs ?? 0, ...(dates.length > 0 && { except: { dates, files: [] } }) };
  const atBoot = startsAtBoot(expressions ?? []) ? "it is also due at each boot of the machine" : null;
  return {
    job: { id, enabled: enabled && !gone, schedule, isGone: gone },
    note: paused ? "the job is paused: these start no runs until it is resumed" : atBoot,
    whyNone: gone
      ? "no job file defines the job any more"
      : expressions === null
        ? "the job has no schedule; it runs when it is triggered"
        : enabled
          ? (atBoot ?? "the schedule has ended")
          : "the schedule is disabled in the job file",
  };
};
