import { parseDuration } from "../../lib/duration.ts";

/** The filters in the URL. */
export const AUDIT_PARAMS = ["who", "action", "on", "job", "run", "denied", "since"] as const;
type AuditParam = (typeof AUDIT_PARAMS)[number];

/** The query of `GET /api/audit`. */
export type AuditQuery = {
  readonly who?: string;
  readonly action?: string;
  readonly on?: string;
  readonly job?: string;
  readonly run?: string;
  readonly allowed?: "true" | "false";
  /** In ms since the Unix epoch. */
  readonly since?: number;
  readonly limit?: number;
  readonly before?: number;
};

const PAGE_SIZE = 100;

/** A period that ends now begins at a full minute, so that the page does not ask again at each render. */
const MINUTE_MS = 60_000;

/** Returns the query for the URL of the page at `now`. What makes no sense is ignored, except names that petit may not know. */
export const auditQueryFor = (params: URLSearchParams, now: number): AuditQuery => {
  const before = Number(params.get("before") ?? "");
  return {
    ...auditFiltersFor(params, now),
    limit: PAGE_SIZE,
    ...(Number.isSafeInteger(before) && before > 0 && { before }),
  };
};

/** Returns the filters of that query alone, for an export. */
const auditFiltersFor = (params: URLSearchParams, now: number): AuditQuery => {
  const text = (name: AuditParam): string => params.get(name)?.trim().slice(0, 200) ?? "";
  const since = sinceOf(text("since"), now);
  const named = (["who", "action", "on", "job", "run"] as const).filter((name) => text(name) !== "");
  return {
    ...Object.fromEntries(named.map((name) => [name, text(name)])),
    ...(text("denied") === "yes" && { allowed: "false" as const }),
    ...(text("denied") === "no" && { allowed: "true" as const }),
    ...(since !== null && { since }),
  };
};

/** Returns the address of the export of what the filters select: an entry a line, as JSON. */
export const auditExportPath = (params: URLSearchParams, now: number): string => {
  const query = Object.entries(auditFiltersFor(params, now)).map(([name, value]) => [name, String(value)]);
  return `/api/audit?${new URLSearchParams([...query, ["format", "jsonl"]])}`;
};

/** Reads `24h` or an ISO date or time. */
const sinceOf = (text: string, now: number): number | null => {
  const ago = text === "" ? null : parseDuration(text);
  if (ago !== null) return Math.max(0, Math.floor((now - ago) / MINUTE_MS) * MINUTE_MS);
  const at = Date.parse(text);
  return at >= 0 ? at : null;
};
