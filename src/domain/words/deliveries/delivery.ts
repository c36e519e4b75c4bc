import { assertNever } from "../../../lib/never.ts";
import { shortenMiddle } from "../../../lib/text.ts";
import type {
  DeliveryFiles,
  DeliveryOutcome,
  DeliverySkip,
  DeliveryWait,
  UnfiredDeliveries,
} from "../../deliveries/delivery.ts";

/** What became of a delivery. */
export const DELIVERY_OUTCOME_TEXT = {
  waiting: "it has not started a run yet",
  fired: "it has a run",
  merged: "a newer delivery with the same key has the run",
  skipped: "petit decided against a run",
} as const satisfies Record<DeliveryOutcome, string>;

/** The same of those without a run. */
export const UNFIRED_DELIVERY_TEXT = {
  skipped: DELIVERY_OUTCOME_TEXT.skipped,
  waiting: DELIVERY_OUTCOME_TEXT.waiting,
} as const satisfies Record<UnfiredDeliveries["outcome"], string>;

/** Why a delivery waits or was skipped, as a clause. */
export const DELIVERY_REASON_TEXT = {
  busy: "its run waits for a slot",
  debounce: "petit waits for more deliveries with the same key",
  paused: "the scheduler or the job is paused",
  event: "the trigger has no such type of event",
  condition_not_met: "the `if` of the trigger is false, or could not be evaluated",
  invalid_params: "its params do not fit those of the job",
  too_many: "the job was paused, and more than 1,000 newer deliveries waited",
  disabled: "the job was disabled",
  overlap: "an earlier run was still running",
  dependency: "a gate on another job was shut",
  too_deep: "more than 20 runs had started one another",
  too_large: "the message is larger than 1 MiB",
  gone: "the job or its trigger was removed",
} as const satisfies Record<DeliveryWait | DeliverySkip, string>;

type DeliveryWords = {
  readonly outcome: DeliveryOutcome;
  readonly reason: DeliveryWait | DeliverySkip | null;
  readonly problem: string | null;
};

/** Returns what became of a delivery, as a clause: `it was skipped: the job was disabled`. */
export const deliveryText = ({ outcome, reason, problem }: DeliveryWords): string => {
  switch (outcome) {
    case "fired":
      return DELIVERY_OUTCOME_TEXT.fired;
    case "merged":
      return "it was merged into a newer delivery with the same key";
    case "waiting":
      return `it waits: ${reason === null ? DELIVERY_OUTCOME_TEXT.waiting : DELIVERY_REASON_TEXT[reason]}`;
    case "skipped":
      return `it was skipped: ${problem ?? (reason === null ? DELIVERY_OUTCOME_TEXT.skipped : DELIVERY_REASON_TEXT[reason])}`;
    default:
      return assertNever(outcome);
  }
};

/** Maximum length of a path in a list. */
const MAX_PATH = 100;

/** Returns what a delivery was about, as lists show it: `push`, or `files /srv/in/a.csv and 2 more`. An older petit does not say the files. */
export const deliverySubject = ({
  event_type: eventType,
  files = null,
}: {
  readonly event_type: string;
  readonly files?: DeliveryFiles | null;
}): string => {
  if (files === null) return eventType;
  const more = files.count === 1 ? "" : ` and ${files.count - 1} more`;
  return `${eventType} ${shortenMiddle(files.path, MAX_PATH)}${more}`;
};
