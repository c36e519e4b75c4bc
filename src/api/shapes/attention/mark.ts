import { t } from "elysia";
import type { AttentionEntry } from "../../../domain/inbox/entry.ts";
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
};

type MarkBody = {
  acknowledged: { by: string | null; at: number; note: string | null } | null;
  snoozed: { by: string | null; at: number; until: number | null } | null;
  snoozed_until: number | null;
  owner: string | null;
  note: string | null;
};

export const markBody = ({ acknowledged, snoozed, owner, note }: AttentionEntry): MarkBody => ({
  acknowledged: acknowledged === null ? null : { ...acknowledged, note },
  snoozed: snoozed === null ? null : { ...snoozed },
  snoozed_until: snoozed?.until ?? null,
  owner,
  note,
});

export const MARK_EXAMPLE = {
  acknowledged: { by: "mara", at: 1767225700000, note: "the provider is down" },
  snoozed: null,
  snoozed_until: null,
  owner: "mara",
  note: "the provider is down",
};
