import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { parseDuration } from "../../lib/duration.ts";
import { petit } from "../data/client.ts";

/** The query of `GET /api/search`. */
type OutputQuery = {
  readonly q: string;
  readonly regex?: boolean;
  readonly job?: string;
  readonly tag?: string;
  readonly stream?: string;
  /** In ms since the Unix epoch. */
  readonly since?: number;
  readonly before?: string;
  readonly context: number;
  readonly limit: number;
};

const PAGE_SIZE = 50;
const CONTEXT = 1;

/** A period that ends now begins at a full minute, so that the page does not ask again at each render. */
const MINUTE_MS = 60_000;

/** Shorter texts are not in the index. */
const MIN_CHARACTERS = 3;

/** Returns the query for the URL of the page at `now`; null while there is nothing to search for. */
export const outputQueryFor = (params: URLSearchParams, now: number): OutputQuery | null => {
  const text = (name: string): string => params.get(name)?.trim().slice(0, 200) ?? "";
  // Spaces at its ends are a part of what is searched for.
  const q = params.get("q")?.slice(0, 200) ?? "";
  if ([...q].length < MIN_CHARACTERS) return null;
  const ago = text("since") === "" ? null : parseDuration(text("since"));
  const given = (["job", "tag", "stream", "before"] as const).filter((name) => text(name) !== "");
  return {
    q,
    ...Object.fromEntries(given.map((name) => [name, text(name)])),
    ...(text("regex") === "yes" && { regex: true }),
    ...(ago !== null && { since: Math.max(0, Math.floor((now - ago) / MINUTE_MS) * MINUTE_MS) }),
    context: CONTEXT,
    limit: PAGE_SIZE,
  };
};

const searchOutput = (query: OutputQuery) => petit.get("/api/search", { query });

/** Query for a page of found lines. The previous one stays visible until it is loaded. */
export const outputQuery = (query: OutputQuery) =>
  queryOptions({ queryKey: ["output", query], queryFn: () => searchOutput(query), placeholderData: keepPreviousData });

export type FoundRows = Awaited<ReturnType<typeof searchOutput>>;
export type FoundRow = FoundRows["lines"][number];
