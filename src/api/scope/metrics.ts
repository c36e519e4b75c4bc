import type { JobId } from "../../domain/ids.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Visibility } from "./visibility.ts";

/** Returns the metrics with only the series of the jobs of a person. Whatever counts all jobs together, or is about the process, is left out. */
export const scopedMetrics = (metrics: Pick<Metrics, "text">, visibility: Visibility): Pick<Metrics, "text"> => ({
  text: async () => {
    const lines = (await metrics.text()).split("\n");
    const shown: string[] = [];
    // The lines that introduce a metric, until it has a series.
    let header: string[] = [];
    for (const line of lines) {
      if (line.startsWith("# HELP ")) header = [line];
      else if (line.startsWith("#")) header.push(line);
      else if (isOfPerson(line, visibility)) {
        shown.push(...header, line);
        header = [];
      }
    }
    return shown.map((line) => `${line}\n`).join("");
  },
});

const isOfPerson = (line: string, visibility: Visibility): boolean => {
  const jobId = /[{,]job_id="([^"]+)"/.exec(line)?.[1];
  return jobId !== undefined && visibility.has(jobId as JobId);
};
