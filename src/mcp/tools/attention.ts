import { position, text } from "../arguments.ts";
import { failureLines } from "../facts/run.ts";
import { defineTool } from "../tool.ts";

/** The API has no more. */
const MAX_ITEMS = 1_000;

export const attention = defineTool({
  name: "attention",
  description:
    "List what needs attention now: failing or late jobs, stuck runs, broken files, approvals. The first is the most urgent.",
  args: { job: text(), cursor: position() },
  effect: "reads",
  run: async ({ job, cursor = 0 }, { client, iso }) => {
    const { items, handled } = await client.get("/api/attention", { query: { job, limit: MAX_ITEMS } });
    const entries = items.map((item, index) => ({
      data: {
        id: item.id,
        kind: item.kind,
        severity: item.severity,
        since: iso(item.since),
        job: item.job_id,
        run: item.run_id,
        // It can contain output, and what other programs say.
        untrusted: { message: item.message, ...("failure" in item ? failureLines(item.failure) : {}) },
      },
      cursor: String(index + 1),
    }));
    return {
      fields: { total: items.length, acknowledged: handled },
      list: { name: "items", entries: entries.slice(cursor), cursor: null },
    };
  },
});
