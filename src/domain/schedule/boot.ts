/** The expression of a schedule that is due once for each boot of the machine. */
export const REBOOT = "@reboot";

/** Returns whether one of the expressions of a schedule is `@reboot`. */
export const startsAtBoot = (expressions: readonly string[]): boolean =>
  expressions.some((text) => text.trim().toLowerCase() === REBOOT);
