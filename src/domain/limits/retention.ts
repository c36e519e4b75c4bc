/** A limit of finished runs: a number, `all` for no limit, or null if none is given. */
type RetentionLimit = number | "all" | null;

/** How many finished runs of a job to keep, and for how many days. */
export type Retention = { readonly runs: RetentionLimit; readonly days: RetentionLimit };

export const NO_RETENTION: Retention = { runs: null, days: null };

/** What happens to runs for which no limit is given: `recent` keeps those of `RECENT`, `all` keeps all. */
export const DEFAULT_RULES = ["recent", "all"] as const;
export type DefaultRule = (typeof DEFAULT_RULES)[number];

/** A run is deleted when it is older than this and beyond the newest runs of its job. */
export const RECENT = { runs: 1_000, days: 30 } as const;

/** Which finished runs of a job to delete: those beyond one of the limits that are not null, or those beyond both. */
export type RetentionRule =
  | { readonly beyond: "either"; readonly runs: number | null; readonly days: number | null }
  | { readonly beyond: "both"; readonly runs: number; readonly days: number };

type GivenRetention = {
  /** Of the job; null if the job is gone. */
  readonly own: Retention | null;
  /** Of the settings. A limit of the job takes precedence. */
  readonly settings: Retention;
  readonly byDefault: DefaultRule;
};

/** Returns the rule for the runs of a job, or null to keep all. The default rule applies if neither limit is given anywhere. */
export const retentionRule = ({ own, settings, byDefault }: GivenRetention): RetentionRule | null => {
  const runs = own?.runs ?? settings.runs;
  const days = own?.days ?? settings.days;
  if (runs === null && days === null) return byDefault === "recent" ? { beyond: "both", ...RECENT } : null;
  const limits = { runs: runs === "all" ? null : runs, days: days === "all" ? null : days };
  return limits.runs === null && limits.days === null ? null : { beyond: "either", ...limits };
};
