import type { BackfillOccurrence, ExistingRule } from "../../domain/backfill/backfill.ts";
import type { BackfillRange } from "../../domain/backfill/range.ts";
import type { JobId } from "../../domain/ids.ts";

/** What a person asks for. `from` and `to` are texts as `parseRange` reads them. */
export type BackfillRequest = {
  readonly jobId: string;
  readonly from: string;
  readonly to: string;
  readonly existing: ExistingRule;
  readonly parallel: number;
  readonly params: Readonly<Record<string, string>>;
  readonly newestFirst: boolean;
  /** The person who asks for it; null if that is unknown. */
  readonly by: string | null;
};

export type BackfillChange = "pause" | "resume" | "cancel";

/** What a backfill would do. The occurrences are in the order of their runs. */
export type BackfillPlan = BackfillRange & {
  readonly jobId: JobId;
  readonly timezone: string;
  readonly occurrences: readonly BackfillOccurrence[];
};
