import type { OutputSearch } from "../options.ts";
import type { Visibility } from "./visibility.ts";

/** Returns a search in the output of the jobs of a person. It does not tell the size of the index, which grows with other jobs. */
export const scopedSearch = (search: OutputSearch, visibility: Visibility): OutputSearch => ({
  find: async ({ jobIds, ...query }) => {
    const found = await search.find({ ...query, jobIds: [...visibility.within(jobIds)] });
    // The jobs may have changed meanwhile.
    const lines = found.lines.filter(({ run }) => visibility.has(run.jobId));
    return { ...found, lines, reach: { ...found.reach, sizeBytes: null } };
  },
});
