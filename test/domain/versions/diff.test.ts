import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import type { Job } from "../../../src/domain/job.ts";
import {
  applyChanges,
  type Change,
  diffDefinitions,
  diffValues,
  pathText,
  valueAt,
} from "../../../src/domain/versions/diff.ts";
import { jobFields } from "../../../src/domain/versions/job-fields.ts";
import { readJobsDir } from "../../../src/jobfile/read/job-dir.ts";
import type { Json } from "../../../src/lib/json.ts";
import { assertNever } from "../../../src/lib/never.ts";
import { command, job, jobId, schedule, shell } from "../../support/engine/factories.ts";

/** Changes as people read them. */
const lines = (changes: readonly Change[]): readonly string[] =>
  changes.map((change) => {
    const path = pathText(change.path);
    switch (change.kind) {
      case "added":
        return `+ ${path}: ${JSON.stringify(change.after)}`;
      case "removed":
        return `- ${path}: ${JSON.stringify(change.before)}`;
      case "changed":
        return `~ ${path}: ${JSON.stringify(change.before)} -> ${JSON.stringify(change.after)}`;
      case "reordered":
        return `^ ${path}: ${change.before} -> ${change.after}`;
      default:
        return assertNever(change);
    }
  });

const diff = (before: Json, after: Json): readonly string[] => lines(diffValues(before, after));

/** Values with lists of elements that have an identity, and of others. */
const value = fc.letrec<{ value: Json }>((tie) => {
  const leaf = fc.oneof(fc.constant(null), fc.boolean(), fc.integer({ min: 0, max: 3 }), fc.constantFrom("a", "b", ""));
  const name = fc.constantFrom("id", "name", "job", "x", "y.z", "__proto__", "toString");
  const map = fc.dictionary(name, fc.oneof({ depthSize: "small" }, leaf, tie("value")), { maxKeys: 4 });
  const element = fc
    .tuple(fc.constantFrom("id", "name", "job"), fc.constantFrom("a", "b", "c", "d.e"), map)
    .map(([field, is, more]) => ({ ...more, [field]: is }));
  return {
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      map as fc.Arbitrary<Json>,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.array(element as fc.Arbitrary<Json>, { maxLength: 4 }),
    ),
  };
}).value;

describe("the changes between two values", () => {
  test("make the one the other", () => {
    fc.assert(
      fc.property(value, value, (before, after) => {
        expect(applyChanges(before, diffValues(before, after))).toEqual(after);
      }),
      { numRuns: 2_000 },
    );
  });

  test("have the values of both at their paths", () => {
    fc.assert(
      fc.property(value, value, (before, after) => {
        for (const change of diffValues(before, after)) {
          if (change.kind === "removed" || change.kind === "changed")
            expect(valueAt(before, change.path)).toEqual(change.before);
          if (change.kind === "added" || change.kind === "changed")
            expect(valueAt(after, change.path)).toEqual(change.after);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("are none between equal values", () => {
    fc.assert(fc.property(value, (each) => expect(diffValues(each, structuredClone(each))).toEqual([])));
    expect(diff({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([]);
  });

  test("name the elements of lists by their id, name or job, others by their place", () => {
    expect(
      diff(
        { tasks: [{ id: "a", n: 1 }, { id: "b" }], gates: [{ job: "x", window: "1h" }], notify: [{ url: "u" }] },
        { tasks: [{ id: "a", n: 2 }, { id: "c.d" }], gates: [{ job: "x", window: "2h" }], notify: [{ url: "v" }] },
      ),
    ).toEqual([
      "~ tasks.a.n: 1 -> 2",
      '- tasks.b: {"id":"b"}',
      '+ tasks["c.d"]: {"id":"c.d"}',
      '~ gates.x.window: "1h" -> "2h"',
      '~ notify[0].url: "u" -> "v"',
    ]);
  });

  test("say that elements are in another order", () => {
    expect(diff([{ id: "a" }, { id: "b" }], [{ id: "c" }, { id: "b" }, { id: "a" }])).toEqual([
      '+ c: {"id":"c"}',
      "^ : a,b -> c,b,a",
    ]);
  });

  test("keep lists of plain values whole", () => {
    expect(diff({ args: ["a", "b"] }, { args: ["b"] })).toEqual(['~ args: ["a","b"] -> ["b"]']);
  });
});

describe("the changes between two definitions", () => {
  const between = (before: Partial<Job>, after: Partial<Job>): readonly string[] =>
    lines(diffDefinitions(job("a", before), job("a", after)));

  test("have the names of job files, and durations as people write them", () => {
    expect(
      between(
        { schedule: schedule("0 2 * * *"), timeoutMs: 300_000, onOverlap: "skip" },
        { schedule: schedule("0 3 * * *", { timezone: "Europe/Paris" }), timeoutMs: 5_400_000, onOverlap: "queue" },
      ),
    ).toEqual([
      '~ on_overlap: "skip" -> "queue"',
      '~ timeout: "5m" -> "1h30m"',
      '~ schedule.cron: "0 2 * * *" -> "0 3 * * *"',
      '+ schedule.timezone: "Europe/Paris"',
    ]);
  });

  test("name tasks, and their fields without the program around them", () => {
    expect(
      between(
        { tasks: [shell("load", "echo 1"), command("old", "true")] },
        {
          tasks: [
            shell("load", "echo 2", {
              retry: { maxAttempts: 2, delayMs: 10_000, backoff: "fixed", maxDelayMs: 3_600_000, condition: "always" },
            }),
            command("new", "date"),
          ],
        },
      ).map((line) => line.replace(/(?<=[+-] tasks\.(?:old|new):).*/, "")),
    ).toEqual([
      '~ tasks.load.script: "echo 1" -> "echo 2"',
      '+ tasks.load.retry: {"max_attempts":2,"delay":"10s","backoff":"fixed","max_delay":"1h","condition":"always"}',
      "- tasks.old:",
      "+ tasks.new:",
    ]);
  });

  test("leave the names of people alone, and their values", () => {
    expect(
      between(
        { config: { maxRowsMs: 1 }, environment: { jobId: "x" } },
        { config: { maxRowsMs: 2, none: null }, environment: { jobId: "y" } },
      ),
    ).toEqual(["~ config.maxRowsMs: 1 -> 2", "+ config.none: null", '~ environment.jobId: "x" -> "y"']);
  });

  test("do not have what is only another place or text", () => {
    const source = { file: "b.yaml", line: 3, folder: "/", document: { text: "# a comment", line: 2 } };
    expect(between({}, { source })).toEqual([]);
  });

  test("say of gates what changed, by the other job", () => {
    const gate = { jobId: jobId("up"), condition: "within_window", windowMs: 3_600_000 } as const;
    expect(between({ dependsOn: [gate] }, { dependsOn: [{ ...gate, windowMs: 7_200_000 }] })).toEqual([
      '~ depends_on.up.window: "1h" -> "2h"',
    ]);
  });

  test("tell that nobody is notified from that it is left to the configuration", () => {
    expect(between({}, { notify: [] })).toEqual(["+ notify: []"]);
  });
});

test("the changes between the examples make the one the other, and there are some", async () => {
  const { jobs } = await readJobsDir(join(import.meta.dirname, "../../../examples/jobs"));
  expect(jobs.length).toBeGreaterThan(9);
  for (const before of jobs)
    for (const after of jobs) {
      const changes = diffDefinitions(before, after);
      expect(changes.length > 0).toBe(before !== after);
      expect(applyChanges(jobFields(before), changes)).toEqual(jobFields(after));
    }
});

test("the fields of a definition are those of its job file", () => {
  expect(jobFields(job("a", { description: "x", tags: ["t"], maxConcurrency: 1, killGraceMs: 0 }))).toEqual({
    id: "a",
    name: "a",
    description: "x",
    tags: ["t"],
    enabled: true,
    max_concurrency: 1,
    on_overlap: "skip",
    kill_grace: "0s",
    inherit_environment: true,
    tasks: [{ id: "only", name: "only", condition: "all_success", type: "command", command: "true" }],
  });
});
