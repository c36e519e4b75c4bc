import { PetitError } from "../../../domain/errors.ts";
import { usageError } from "../../argv.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { readLatestRelease } from "../../upgrade/latest-release.ts";
import { compareVersions } from "../../upgrade/version-order.ts";

/** scripts/compile defines the name. It is undefined if petit runs from source. */
declare const PETIT_RELEASES_URL: string | undefined;

export const upgrade = defineCommand({
  name: "upgrade",
  summary: "Say whether a newer release is there",
  description:
    "Asks the address of the releases for the newest one, and says whether it is newer than this petit. petit never asks by itself, and never " +
    "replaces itself. The address is that from which install.sh downloads: $PETIT_BASE_URL, or the one that this petit was built with. " +
    "`petit help upgrade` explains how to upgrade.",
  args: {
    check: { type: "boolean", description: "Ask for the newest release." },
  },
  usage: ["petit upgrade --check"],
  settings: [],
  examples: ["petit upgrade --check", "petit upgrade --check --json"],
  run: async ({ check = false }, context) => {
    if (!check)
      throw usageError(
        "petit does not replace itself",
        "'petit upgrade --check', or 'petit help upgrade'",
        "petit upgrade",
      );
    const { terminal, json, version, runtime } = context;
    const base = releasesAddress(context);
    const latest = await readLatestRelease(base, runtime);
    const order = compareVersions(version, latest.version);
    const { out } = terminal;
    if (json) {
      const answer = { version, latest: latest.version, latest_date: latest.date, newer: order < 0, releases: base };
      out.write(`${JSON.stringify(answer, null, 2)}\n`);
      return EXIT.DONE;
    }
    const dated = latest.date === null ? latest.version : `${latest.version} of ${latest.date}`;
    if (order < 0)
      out.write(
        `a newer release is there: ${dated}; this is ${version}. 'petit help upgrade' explains how to upgrade\n`,
      );
    else if (order > 0) out.write(`this petit, ${version}, is newer than the newest release, ${dated}\n`);
    else out.write(`this is the newest release: ${dated}\n`);
    return EXIT.DONE;
  },
});

const releasesAddress = ({ environment }: Context): string => {
  const built = typeof PETIT_RELEASES_URL === "string" ? PETIT_RELEASES_URL : "";
  const base = environment.PETIT_BASE_URL || built;
  if (base === "")
    throw new PetitError(
      "invalid_request",
      "the address of the releases is unknown; set PETIT_BASE_URL, as for install.sh",
    );
  if (!/^https?:\/\/[^\s]+$/.test(base) || !URL.canParse(base))
    throw new PetitError(
      "invalid_request",
      "PETIT_BASE_URL is no http or https address, such as https://github.com/OWNER/petit/releases",
    );
  return base;
};
