import type { Attention } from "../../src/domain/attention.ts";
import { type AttentionEntry, entryId } from "../../src/domain/inbox/entry.ts";
import { markVersion } from "../../src/domain/inbox/mark.ts";

/** Nobody has said anything about an entry. */
export const NO_MARK = { acknowledged: null, snoozed: null, owner: null, note: null } as const;

/** The fields that every entry of `GET /api/attention` has, whatever its kind. */
export const entryFields = (id: string) =>
  ({
    id,
    urgency: "problem",
    ...NO_MARK,
    snoozed_until: null,
    mark_version: markVersion(NO_MARK),
    consequences: [] as [],
    consequence_count: 0,
  }) as const;

/** Returns an item as an entry of the list. */
export const entryOf = (item: Attention): AttentionEntry => ({
  ...item,
  id: entryId(item),
  urgency: "problem",
  consequences: [],
  childJobs: [],
  ...NO_MARK,
});
