import { DEFAULT_EVENTS, type NotifyTarget, type SecretSource, type TextOrSecret } from "../domain/notification.ts";
import type { JobFields } from "./schema/job.ts";

type Fields = JobFields["notify"][number];
type SourceFields = NonNullable<Fields["secret"]>;

export const buildNotify = (fields: Fields): NotifyTarget => ({
  type: fields.type,
  url: buildTextOrSecret(fields.url),
  on: fields.on ?? DEFAULT_EVENTS[fields.type],
  headers: Object.fromEntries(Object.entries(fields.headers).map(([name, value]) => [name, buildTextOrSecret(value)])),
  secret: fields.secret === undefined ? null : buildSource(fields.secret),
  timeoutMs: fields.timeout,
});

const buildTextOrSecret = (fields: string | SourceFields): TextOrSecret =>
  typeof fields === "string" ? fields : buildSource(fields);

const buildSource = ({ env, file }: SourceFields): SecretSource => (env === undefined ? { file: file ?? "" } : { env });
