import { assertNever } from "../../../lib/never.ts";

/** A trigger as the API returns it. */
type TriggerFacts =
  | { readonly type: "webhook"; readonly path: string; readonly verify: string }
  | { readonly type: "files"; readonly paths: readonly string[]; readonly batch: "each" | "all" }
  | { readonly type: "run"; readonly job_id: string; readonly on: readonly string[] }
  | { readonly type: "nats"; readonly stream: string; readonly subject: string };

/** Returns what starts a run, as a noun phrase: `a new file that matches /srv/in/*.csv`. */
export const triggerText = (trigger: TriggerFacts): string => {
  switch (trigger.type) {
    case "webhook":
      return `a webhook at ${trigger.path} (${trigger.verify})`;
    case "files": {
      const paths = trigger.paths.join(" or ");
      return trigger.batch === "each" ? `a new file that matches ${paths}` : `new files that match ${paths}`;
    }
    case "run":
      return `the end of a run of ${trigger.job_id}: ${trigger.on.join(" or ")}`;
    case "nats":
      return `a message on ${trigger.subject} of the stream ${trigger.stream}`;
    default:
      return assertNever(trigger);
  }
};
