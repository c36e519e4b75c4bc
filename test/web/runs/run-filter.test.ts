import { describe, expect, test } from "bun:test";
import { newRunId } from "../../../src/domain/ids.ts";
import {
  createdAt,
  fieldTime,
  groupByJob,
  readFilter,
  runsQueryFor,
  urlTime,
} from "../../../src/web/runs/run-filter.ts";

const NOW = Date.UTC(2026, 0, 5, 12, 0, 30);

const read = (query: string) => readFilter(new URLSearchParams(query));
const queryFor = (query: string) => {
  const { limit: _, ...rest } = runsQueryFor(read(query), NOW);
  return rest;
};

const NO_FILTER = {
  status: null,
  trigger: null,
  job: "",
  tag: "",
  waitingFor: null,
  except: "",
  text: "",
  param: "",
  within: null,
  from: null,
  to: null,
  before: "",
  isGrouped: false,
};

describe("the filter of the list of runs", () => {
  test("is read from the URL, which may have unknown values", () => {
    expect(read("status=failed&trigger=retry&job=a&tag=c&before=b&group=job&within=24h")).toEqual({
      ...NO_FILTER,
      status: "failed",
      trigger: "retry",
      job: "a",
      tag: "c",
      before: "b",
      isGrouped: true,
      within: "24h",
    });
    expect(
      read("except=a,%20b&text=%20x%20&param=day=1%0A&from=2026-01-01T00:00Z&to=2026-01-02T00:00%2B01:00"),
    ).toEqual({
      ...NO_FILTER,
      except: "a,b",
      text: "x",
      param: "day=1",
      from: Date.UTC(2026, 0, 1),
      to: Date.UTC(2026, 0, 1, 23),
    });
    expect(read("status=odd&trigger=odd&group=odd&within=odd&from=odd&to=&param==1&except=,&tag=a%20b")).toEqual(
      NO_FILTER,
    );
  });

  test("becomes a query of the API", () => {
    expect(runsQueryFor(read(""), NOW)).toEqual({ limit: 50, failure: true });
    expect(runsQueryFor(read("group=job"), NOW)).toEqual({ limit: 1_000 });
    expect(queryFor("status=failed&trigger=manual&tag=c&text=x&param=p&before=b")).toEqual({
      failure: true,
      status: "failed",
      trigger: "manual",
      tag: "c",
      text: "x",
      param: "p",
      before: "b",
    });
    expect(queryFor("waiting_for=approval&status=failed")).toEqual({ failure: true, waiting_for: "approval" });
    expect(queryFor("except=a,b")).toEqual({ failure: true, exclude: "a,b" });
    expect(queryFor("job=a&except=b")).toEqual({ failure: true });
  });

  test("has a period that begins at a full minute, or two times in order", () => {
    expect(queryFor("within=1h")).toEqual({ failure: true, from: Date.UTC(2026, 0, 5, 11) });
    expect(queryFor("within=1h&from=2026-01-01T00:00Z")).toEqual({ failure: true, from: Date.UTC(2026, 0, 5, 11) });
    expect(queryFor("to=2026-01-01T00:00Z")).toEqual({ failure: true, to: Date.UTC(2026, 0, 1) });
    expect(queryFor("from=2026-01-02T00:00Z&to=2026-01-01T00:00Z")).toEqual({
      failure: true,
      from: Date.UTC(2026, 0, 2),
    });
  });

  test("writes the time of a field as an instant", () => {
    const at = Date.UTC(2026, 5, 1, 10, 30);
    expect(urlTime(fieldTime(at))).toBe("2026-06-01T10:30Z");
    expect(fieldTime(null)).toBe("");
    expect(urlTime("")).toBe("");
  });
});

test("the id of a run says when it was created", () => {
  expect(createdAt(newRunId(NOW))).toBe(NOW);
});

test("runs grouped by their jobs begin with the job that has the most runs", () => {
  const run = (job_id: string, id: number) => ({ job_id, id });
  const groups = groupByJob([run("rare", 1), run("often", 2), run("often", 3)]);
  expect(groups.map(({ jobId, runs }) => [jobId, runs.map(({ id }) => id)])).toEqual([
    ["often", [2, 3]],
    ["rare", [1]],
  ]);
  expect(groupByJob([])).toEqual([]);
});
