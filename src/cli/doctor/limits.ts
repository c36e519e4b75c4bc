import type { Job } from "../../domain/job.ts";
import { findUnenforced, type LimitSupport, type UnenforcedLimits } from "../../domain/limits/unenforced.ts";
import { limitsText, unenforcedText } from "../../domain/words/task.ts";
import { findCgroups, limitSupportOf } from "../../engine/attempt/cgroup/support.ts";
import { openClient } from "../client/client.ts";
import type { Context } from "../command.ts";
import { type Check, ok, warning } from "./check.ts";

/** Checks whether limits of tasks are enforced, and says which ones are the defaults. */
export const limitsChecks = async (jobs: readonly Job[], context: Context): Promise<readonly Check[]> => {
  const { taskLimits = {} } = context;
  const defaults = limitsText(taskLimits);
  const ofAll = defaults === "" ? "" : `; a task without limits of its own has ${defaults}`;
  const support = await findLimitSupport(context);
  const unenforced = findUnenforced(jobs, { defaults: taskLimits, support });
  if (unenforced !== null)
    return [warning("limits", { message: `${unenforcedMessage(unenforced)}${ofAll}`, hint: unenforced.advice })];
  if (support.gap === null) return [ok("limits", `memory, cpus and pids are enforced${ofAll}`)];
  return [ok("limits", `not all of memory, cpus and pids can be enforced, which no job asks for${ofAll}`)];
};

/** Says which limits of which jobs are not enforced, and why. */
export const unenforcedMessage = ({ jobs, reason }: UnenforcedLimits): string =>
  unenforcedText({
    count: jobs.length,
    jobIds: jobs.map(({ jobId }) => jobId),
    limits: [...new Set(jobs.flatMap(({ limits }) => limits))],
    reason,
  });

/** Asks the running petit, which a service manager may have given what this process does not have. Looks here if there is none. */
export const findLimitSupport = async (context: Context): Promise<LimitSupport> => {
  try {
    const { limit_support: found } = await openClient(context).get("/api/system");
    if (found != null) {
      const { enforced, reason, advice } = found;
      return { enforced, gap: reason === null ? null : { reason, advice: advice ?? "" } };
    }
  } catch {
    // No petit runs, or it does not answer this person.
  }
  return limitSupportOf(findCgroups(context));
};
