import { DEFAULT_EVENTS, type NotifyTarget } from "../domain/notification.ts";
import { buildSource, buildTextOrSecret } from "./build-secret.ts";
import type { JobFields } from "./schema/job.ts";

type Fields = JobFields["notify"][number];

export const buildNotify = (fields: Fields): NotifyTarget => ({
  type: fields.type,
  url: buildTextOrSecret(fields.url),
  on: fields.on ?? DEFAULT_EVENTS[fields.type],
  headers: Object.fromEntries(Object.entries(fields.headers).map(([name, value]) => [name, buildTextOrSecret(value)])),
  secret: fields.secret === undefined ? null : buildSource(fields.secret),
  timeoutMs: fields.timeout,
});
