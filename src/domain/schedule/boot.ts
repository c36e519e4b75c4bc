/** The expression of a schedule that is due once for each boot of the machine. */
export const REBOOT = "@reboot";

/** When the next one is, to follow what happens then. */
export const AT_NEXT_BOOT = "at the next boot of the machine";

/** Why such a job that has never been due has not started. */
export const NO_BOOT_YET = "it first starts at the boot after petit has read it";

/** Returns whether one of the expressions of a schedule is `@reboot`. */
export const startsAtBoot = (expressions: readonly string[]): boolean =>
  expressions.some((text) => text.trim().toLowerCase() === REBOOT);
