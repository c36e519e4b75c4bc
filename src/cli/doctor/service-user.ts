import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Context } from "../command.ts";
import { readUnit, SYSTEM_STATE, unitPath } from "../service/place.ts";

/**
 * Returns the uid that the installed service runs as, if this is its database and petit doctor runs as root, which then judges for
 * the service. Otherwise returns null. The owner of the state folder is that user: in its parent only root can create a folder, and
 * systemd gives it to the user of the unit.
 */
export const serviceUserOf = ({ settings, environment }: Pick<Context, "settings" | "environment">): number | null => {
  if (process.geteuid?.() !== 0 || dirname(resolve(settings.db)) !== SYSTEM_STATE) return null;
  const unit = readUnit(unitPath({ scope: "system", role: "scheduler" }, { environment }));
  if (unit === null || !/^User=(?!root$)./m.test(unit)) return null;
  return statSync(SYSTEM_STATE, { throwIfNoEntry: false })?.uid ?? null;
};
