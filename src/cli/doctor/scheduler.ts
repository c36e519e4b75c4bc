import { createServer } from "node:net";
import { resolve } from "node:path";
import { addressUrl, urlOf } from "../../app/settings/settings.ts";
import { withoutSecret } from "../../app/settings/shown.ts";
import { listeningProcess } from "../../lib/network/listening-process.ts";
import { findLockOwner } from "../../store/database/lock.ts";
import { type LockOwner, lockOwnerText } from "../../store/database/lock-owner.ts";
import { MEMORY } from "../../store/database/open.ts";
import { openClient } from "../client/client.ts";
import { askHealth, type HealthAnswer } from "../client/health.ts";
import type { Context } from "../command.ts";
import { type Check, failed, ok, warning } from "./check.ts";

type SchedulerFacts = {
  /** The process that locks the database, as it describes itself; null if none does. */
  readonly lockOwner: LockOwner | null;
  /** The address at which commands look for the running petit. */
  readonly url: string;
  readonly answer: HealthAnswer;
  /** The path of the database that the running petit reports; null if unknown. */
  readonly database: string | null;
};

/** Checks the running scheduler, if there is one, and the address that `petit run` would listen on. */
export const schedulerChecks = async (context: Context): Promise<readonly Check[]> => {
  const url = urlOf(context.settings);
  const lockOwner = lockOwnerOf(context);
  const answer = await askHealth(url);
  const database = answer.kind === "petit" ? await databaseOf(context) : null;
  const facts: SchedulerFacts = { lockOwner, url: withoutSecret(url), answer, database };
  return [schedulerCheck(facts, context), await portCheck(lockOwner !== null || usesDatabase(facts, context), context)];
};

/** Returns the owner of the database's lock. Errors are ignored here, because the database check reports them. */
export const lockOwnerOf = ({ settings: { db }, runtime }: Context): LockOwner | null => {
  try {
    return db === MEMORY ? null : findLockOwner(runtime, db);
  } catch {
    return null;
  }
};

/** Returns whether the running petit reports this database as its own. */
const usesDatabase = ({ database }: SchedulerFacts, { settings }: Context): boolean =>
  database !== null && database === resolve(settings.db);

/** Returns null if the running petit does not answer, for example because it requires a token. */
const databaseOf = async (context: Context): Promise<string | null> => {
  try {
    return (await openClient(context).get("/api/system")).database.path;
  } catch {
    return null;
  }
};

const schedulerCheck = (facts: SchedulerFacts, context: Context): Check => {
  const { lockOwner, answer } = facts;
  if (answer.kind === "petit") return petitCheck(facts, answer, context);
  const db = context.settings.db;
  if (lockOwner === null) {
    const note = answer.kind === "foreign" ? `; the server at ${facts.url} is not petit` : "";
    return ok("scheduler", `no petit runs on ${db}${note}`);
  }
  const owner = lockOwnerText(lockOwner);
  if (lockOwner.url === null) return ok("scheduler", `${db} is locked by ${owner}, which serves no API`);
  const reason = answer.kind === "unreachable" ? answer.why : "the server there is not petit";
  const message = `${db} is locked by ${owner}, which can't be reached at ${facts.url}: ${reason}`;
  return warning("scheduler", { message, hint: `pass its address: --url ${lockOwner.url}` });
};

type Petit = Extract<HealthAnswer, { readonly kind: "petit" }>;

const petitCheck = (facts: SchedulerFacts, answer: Petit, context: Context): Check => {
  const { lockOwner, url, database } = facts;
  const { settings, version } = context;
  const name = `petit ${answer.version} at ${url}`;
  if (answer.status === "starting" || answer.status === "stopping") {
    const hint = answer.status === "starting" ? "check again when it has started" : "it accepts no triggers";
    return warning("scheduler", { message: `${name} is ${answer.status}`, hint });
  }
  if (answer.status !== "ok") {
    const message = `${name} is ${answer.status}: ${answer.reasons.map(({ message }) => message).join("; ")}`;
    return answer.status === "degraded"
      ? warning("scheduler", { message, hint: "fix the problem, then run 'petit reload'" })
      : failed("scheduler", {
          message,
          hint: "see its log; it recovers when the database can be written again",
        });
  }
  const isOn = lockOwner === null ? usesDatabase(facts, context) : !isElsewhere(lockOwner, url);
  if (!isOn) {
    const locked = lockOwner === null ? "" : `, which is locked by ${lockOwnerText(lockOwner)}`;
    const message = `${name} answers, but it does not run on ${settings.db}${locked}`;
    const hint =
      database === null
        ? "pass its database with --db, or the address of another petit with --url"
        : `to check that petit, pass --db ${database}; for another one, pass --url`;
    return warning("scheduler", { message, hint });
  }
  if (answer.version !== version) {
    return warning("scheduler", {
      message: `${name} is running, but this is petit ${version}`,
      hint: "restart the running petit",
    });
  }
  return ok("scheduler", `${name} runs on ${settings.db}${lockOwner === null ? "" : `: ${lockOwnerText(lockOwner)}`}`);
};

/** Returns whether the lock's owner can't be the server at `url`. */
const isElsewhere = ({ url: served }: LockOwner, url: string): boolean => {
  if (served === null) return true;
  const [own, asked] = [new URL(served), new URL(url)];
  return own.hostname === asked.hostname && own.port !== asked.port;
};

const portCheck = async (isLocked: boolean, { settings }: Context): Promise<Check> => {
  const { api, apiHost, apiPort } = settings;
  if (!api) return ok("port", "the API is turned off");
  const address = addressUrl(apiHost, apiPort).replace("http://", "");
  const code = await tryToListen(apiHost, apiPort);
  if (code === null) return ok("port", apiPort === 0 ? `${address} selects a free port` : `${address} is free`);
  if (code !== "EADDRINUSE") {
    const message = `petit can't listen at ${address}: ${code}`;
    return failed("port", { message, hint: "choose another address with --api-host or --api-port" });
  }
  const answer = await askHealth(urlOf({ url: null, apiHost, apiPort }));
  if (answer.kind === "petit" && isLocked) return ok("port", `${address} is in use by petit ${answer.version}`);
  if (answer.kind === "petit") {
    const message = `${address} is in use by a petit with another database`;
    return failed("port", {
      message,
      hint: "to check that petit, pass --db; to run a second one, pass another --api-port",
    });
  }
  const message = `${address} is in use by ${listeningProcess(apiPort) ?? "another program"}`;
  return failed("port", { message, hint: "stop that program, or choose another port with --api-port" });
};

/** Returns the error code of listening at an address, such as `EADDRINUSE`, or null if it works. */
const tryToListen = (host: string, port: number): Promise<string | null> =>
  new Promise((settle) => {
    const server = createServer();
    server.once("error", (error) => settle("code" in error && error.code ? String(error.code) : error.message));
    server.listen({ host: host.replace(/^\[|\]$/g, ""), port, exclusive: true }, () =>
      server.close(() => settle(null)),
    );
  });
