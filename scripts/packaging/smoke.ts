// Tests the archives of a release: smoke.ts ARCHIVE… See scripts/smoke.
import { statSync } from "node:fs";
import { basename } from "node:path";
import { CHECKS } from "./smoke-checks.ts";
import { CannotRun, unpackArchive } from "./smoke-place.ts";

const main = async (archives: readonly string[]): Promise<boolean> => {
  const results: boolean[] = [];
  for (const archive of archives) results.push(await smoke(archive));
  return !results.includes(false);
};

/** Returns false if a check failed. */
const smoke = async (archive: string): Promise<boolean> => {
  console.log(`${basename(archive)}  ${(statSync(archive).size / 2 ** 20).toFixed(1)} MiB`);
  try {
    using place = unpackArchive(archive);
    for (const [name, check] of Object.entries(CHECKS)) {
      const startedAt = performance.now();
      const summary = await check(place);
      console.log(`  ✓ ${name.padEnd(10)} ${summary}  (${Math.round(performance.now() - startedAt)} ms)`);
    }
    return true;
  } catch (error) {
    if (!(error instanceof CannotRun)) {
      console.log(`  ✗ ${error instanceof Error ? error.message : error}`);
      return false;
    }
    console.log(`  – skipped: ${error.message}`);
    return true;
  }
};

process.exitCode = (await main(process.argv.slice(2))) ? 0 : 1;
