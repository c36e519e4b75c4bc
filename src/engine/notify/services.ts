import type { NotifyTarget, NotifyType, TargetOf } from "../../domain/notification.ts";
import type { SecretPlaces } from "../secrets/read-secret.ts";
import { resolveAll } from "./secret.ts";
import type { SendResult } from "./send.ts";
import { discord } from "./services/discord.ts";
import { email } from "./services/email.ts";
import { healthchecks } from "./services/healthchecks.ts";
import { matrix } from "./services/matrix.ts";
import type { CheckTools, Notice, NotifyService, ReceiverCheck, SendTools } from "./services/notify-service.ts";
import { ntfy } from "./services/ntfy.ts";
import { slack } from "./services/slack.ts";
import { teams } from "./services/teams.ts";
import { telegram } from "./services/telegram.ts";
import { webhook } from "./services/webhook.ts";

const SERVICES: { readonly [Type in NotifyType]: NotifyService<Type> } = {
  webhook,
  healthchecks,
  email,
  slack,
  discord,
  teams,
  ntfy,
  telegram,
  matrix,
};

const serviceOf = <Type extends NotifyType>({ type }: TargetOf<Type>): NotifyService<Type> => SERVICES[type];

/** Sends a notification to a target, once. Never throws. */
export const sendTo = async (
  target: NotifyTarget,
  notice: Notice,
  { environment, folder, clock, runtime, signal }: SecretPlaces & SendTools,
): Promise<SendResult> => {
  const resolved = resolveAll(target, { environment, folder });
  if ("problem" in resolved) return { kind: "failed", why: resolved.problem, retryAfterMs: null };
  const { values } = resolved;
  return await serviceOf(target).send(notice, { target, values, folder }, { clock, runtime, signal });
};

/** Connects to a receiver without sending anything: to a mail server with its encryption and login, to a web server with TLS. */
export const checkReceiver = async (
  target: NotifyTarget,
  { environment, folder, timeoutMs }: SecretPlaces & CheckTools,
): Promise<ReceiverCheck> => {
  const resolved = resolveAll(target, { environment, folder });
  if ("problem" in resolved) return { isReachable: false, text: resolved.problem };
  const { values } = resolved;
  return await serviceOf(target).check({ target, values, folder }, { environment, timeoutMs });
};

/**
 * Identifies the connection to a receiver: receivers with the same key need only one check. Null if its secrets can't be read, or
 * its URL is invalid.
 */
export const connectionKey = (target: NotifyTarget, { environment, folder }: SecretPlaces): string | null => {
  const resolved = resolveAll(target, { environment, folder });
  return "problem" in resolved ? null : serviceOf(target).connectionKey({ target, values: resolved.values, folder });
};
