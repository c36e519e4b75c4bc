import type { Digest } from "../../domain/review/digest.ts";
import { isTimezone } from "../../domain/schedule/local-time.ts";
import { TIMEZONE_FORM, whyUnusable } from "../../domain/schedule/schedule.ts";
import { suggest } from "../../lib/suggest.ts";
import type { Entry, Node } from "../parse/node.ts";
import type { Fault } from "../parse/parse.ts";
import { type ConfigSource, readDefaultNotify } from "./default-notify.ts";

const FIELDS = ["at", "to", "timezone", "tag"] as const;
type Field = (typeof FIELDS)[number];

/** A digest whose receivers may be those of the file. */
export type DigestDraft = Omit<Digest, "targets"> & { readonly targets: Digest["targets"] | null };

/** Reads `digest` of a configuration file. Returns its problems, or the digest; without `to` its targets are null. */
export const readDigest = (
  { key, keyAt, value }: Entry,
  source: ConfigSource,
): { readonly digest: DigestDraft } | { readonly faults: readonly Fault[] } => {
  if (value.kind !== "map")
    return { faults: [{ at: keyAt, path: key, message: 'expected a map such as {at: "0 8 * * mon"}' }] };
  const faults: Fault[] = [];
  const texts = new Map<Field, string>();
  let targets: Digest["targets"] | null = null;
  for (const entry of value.entries) {
    const field = FIELDS.find((each) => each === entry.key);
    const fault = (message: string): void => {
      faults.push({ at: entry.value.at, path: `${key}.${entry.key}`, message });
    };
    if (field === undefined) {
      const near = suggest(entry.key, FIELDS);
      fault(`unknown field; ${near === null ? `expected one of ${FIELDS.join(", ")}` : `did you mean '${near}'?`}`);
    } else if (field === "to") {
      const found = readDefaultNotify({ ...entry, key: "notify", value: asList(entry.value) }, source);
      if ("targets" in found) targets = found.targets;
      else faults.push(...found.faults.map((each) => ({ ...each, path: each.path.replace(/^[^[]*/, `${key}.to`) })));
    } else {
      const text = textOf(entry.value);
      const problem = text === null ? "expected a text" : whyNot(field, text);
      if (problem !== null) fault(problem);
      else if (text !== null) texts.set(field, text);
    }
  }
  const at = texts.get("at");
  if (at === undefined && !value.entries.some((entry) => entry.key === "at"))
    faults.push({ at: keyAt, path: `${key}.at`, message: 'missing; expected a cron expression such as "0 8 * * mon"' });
  if (targets?.length === 0) faults.push({ at: keyAt, path: `${key}.to`, message: "is empty; expected receivers" });
  if ((targets ?? []).some(({ type }) => type === "healthchecks"))
    faults.push({
      at: keyAt,
      path: `${key}.to`,
      message: "a check of healthchecks has no digest; expected another type",
    });
  if (faults.length > 0 || at === undefined) return { faults };
  return { digest: { at, timezone: texts.get("timezone") ?? null, tag: texts.get("tag") ?? null, targets } };
};

/** One receiver may stand alone. */
const asList = (node: Node): Node => (node.kind === "map" ? { kind: "list", at: node.at, items: [node] } : node);

const textOf = (node: Node): string | null =>
  node.kind === "scalar" && node.value !== null ? (typeof node.value === "string" ? node.value : node.source) : null;

const whyNot = (field: Exclude<Field, "to">, text: string): string | null => {
  if (field === "at") return whyUnusable(text);
  if (field === "timezone") return isTimezone(text) ? null : `'${text}' is not a time zone; ${TIMEZONE_FORM}`;
  return /^[^,\s]{1,64}$/.test(text) ? null : "expected a tag";
};
