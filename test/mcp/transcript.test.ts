import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "../support/cli.ts";
import { type Agent, connectHttp, connectStdio, type ToolAnswer } from "../support/mcp.ts";
import { type Petit, startPetit } from "../support/petit/petit.ts";
import { eventually } from "../support/torture/run.ts";

/** The import fails while its lock is there. `fetch` prints an error each night that is none; `probe` fails for a reason of its own. */
const jobs = (lock: string) => ({
  "import.yaml": `id: nightly_import
description: Loads the orders of the day before
schedule: "0 2 * * *"
params: {day: {default: "2026-11-29"}}
tasks:
  - id: fetch
    type: shell
    script: |
      echo "ERROR: could not rotate fetch.log: connection to the log server refused (ignored)" >&2
      seq 1 2000 | sed 's/^/fetched row /'
  - id: load
    type: shell
    depends_on: [fetch]
    script: |
      seq 1 300 | sed 's/^/loading row /'
      if [ -e "${lock}" ]; then
        echo "ERROR: orders is locked: the lock ${lock} was left by import of 2026-11-28" >&2
        exit 75
      fi
      echo loaded
  - {id: report, type: command, command: "true", depends_on: [load]}
`,
  "probe.yaml": "id: probe\ntasks:\n  - {id: ask, type: shell, script: 'echo \"connection refused\" >&2; exit 7'}\n",
});

type Start = (url: string) => Promise<Agent>;

test.each([
  ["stdio", (url: string) => connectStdio({ url, args: ["--mcp-write"] }), []],
  ["HTTP", (url: string) => connectHttp({ url }), ["--mcp-write"]],
] as const satisfies readonly (readonly [string, Start, readonly string[]])[])(
  "over %s, an agent finds out in twelve calls why the import of last night failed, and retries it",
  async (_, connect, args) => {
    using folder = tempFolder();
    const lock = join(folder.path, "orders.lock");
    await using petit = await startPetit({ jobs: jobs(lock), args });
    await run(petit, "nightly_import");
    writeFileSync(lock, "");
    await run(petit, "probe");
    await run(petit, "nightly_import");
    await using agent = await connect(petit.url);
    let calls = 0;
    const call = async (name: string, given: Readonly<Record<string, unknown>> = {}): Promise<ToolAnswer> => {
      calls++;
      const answer = await agent.call(name, given);
      expect([name, answer.isError, answer.isError ? answer.text : ""]).toEqual([name, false, ""]);
      return answer;
    };

    const { data: found } = await call("list_jobs", { match: "import" });
    const [job] = found.jobs as { id: string; last_run: { run: string; status: string } }[];
    expect(job).toMatchObject({ id: "nightly_import", last_run: { status: "failed" } });
    // Two jobs fail; the other one has nothing to do with it.
    const { data: attention } = await call("attention");
    const items = attention.items as { job: string; run: string }[];
    expect(items.map((item) => item.job).sort()).toEqual(["nightly_import", "probe"]);
    const failed = items.find((item) => item.job === job?.id)?.run ?? "";
    const { data: explained } = await call("why", { job: job?.id });
    expect(explained.last_run_id).toBe(failed);
    const { data: detail } = await call("get_run", { run: failed });
    const { failed_task: task, untrusted } = detail as {
      failed_task: string;
      untrusted: { line: { number: number; text: string } };
    };
    expect(task).toBe("load");
    expect(untrusted.line.text).toContain("ERROR: orders is locked");
    const window = await call("read_log", { run: failed, from_line: untrusted.line.number - 3, lines: 5 });
    expect(window.lines.at(-1)).toBe(`${untrusted.line.number} load/1 stderr| ${untrusted.line.text}`);
    // The other error of that run is in the run before, too, which completed.
    const { lines: errors } = await call("read_log", { run: failed, match: "error:", task: "fetch" });
    expect(errors.join("\n")).toContain("connection to the log server refused (ignored)");
    const before = await call("search_logs", { text: "log server refused", job: job?.id, status: "completed" });
    expect(before.data.runs).toHaveLength(1);
    const locked = await call("search_logs", { text: "is locked", job: job?.id });
    expect((locked.data.runs as { run: string }[]).map((each) => each.run)).toEqual([failed]);
    const { lines: definition } = await call("get_job", { job: job?.id });
    expect(definition.join("\n")).toContain(lock);
    // A person removes the lock.
    rmSync(lock);
    const { data: planned } = await call("retry", { run: failed, dry_run: true });
    expect(planned.runs_tasks).toEqual(["load", "report"]);
    const { data: started } = await call("retry", { run: failed });
    await eventually("the retry has ended", async () => {
      const answer = await petit.fetch(`/api/runs/${started.run}`);
      const { status }: { status: string } = await answer.json();
      return status === "completed" ? true : null;
    });
    const { data: retried } = await call("get_run", { run: started.run });
    expect(retried).toMatchObject({
      status: "completed",
      retry_of: failed,
      tasks: [{ task: "fetch", reused: true }, {}, {}],
    });
    expect(calls).toBe(12);
  },
  60_000,
);

const run = async (petit: Petit, job: string): Promise<void> => {
  const response = await petit.fetch(`/api/jobs/${job}/trigger?wait=60`, { method: "POST" });
  expect(response.status).toBe(200);
};
