import { statSync } from "node:fs";
import { natsAccess, type Settings } from "../../app/settings/settings.ts";
import { readSigningKey, readTrust } from "../../app/settings/signing-keys.ts";
import { workerNameOf } from "../../app/worker/worker-name.ts";
import { linkFaultHint, linkFaultText } from "../../domain/words/link.ts";
import { formatDuration } from "../../lib/duration.ts";
import { errorMessage } from "../../lib/error-message.ts";
import { formatSize } from "../../lib/size.ts";
import { pluralize } from "../../lib/text.ts";
import type { ConnectionFacts, JetStreamFacts, SchedulerInspection } from "../../nats/inspect.ts";
import type { Context } from "../command.ts";
import { type Check, failed, ok, warning } from "./check.ts";
import { isOpen, modeOf } from "./files.ts";

/**
 * Checks the connection to NATS, what petit may do there, and its keys: as a worker if `--trust` is given, otherwise as the scheduler.
 * Omitted without `--nats`.
 */
export const natsChecks = async (context: Context): Promise<readonly Check[]> => {
  const { settings } = context;
  if (settings.nats.length === 0) return [];
  return settings.trust === null ? await schedulerChecks(context) : await workerChecks(settings, settings.trust);
};

const workerChecks = async (settings: Settings, trust: readonly string[]): Promise<readonly Check[]> => {
  const { inspectAsWorker } = await import("../../nats/inspect.ts");
  const keys = trustCheck(trust);
  try {
    const name = workerNameOf(settings);
    const { connection, refused } = await inspectAsWorker(natsAccess(settings), name);
    if ("fault" in connection) return [failed("nats", problemOf(connection)), keys];
    return [
      connectionCheck(connection),
      accessCheck(refused, `the worker ${name}`),
      ...credentialsCheck(settings),
      keys,
    ];
  } catch (error) {
    return [failed("nats", { message: errorMessage(error), hint: "correct the nats settings" }), keys];
  }
};

const trustCheck = (trust: readonly string[]): Check => {
  try {
    return ok("trust", `the worker runs what ${trust.flatMap(readTrust).join(" or ")} has signed`);
  } catch (error) {
    return failed("trust", {
      message: errorMessage(error),
      hint: "pass what 'petit worker keygen' printed with --trust",
    });
  }
};

const schedulerChecks = async ({ settings, clock }: Context): Promise<readonly Check[]> => {
  // Loaded here because the client of NATS is large.
  const { inspectAsScheduler } = await import("../../nats/inspect.ts");
  try {
    const found = await inspectAsScheduler(natsAccess(settings), clock);
    return [...inspectionChecks(found), ...credentialsCheck(settings), signingKeyCheck(settings)];
  } catch (error) {
    return [
      failed("nats", { message: errorMessage(error), hint: "correct the nats settings" }),
      signingKeyCheck(settings),
    ];
  }
};

const inspectionChecks = ({
  connection,
  jetStream,
  refused,
  clockDifferenceMs,
}: SchedulerInspection): readonly Check[] => {
  if ("fault" in connection) return [failed("nats", problemOf(connection))];
  return [
    connectionCheck(connection),
    ...(jetStream === null
      ? []
      : ["fault" in jetStream ? failed("jetstream", problemOf(jetStream)) : jetStreamCheck(jetStream)]),
    accessCheck(refused, "petit"),
    ...(clockDifferenceMs === null ? [] : [clockCheck(clockDifferenceMs)]),
  ];
};

const accessCheck = (refused: readonly string[], who: string): Check =>
  refused.length === 0
    ? ok("nats_access", `${who} may do what it needs`)
    : failed("nats_access", problemOf({ fault: "permissions", detail: refused.join("\n") }));

type Problem = Extract<SchedulerInspection["connection"], { readonly fault: string }>;

const problemOf = ({ fault, detail }: Problem) => ({
  message: `${linkFaultText(fault)}: ${detail}`,
  hint: linkFaultHint(fault) ?? "try again",
});

const connectionCheck = ({ server, version, isEncrypted, roundTripMs }: ConnectionFacts): Check => {
  const message = `${server} answers in ${roundTripMs} ms, nats-server ${version}`;
  if (isEncrypted) return ok("nats", `${message}, with TLS`);
  if (isLoopback(server)) return ok("nats", message);
  return warning("nats", {
    message: `${message}, without TLS: others on the network can read what tasks print`,
    hint: "configure TLS in nats-server, then use tls:// instead of nats://",
  });
};

const isLoopback = (server: string): boolean => /^(127\.|localhost:|\[?::1\]?:)/.test(server);

/** Below this free space, scripts and artifacts may not fit. */
const MIN_FREE = 0.1;

const jetStreamCheck = ({ streams, bytes, maxBytes, maxStreams }: JetStreamFacts): Check => {
  const most = maxBytes === null ? "unlimited" : formatSize(maxBytes);
  const message = `${pluralize(streams, "stream")}${maxStreams === null ? "" : ` of ${maxStreams}`} with ${formatSize(bytes)}; limit: ${most}`;
  const isFull =
    (maxBytes !== null && bytes > maxBytes * (1 - MIN_FREE)) || (maxStreams !== null && streams >= maxStreams);
  if (!isFull) return ok("jetstream", message);
  return warning("jetstream", { message, hint: "raise the limits of the account in nats-server's configuration" });
};

/** petit does not need equal clocks, but people compare times. */
const MAX_DIFFERENCE_MS = 10_000;

const clockCheck = (differenceMs: number): Check => {
  const size = Math.abs(differenceMs);
  if (size < MAX_DIFFERENCE_MS) return ok("nats_clock", `differs from this one by ${size} ms`);
  const direction = differenceMs > 0 ? "ahead of" : "behind";
  return warning("nats_clock", {
    message: `the clock of the NATS server is ${formatDuration(size - (size % 1000))} ${direction} this one`,
    hint: "synchronize the clocks, for example with chrony; workers are not affected, but times in logs are hard to compare",
  });
};

const credentialsCheck = ({ natsCreds }: Settings): readonly Check[] => {
  const stats = natsCreds === null ? null : statSync(natsCreds);
  if (natsCreds === null || !isOpen(stats)) return [];
  const message = `others can read the credentials in ${natsCreds} (mode ${modeOf(stats)})`;
  return [warning("nats_creds", { message, hint: `chmod 600 ${natsCreds}` })];
};

const signingKeyCheck = ({ natsSigningKey }: Settings): Check => {
  const make = "make one with 'petit worker keygen FILE', and pass it with --nats-signing-key FILE";
  if (natsSigningKey === null)
    return failed("signing_key", { message: "there is no key that signs work for workers", hint: make });
  try {
    const keys = natsSigningKey.map((file) => readSigningKey(file).publicKey);
    return ok("signing_key", `workers need --trust ${keys.join(" or ")}`);
  } catch (error) {
    return failed("signing_key", { message: errorMessage(error), hint: make });
  }
};
