import { t } from "elysia";
import type { AttentionEntry } from "../../../domain/inbox/entry.ts";
import { markVersion } from "../../../domain/inbox/mark.ts";
import { ActorOrNull, exactly, instant, instantOrNull, nullable } from "../schemas.ts";

const noteText = "What people wrote about it";

/** What people said about an entry. */
export const markFields = {
  acknowledged: nullable(
    exactly({ by: ActorOrNull, at: instant("When"), note: nullable(t.String(), noteText) }),
    "Who has acknowledged it, so that its failures send no notifications; null if nobody has, or if it has become worse since",
  ),
  snoozed: nullable(
    exactly({
      by: ActorOrNull,
      at: instant("When"),
      until: instantOrNull("Until when; null until it changes"),
    }),
    "Who has snoozed it; null if nobody has, if that is over, or if it has become worse since",
  ),
  snoozed_until: instantOrNull("Until when it is snoozed; null if it is not, or until it changes"),
  owner: nullable(t.String(), "Who looks after it; null if nobody is named"),
  note: nullable(t.String(), noteText),
  mark_version: t.String({
    description: "Changes with what people said about it; a change can name the one that it expects",
  }),
};

type MarkBody = {
  acknowledged: { by: string | null; at: number; note: string | null } | null;
  snoozed: { by: string | null; at: number; until: number | null } | null;
  snoozed_until: number | null;
  owner: string | null;
  note: string | null;
  mark_version: string;
};

type MarkFacts = Pick<AttentionEntry, "acknowledged" | "snoozed" | "owner" | "note">;

export const markBody = ({ acknowledged, snoozed, owner, note }: MarkFacts): MarkBody => ({
  acknowledged: acknowledged === null ? null : { by: acknowledged.by, at: acknowledged.at, note },
  snoozed: snoozed === null ? null : { by: snoozed.by, at: snoozed.at, until: snoozed.until },
  snoozed_until: snoozed?.until ?? null,
  owner,
  note,
  mark_version: markVersion({ acknowledged, snoozed, owner, note }),
});

export const MARK_EXAMPLE = {
  acknowledged: { by: "mara", at: 1767225700000, note: "the provider is down" },
  snoozed: null,
  snoozed_until: null,
  owner: "mara",
  note: "the provider is down",
  mark_version: "c3499c2729",
};
