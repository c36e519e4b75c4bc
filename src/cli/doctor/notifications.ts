import { receiverText } from "../../domain/notification.ts";
import { pluralize } from "../../lib/text.ts";
import type { ReadOnlyDatabase } from "../../store/database/read-only.ts";
import { type FailingTarget, findFailingTargets } from "../../store/failing-sendings.ts";
import { type Check, ok, warning } from "./check.ts";

/** Maximum number of receivers to list; the API lists all. */
const MAX_RECEIVERS = 3;

/** Checks for `notify` receivers whose last sendings failed. Skipped if the database's schema has no notifications yet. */
export const notificationsCheck = ({ db, state }: ReadOnlyDatabase): readonly Check[] => {
  if (state.version < 2) return [];
  const failing = findFailingTargets(db, state.version);
  if (failing.length === 0) return [ok("notifications", "no sending is failing")];
  const lines = failing.slice(0, MAX_RECEIVERS).map(lineOf);
  const more =
    failing.length > MAX_RECEIVERS ? [`and ${pluralize(failing.length - MAX_RECEIVERS, "receiver")} more`] : [];
  const message = [`sendings to ${pluralize(failing.length, "receiver")} are failing:`, ...lines, ...more].join("\n");
  const hint = "fix the URL or its server; GET /api/notifications lists the sendings";
  return [warning("notifications", { message, hint })];
};

const lineOf = ({ jobId, target, waiting, givenUp, error }: FailingTarget): string => {
  const counts = [waiting > 0 ? `${waiting} waiting` : "", givenUp > 0 ? `${givenUp} given up` : ""].filter(Boolean);
  return `${jobId ?? "digest"} to ${receiverText(target)} (${target.type}): ${error} (${counts.join(", ")})`;
};
