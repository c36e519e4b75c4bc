import { attentionWords } from "../attention.ts";
import { byText } from "./unfired.ts";

/** What people said about an entry, as the API returns it. An older petit does not send it. */
export type MarkFacts = {
  readonly acknowledged?: { readonly by: string | null } | null;
  readonly snoozed?: { readonly by: string | null; readonly until: number | null } | null;
  readonly owner?: string | null;
  readonly note?: string | null;
};

/** Returns what people said about an entry, in one line; empty if nobody has said anything. `timeText` formats a time. */
export const markText = (
  { acknowledged = null, snoozed = null, owner = null, note = null }: MarkFacts,
  timeText: (at: number) => string,
): string =>
  [
    acknowledged === null ? null : `acknowledged${byText(acknowledged.by)}`,
    snoozed === null
      ? null
      : `snoozed${byText(snoozed.by)} until ${snoozed.until === null ? "it changes" : timeText(snoozed.until)}`,
    owner === null ? null : `owner ${owner}`,
    note,
  ]
    .filter((part) => part !== null)
    .join("; ");

/** Returns what people said about each of some entries, with what it is about in a few words. Those about which nobody has are left out. */
export const markTexts = (
  entries: readonly (Parameters<typeof attentionWords>[0] & MarkFacts)[],
  timeText: (at: number) => string,
): readonly string[] =>
  entries.flatMap((entry) => {
    const said = markText(entry, timeText);
    const { state } = attentionWords(entry);
    return said === "" ? [] : [state === "" ? said : `${state}: ${said}`];
  });
