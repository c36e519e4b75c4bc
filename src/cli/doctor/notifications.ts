import { maskedUrl } from "../../domain/notification.ts";
import type { ReadOnlyDatabase } from "../../store/database/read-only.ts";
import { type FailingTarget, findFailingTargets } from "../../store/failing-deliveries.ts";
import { counted } from "../terminal/counted.ts";
import { type Check, ok, warning } from "./check.ts";

/** Receivers that are told of; the API tells of all. */
const TOLD = 3;

/** Receivers of a job's `notify` that nothing reached lately; none in a database that is older than notifications. */
export const notificationsCheck = ({ db, state }: ReadOnlyDatabase): readonly Check[] => {
  if (state.version < 2) return [];
  const failing = findFailingTargets(db);
  if (failing.length === 0) return [ok("notifications", "none is failing")];
  const lines = failing.slice(0, TOLD).map(lineOf);
  const more = failing.length > TOLD ? [`and ${counted(failing.length - TOLD, "receiver")} more`] : [];
  const message = [`${counted(failing.length, "receiver")} could not be told:`, ...lines, ...more].join("\n");
  const hint = "mend the URL, or what listens there; GET /api/notifications tells of each";
  return [warning("notifications", { message, hint })];
};

const lineOf = ({ jobId, target, waiting, givenUp, error }: FailingTarget): string => {
  const counts = [waiting > 0 ? `${waiting} waiting` : "", givenUp > 0 ? `${givenUp} given up` : ""].filter(Boolean);
  return `${jobId} to ${maskedUrl(target.url)} (${target.type}): ${error} (${counts.join(", ")})`;
};
