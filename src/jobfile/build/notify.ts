import { defaultEvents, type NotifyTarget, type NotifyType, type TargetOf } from "../../domain/notification.ts";
import { type FieldReader, NOTIFY_ENTRIES, type NotifyFields } from "../schema/notify.ts";
import { buildSource, buildTextOrSecret } from "./secret.ts";

/** Builds the target of an entry. `pathOf` returns what the target has for a path; by default the path as written. */
export const buildNotify = (fields: NotifyFields, pathOf = (path: string): string => path): NotifyTarget =>
  buildTarget(fields.type, fields, {
    text: (value) => buildTextOrSecret(value, pathOf),
    source: (value) => buildSource(value, pathOf),
    path: pathOf,
  });

const buildTarget = <Type extends NotifyType>(type: Type, fields: NotifyFields, read: FieldReader): TargetOf<Type> => ({
  type,
  on: fields.on ?? defaultEvents(type),
  timeoutMs: fields.timeout,
  ...NOTIFY_ENTRIES[type].build(fields, read),
});
