import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { petit, tempFolder } from "../support/cli.ts";
import { serveHttp } from "../support/engine/test-server.ts";

const EXAMPLES = join(import.meta.dirname, "../../examples/jobs");

/** Runs an example in a process of its own; answers its exit status and all that it printed. */
const run = async (job: string, params: readonly string[]): Promise<{ status: number | null; text: string }> => {
  using folder = tempFolder();
  const args = ["trigger", EXAMPLES, job, ...params.flatMap((param) => ["--param", param])];
  const { status, stdout, stderr } = await petit(args, { environment: { TMPDIR: folder.path } });
  return { status, text: stdout + stderr };
};

describe("the quick examples, run", () => {
  test.each([
    ["hello_world", [], 0, "Hello from petit!"],
    ["backup_alert", [], 0, "saved"],
    ["child_jobs", [], 0, 'loaded ["5","5"] rows'],
    ["load_day", [], 0, "loading from the beginning to now"],
    ["load_region", ["region=east"], 0, "copying east, started by: manual"],
    ["data_pipeline", [], 0, "loaded a total of 84"],
    ["deploy_on_push", [], 0, "deploying HEAD, pushed by nobody"],
    ["inbox", [], 0, "0 rows in /dev/null"],
    ["report_after_load", [], 0, "0 rows were loaded from nowhere"],
    ["failing_job", [], 1, "removing temporary files"],
    ["holidays", [], 0, "a working day"],
    ["hourly_check", [], 0, "the service is fine"],
    ["import_rows", [], 0, "row 3 of 3"],
    ["late_warning", [], 0, "done at last"],
    ["limited", [], 0, "the smallest is 1"],
    ["minute_tick", [], 0, "tick: due now"],
    ["system_monitor", [], 0, "MiB available"],
    ["tagged", [], 0, "tagged work"],
    ["task_outputs", [], 0, "violets are blue"],
    ["greet", [], 0, "Hi world!"],
    ["greet", ["name=Zoë", "tone=formal"], 0, "Good day, Zoë."],
    ["greet", ["name=$(reboot)"], 2, "can't be '$(reboot)'"],
    ["typescript_task", [], 0, "their sum is 328"],
    ["failure_alert", [], 1, "petit-alerts.log"],
    ["notify", [], 0, "at work"],
    ["failure_alert", ["fail=no"], 0, "the work went well"],
    ["paris_morning", [], 0, "in Paris it is"],
    ["pipeline_report", [], 1, "'data_pipeline' has no completed run"],
  ])(
    "%s with %p exits with %p and prints %p",
    async (job, params, status, expected) => {
      const ended = await run(job, params);
      expect(ended.text).toContain(expected);
      expect(ended.status).toBe(status);
    },
    30_000,
  );

  test("http_request asks a petit how it is", async () => {
    await using server = await serveHttp((request, response) => {
      response.end(request.url === "/api/health" ? '{"status":"ok","version":"1.2.3"}' : "");
    });
    const ended = await run("http_request", [`url=${server.origin}`]);
    expect(ended.text).toContain("petit 1.2.3 is ok");
    expect(ended.status).toBe(0);
  }, 30_000);
});
