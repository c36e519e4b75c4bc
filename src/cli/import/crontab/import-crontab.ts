import { PetitError } from "../../../domain/errors.ts";
import type { Imported, Importer } from "../imported.ts";
import { currentUser, homeOf } from "./owner.ts";
import { readSources } from "./source.ts";
import { translateCrontab } from "./translate.ts";

/** Imports a crontab, or all crontabs of a folder such as /etc/cron.d. */
export const importCrontab: Importer = async ({ source, system, as }): Promise<Imported> => {
  if (as !== undefined && homeOf(as) === null)
    throw new PetitError("invalid_request", `--as is '${as}'; expected a user of this machine`);
  const { crontabs, ignored } = await readSources(source, { system });
  const ids = new Set<string>();
  const translations = crontabs.map((crontab) => {
    const user = as ?? (crontab.system ? "root" : currentUser());
    return translateCrontab(crontab, { as: user, homeOf, ids });
  });
  return {
    files: translations.flatMap(({ files }) => files),
    fates: [...translations.flatMap(({ fates }) => fates), ...ignored],
    problems: translations.flatMap(({ problems }) => problems),
  };
};
