import { DEFAULT_EVENTS, type Discreet, type NotifyTarget, type SecretSource } from "../domain/notification.ts";
import type { JobFields } from "./schema/job.ts";

type Fields = JobFields["notify"][number];
type SourceFields = NonNullable<Fields["secret"]>;

export const buildNotify = (fields: Fields): NotifyTarget => ({
  type: fields.type,
  url: buildDiscreet(fields.url),
  on: fields.on ?? DEFAULT_EVENTS[fields.type],
  headers: Object.fromEntries(Object.entries(fields.headers).map(([name, value]) => [name, buildDiscreet(value)])),
  secret: fields.secret === undefined ? null : buildSource(fields.secret),
  timeoutMs: fields.timeout,
});

const buildDiscreet = (fields: string | SourceFields): Discreet =>
  typeof fields === "string" ? fields : buildSource(fields);

const buildSource = ({ env, file }: SourceFields): SecretSource => (env === undefined ? { file: file ?? "" } : { env });
