import { defaultEvents, type EmailTarget, type NotifyTarget, type NotifyType } from "../domain/notification.ts";
import type { SecretSource } from "../domain/secret.ts";
import { buildSource, buildTextOrSecret } from "./build-secret.ts";
import type { JobFields } from "./schema/job.ts";

type Fields = NonNullable<JobFields["notify"]>[number];
type SecretFields = NonNullable<Fields["secret"]>;

export const buildNotify = (fields: Fields): NotifyTarget => {
  const { type } = fields;
  switch (type) {
    case "webhook":
    case "healthchecks":
      return {
        ...commonOf(type, fields),
        url: buildTextOrSecret(fields.url ?? ""),
        headers: Object.fromEntries(
          Object.entries(fields.headers).map(([name, value]) => [name, buildTextOrSecret(value)]),
        ),
        secret: buildOptional(fields.secret),
      };
    case "slack":
    case "discord":
    case "teams":
      return { ...commonOf(type, fields), url: buildTextOrSecret(fields.url ?? "") };
    case "ntfy":
      return {
        ...commonOf(type, fields),
        url: buildTextOrSecret(fields.url ?? ""),
        token: buildOptional(fields.token),
      };
    case "telegram":
      return {
        ...commonOf(type, fields),
        url: buildTextOrSecret(fields.url ?? TELEGRAM_URL),
        token: buildSource(fields.token ?? NO_SECRET),
        chat: fields.chat ?? "",
      };
    case "email":
      return buildEmail(type, fields);
  }
};

/** Never used, since the check requires the field. */
const NO_SECRET = { env: "", file: undefined, credential: undefined };

/** The public server of Telegram's Bot API. */
const TELEGRAM_URL = "https://api.telegram.org";

const commonOf = <const Type extends NotifyType>(
  type: Type,
  fields: Fields,
): { readonly type: Type } & Pick<NotifyTarget, "on" | "timeoutMs"> => ({
  type,
  on: fields.on ?? defaultEvents(type),
  timeoutMs: fields.timeout,
});

const DEFAULT_PORTS = { starttls: 587, tls: 465, none: 25 } as const satisfies Record<EmailTarget["tls"], number>;

const buildEmail = (type: "email", fields: Fields): EmailTarget => {
  const tls = fields.tls ?? "starttls";
  return {
    ...commonOf(type, fields),
    host: fields.host ?? "",
    port: fields.port ?? DEFAULT_PORTS[tls],
    tls,
    user: fields.user === undefined ? null : buildTextOrSecret(fields.user),
    password: buildOptional(fields.password),
    from: fields.from ?? "",
    to: typeof fields.to === "string" ? [fields.to] : (fields.to ?? []),
    caFile: fields.ca_file ?? null,
  };
};

const buildOptional = (fields: SecretFields | undefined): SecretSource | null =>
  fields === undefined ? null : buildSource(fields);
