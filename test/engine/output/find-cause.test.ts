import { describe, expect, test } from "bun:test";
import type { Job } from "../../../src/domain/job.ts";
import { items, job, shell } from "../../support/engine/factories.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Runs a job to its end, and returns the causes of its attempts. */
const causesOf = async (definition: Job, times = 1) => {
  await using petit = await startEngine({ jobs: [definition] });
  for (let time = 1; time < times; time++) await petit.run(definition.id);
  return (await petit.run(definition.id)).attempts.map(({ cause }) => cause);
};

describe("the cause of a failed attempt", () => {
  test("is the line that explains it, whatever a cleanup prints after it, and what belongs to it", async () => {
    const script = `echo starting
      echo 'psql: error: connection to server failed: Connection refused' >&2; echo '  Is it running?' >&2
      echo 'cleanup finished, exit' >&2; exit 2`;
    expect(await causesOf(job("load", { tasks: [shell("only", script)] }))).toEqual([
      {
        seq: expect.any(Number),
        stream: "stderr",
        text: "psql: error: connection to server failed: Connection refused",
        context: ["  Is it running?"],
      },
    ]);
  });

  test("has the number of its line in the log of the run", async () => {
    await using petit = await startEngine({
      jobs: [
        job("two", {
          tasks: [shell("a", "seq 5"), shell("b", "seq 3; echo 'fatal: no such ref'; exit 1", { after: ["a"] })],
        }),
      ],
    });
    const { run, attempts } = await petit.run("two");
    const cause = attempts.at(-1)?.cause;
    const [chunk] = petit.store.output.read({ runId: run.id, fromSeq: cause?.seq ?? 0, limit: 1 });
    const lines = Buffer.from(chunk?.bytes ?? [])
      .toString()
      .split("\n");
    expect(lines[(cause?.seq ?? 0) - (chunk?.seq ?? 0)]).toBe("fatal: no such ref");
  });

  test("is none of the lines that the last successful run printed", async () => {
    using dir = tempDir();
    const script = `echo 'error: cache 17 is old'; [ -e ${dir.file("was-here")} ] || { : > ${dir.file("was-here")}; exit 0; }
      echo 'cp: cannot stat x: No such file or directory'; echo 'error: cache 9 is old'; exit 1`;
    expect(await causesOf(job("copy", { tasks: [shell("only", script)] }), 2)).toMatchObject([
      { text: "cp: cannot stat x: No such file or directory" },
    ]);
  });

  test("is null if no line explains it, and for an attempt that completed", async () => {
    expect(await causesOf(job("quiet", { tasks: [shell("only", "echo working; kill -9 $$")] }))).toEqual([null]);
    expect(await causesOf(job("fine", { tasks: [shell("only", "echo 'error: none really'")] }))).toEqual([null]);
  });

  test("is found near the start and in the last 1 MiB of much output", async () => {
    const filler = `awk 'BEGIN { for (i = 0; i < 40000; i++) print "copied file number " i " without a problem at all" }'`;
    const first = `echo 'fatal: the disk is broken'; ${filler}; exit 1`;
    const last = `${filler}; echo 'fatal: the disk is broken'; echo done; exit 1`;
    for (const script of [first, last])
      expect(await causesOf(job("much", { tasks: [shell("only", script)] }))).toMatchObject([
        { text: "fatal: the disk is broken" },
      ]);
  });

  test("is of each item", async () => {
    const script = 'echo "error: $PETIT_ITEM is away"; exit 1';
    const task = shell("each", script, { items: items(["one", "two"]) });
    const causes = await causesOf(job("fan", { tasks: [task] }));
    expect(causes.map((cause) => cause?.text)).toEqual(["error: one is away", "error: two is away"]);
  });
});
