import { createServer } from "node:net";
import { resolve } from "node:path";
import { addressUrl, urlOf } from "../../app/settings/settings.ts";
import { withoutSecret } from "../../app/settings/shown.ts";
import { findLockOwner } from "../../store/database/lock.ts";
import { MEMORY } from "../../store/database/open.ts";
import { openClient } from "../client/client.ts";
import { askHealth, type HealthAnswer } from "../client/health.ts";
import type { Context } from "../command.ts";
import { type Check, failed, ok, warning } from "./check.ts";

type Found = {
  /** Who has the database, as it says itself; null where nobody has. */
  readonly holder: string | null;
  /** Where commands look for a petit. */
  readonly url: string;
  readonly answer: HealthAnswer;
  /** The database of what answers, as it says itself; null where it doesn't say. */
  readonly database: string | null;
};

/** The scheduler, if one runs, and the address that one would take. */
export const schedulerChecks = async (context: Context): Promise<readonly Check[]> => {
  const url = urlOf(context.settings);
  const holder = holderOf(context);
  const answer = await askHealth(url);
  const database = answer.kind === "petit" ? await databaseOf(context) : null;
  const found: Found = { holder, url: withoutSecret(url), answer, database };
  return [schedulerCheck(found, context), await portCheck(holder !== null || isItsOwn(found, context), context)];
};

/** What is closed to who asks can't be looked into: the check of the database tells of that. */
const holderOf = ({ settings: { db }, runtime }: Context): string | null => {
  try {
    return db === MEMORY ? null : findLockOwner(runtime, db);
  } catch {
    return null;
  }
};

/** Whether what answers says that this is its database. */
const isItsOwn = ({ database }: Found, { settings }: Context): boolean =>
  database !== null && database === resolve(settings.db);

/** It may ask for a token that isn't at hand. */
const databaseOf = async (context: Context): Promise<string | null> => {
  try {
    return (await openClient(context).get("/api/system")).database.path;
  } catch {
    return null;
  }
};

const schedulerCheck = (found: Found, context: Context): Check => {
  const { holder, answer } = found;
  if (answer.kind === "petit") return petitCheck(found, answer, context);
  const db = context.settings.db;
  if (holder === null) {
    const stranger = answer.kind === "stranger" ? `; what answers at ${found.url} is no petit` : "";
    return ok("scheduler", `no petit runs on ${db}${stranger}`);
  }
  const served = urlIn(holder);
  if (served === null) return ok("scheduler", `${db} is held by ${holder}, which serves no API`);
  const why = answer.kind === "silence" ? answer.why : "what answers is no petit";
  const message = `${db} is held by ${holder}, but it can't be asked at ${found.url}: ${why}`;
  return warning("scheduler", { message, hint: `name its address: --url ${served}` });
};

type Petit = Extract<HealthAnswer, { readonly kind: "petit" }>;

const petitCheck = (found: Found, answer: Petit, context: Context): Check => {
  const { holder, url, database } = found;
  const { settings, version } = context;
  const who = `petit ${answer.version} at ${url}`;
  if (answer.status !== "ok") {
    const message = `${who} is ${answer.status}: ${answer.reasons.map(({ message }) => message).join("; ")}`;
    return answer.status === "degraded"
      ? warning("scheduler", { message, hint: "mend what it names; 'petit reload' has it look again" })
      : failed("scheduler", {
          message,
          hint: "its log tells more; it goes on by itself when the database can be written",
        });
  }
  const isOn = holder === null ? isItsOwn(found, context) : !isElsewhere(holder, url);
  if (!isOn) {
    const held = holder === null ? "" : `, which is held by ${holder}`;
    const message = `${who} answers, but it doesn't run on ${settings.db}${held}`;
    const hint =
      database === null
        ? "name its database with --db, or another petit's address with --url"
        : `to check that petit: --db ${database}; --url names the address of another`;
    return warning("scheduler", { message, hint });
  }
  if (answer.version !== version) {
    return warning("scheduler", { message: `${who} runs, but this is petit ${version}`, hint: "restart it" });
  }
  return ok("scheduler", `${who} runs on ${settings.db}${holder === null ? "" : `: ${holder}`}`);
};

/** `process 17 (http://127.0.0.1:8565)`: its address, where it has one. */
const urlIn = (holder: string): string | null => /\((https?:[^)]+)\)/.exec(holder)?.[1] ?? null;

/** Whether the holder can't be what answers at `url`. */
const isElsewhere = (holder: string, url: string): boolean => {
  const served = urlIn(holder);
  if (served === null) return true;
  const [own, asked] = [new URL(served), new URL(url)];
  return own.hostname === asked.hostname && own.port !== asked.port;
};

const portCheck = async (isHeld: boolean, { settings }: Context): Promise<Check> => {
  const { api, apiHost, apiPort } = settings;
  if (!api) return ok("port", "the API is off: nothing listens");
  const address = addressUrl(apiHost, apiPort).replace("http://", "");
  const code = await tryToListen(apiHost, apiPort);
  if (code === null)
    return ok("port", apiPort === 0 ? `${address} stands for whichever is free` : `${address} is free`);
  if (code !== "EADDRINUSE") {
    const message = `petit can't listen at ${address}: ${code}`;
    return failed("port", { message, hint: "name another address with --api-host or --api-port" });
  }
  const answer = await askHealth(urlOf({ url: null, apiHost, apiPort }));
  if (answer.kind === "petit" && isHeld) return ok("port", `${address} is taken by petit ${answer.version}`);
  if (answer.kind === "petit") {
    const message = `${address} is taken by a petit with another database`;
    return failed("port", {
      message,
      hint: "to check that petit, name its database; to run one more, another --api-port",
    });
  }
  const message = `${address} is taken by something that is no petit`;
  return failed("port", { message, hint: "stop what listens there, or name another with --api-port" });
};

/** The system's word for why it can't be listened there; null where it can. */
const tryToListen = (host: string, port: number): Promise<string | null> =>
  new Promise((settle) => {
    const server = createServer();
    server.once("error", (error) => settle("code" in error && error.code ? String(error.code) : error.message));
    server.listen({ host: host.replace(/^\[|\]$/g, ""), port, exclusive: true }, () =>
      server.close(() => settle(null)),
    );
  });
