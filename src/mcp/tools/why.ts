import { findBlockers } from "../../client/why/blockers.ts";
import { readJobFacts } from "../../client/why/job-facts.ts";
import {
  deliveryTexts,
  expectationSentence,
  historyTexts,
  lastRunText,
  nextRunText,
  triggerTexts,
  unfiredSentence,
} from "../../client/why/sentences.ts";
import { type Blocker, blockerText } from "../../domain/words/blocker.ts";
import { required, text } from "../arguments.ts";
import { failureLines } from "../facts/run.ts";
import { defineTool } from "../tool.ts";

const PAST_OCCURRENCES = 20;
const UPCOMING_OCCURRENCES = 3;

/** Returns what to do about a blocker, with the tools of agents instead of commands. */
const adviceFor = ({ code }: Blocker, remedy: string | null): string | null => {
  if (code === "job_paused") return "resume_job continues";
  return code === "scheduler_paused" ? "a person can resume it" : remedy;
};

export const why = defineTool({
  name: "why",
  description: "Explain why a job ran or did not run, what blocks it, and when it runs next.",
  args: { job: required(text()) },
  effect: "reads",
  run: async ({ job: name }, { client, clock, iso, isoIn }) => {
    const facts = await readJobFacts(name, {
      client,
      health: client.get("/api/health").then(
        ({ status, reasons = [] }) => ({ status, reasons }),
        () => null,
      ),
      past: PAST_OCCURRENCES,
      upcoming: UPCOMING_OCCURRENCES,
    });
    const { job, lastRun } = facts;
    const time = { now: clock.now(), atText: (at: number) => iso(at) ?? "" };
    const ofSchedule = { now: time.now, atText: (at: number) => isoIn(job.timezone, at) ?? "" };
    const blockers = findBlockers(facts, time.now).map((blocker) => {
      const { what, remedy } = blockerText(blocker, time.atText);
      const advice = adviceFor(blocker, remedy);
      return advice === null ? what : `${what}; ${advice}`;
    });
    return {
      fields: {
        job: job.id,
        started_by: triggerTexts(facts),
        // The error can contain output.
        last_run: lastRunText({ ...facts, lastRun: lastRun === null ? null : { ...lastRun, error: null } }, time),
        last_run_id: lastRun?.id,
        not_run: unfiredSentence(facts, time),
        expected: expectationSentence(facts, time),
        next_run: nextRunText(facts, ofSchedule),
        blocked_by: blockers.length === 0 ? "nothing" : blockers,
        history: historyTexts(facts, time),
        untrusted: {
          events: deliveryTexts(facts, time),
          last_run: { error: lastRun?.error, ...failureLines(lastRun?.failure ?? null) },
        },
      },
    };
  },
});
