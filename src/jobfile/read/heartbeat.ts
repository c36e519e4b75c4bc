import { resolve } from "node:path";
import type { Heartbeat } from "../../domain/health.ts";
import { buildTextOrSecret } from "../build/secret.ts";
import type { Entry, MapNode } from "../parse/node.ts";
import type { Fault } from "../parse/parse.ts";
import { Place } from "../place.ts";
import { makeReport } from "../report.ts";
import type { ObjectType } from "../schema/field.ts";
import { url } from "../schema/notify.ts";
import { SECRET } from "../schema/secret.ts";
import type { ConfigSource } from "./default-notify.ts";
import { isWhole, readValue } from "./value.ts";

const HEARTBEAT = {
  kind: "object",
  fields: {
    url: {
      type: { kind: "shape", scalar: url, map: SECRET },
      required: true,
      doc: "What petit pings.",
      example: "https://hc-ping.com/your-uuid",
    },
    every: { type: { kind: "duration", minMs: 100 }, doc: "How often.", default: 60_000, example: "1m" },
  },
} as const satisfies ObjectType;

const CONFIGURATION = {
  kind: "object",
  fields: { heartbeat: { type: HEARTBEAT, doc: "What petit pings while it is healthy.", required: true } },
} as const satisfies ObjectType;

/** Reads `heartbeat` of a configuration file. Returns its problems, or the heartbeat with absolute paths. */
export const readHeartbeat = (
  entry: Entry,
  { text, folder }: ConfigSource,
): { readonly heartbeat: Heartbeat } | { readonly faults: readonly Fault[] } => {
  const root: MapNode = { kind: "map", at: entry.keyAt, entries: [entry] };
  const report = makeReport(root, text);
  const draft = readValue(root, CONFIGURATION, Place.top(report));
  if (draft === undefined || report.faults.length > 0 || !isWhole(CONFIGURATION, draft, report))
    return { faults: report.faults };
  const { url: given, every } = draft.heartbeat;
  if (typeof given === "string" && !/^https?:\/\/[^/]/.test(given))
    return { faults: [{ at: entry.value.at, path: `${entry.key}.url`, message: "is not a URL of http or https" }] };
  return { heartbeat: { url: buildTextOrSecret(given, (path) => resolve(folder, path)), everyMs: every } };
};
