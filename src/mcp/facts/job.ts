type Scheduled = {
  readonly schedule: readonly string[] | null;
  readonly timezone: string | null;
  readonly enabled: boolean;
};

/** Returns the schedule of a job as one text, such as `0 2 * * * in Europe/Paris`. */
export const scheduleText = ({ schedule, timezone, enabled }: Scheduled): string => {
  if (schedule === null) return "none: runs when triggered";
  const zone = timezone === null ? "" : ` in ${timezone}`;
  return `${schedule.join(" and ")}${zone}${enabled ? "" : " (disabled)"}`;
};
