import { definedIn } from "../../app/open-database.ts";
import type { Job } from "../../domain/job.ts";
import { type NotifyTarget, receiverText } from "../../domain/notification.ts";
import { missingSecrets } from "../../engine/notify/secret.ts";
import type { ReceiverCheck } from "../../engine/notify/services/notify-service.ts";
import { checkReceiver, connectionKey } from "../../engine/notify/services.ts";
import type { SecretPlaces } from "../../engine/secrets/read-secret.ts";
import type { Context } from "../command.ts";
import { type Check, firstLines, ok, warning } from "./check.ts";

/** Checks whether the receivers of notifications can be used from here. Empty if there are none. */
export const receiverChecks = async (jobs: readonly Job[], context: Context): Promise<readonly Check[]> => {
  if (jobs.every(({ notify = [] }) => notify.length === 0)) return [];
  return [secretsCheck(jobs, context), ...(await connectionChecks(jobs, context))];
};

/** Checks whether the secrets of notifications can be read. */
const secretsCheck = (jobs: readonly Job[], { environment }: Context): Check => {
  const missing = missingSecrets(jobs, { environment: definedIn(environment) });
  if (missing.length === 0) return ok("notify", "the secrets of all receivers can be read");
  const hint =
    "set it where petit runs, if it has other variables or another user than this command; then run 'petit notify test JOB', or --digest";
  return warning("notify", { message: firstLines(missing.map(({ message }) => message)), hint });
};

/** Maximum number of receivers to list. */
const MAX_RECEIVERS = 10;

/** How long a receiver may take to answer. All are checked at once. */
const TIMEOUT_MS = 5_000;

/** Connects to each receiver whose secrets can be read, and sends nothing. */
const connectionChecks = async (jobs: readonly Job[], context: Context): Promise<readonly Check[]> => {
  const environment = definedIn(context.environment);
  const checks = await Promise.all(
    distinctReceivers(jobs, environment).map(async ({ target, folder }) => ({
      target,
      ...(await checkReceiver(target, { environment, folder, timeoutMs: TIMEOUT_MS })),
    })),
  );
  const reached = checks.filter(({ isReachable }) => isReachable);
  const failing = checks.filter(({ isReachable }) => !isReachable);
  const hint =
    "check its address and login, and the network of this machine; then send a message with 'petit notify test JOB', or --digest";
  return [
    ...(reached.length === 0 ? [] : [ok("receivers", firstLines(reached.map(lineOf), MAX_RECEIVERS))]),
    ...(failing.length === 0
      ? []
      : [warning("receivers", { message: firstLines(failing.map(lineOf), MAX_RECEIVERS), hint })]),
  ];
};

type PlacedReceiver = { readonly target: NotifyTarget; readonly folder: string };

/** Returns one receiver for each connection. */
const distinctReceivers = (
  jobs: readonly Job[],
  environment: SecretPlaces["environment"],
): readonly PlacedReceiver[] => {
  const found = new Map<string, PlacedReceiver>();
  for (const { notify = [], source } of jobs)
    for (const target of notify) {
      const { folder } = source;
      const key = connectionKey(target, { environment, folder });
      if (key !== null && !found.has(key)) found.set(key, { target, folder });
    }
  return [...found.values()];
};

const lineOf = ({ target, text }: ReceiverCheck & { readonly target: NotifyTarget }): string =>
  `${target.type} to ${receiverText(target)}: ${text}`;
