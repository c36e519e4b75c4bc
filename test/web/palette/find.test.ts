import { describe, expect, test } from "bun:test";
import type { JobSummary, RunData } from "../../../src/web/data/shapes.ts";
import { isRunIdPart, offersFor, type PaletteEntry } from "../../../src/web/palette/find.ts";

const job = (id: string, name: string, formerly: readonly string[] = []): JobSummary =>
  ({ id, name, last_run: null, formerly, gone: false }) as unknown as JobSummary;
const action = (what: string) => ({ what, key: "x", run: () => {} });

const nameOf = (offer: PaletteEntry): string => {
  if (offer.kind === "run") return `run ${offer.run.id}`;
  return `${offer.kind} ${"job" in offer ? offer.job.id : "href" in offer ? offer.href : offer.label}`;
};

const find = (text: string, runs: readonly RunData[] = []) =>
  offersFor(text, {
    jobs: [job("daily_report", "Daily report"), job("import", "Import orders", ["fetch_orders"])],
    goneJobs: [job("daily_backup", "Daily backup")],
    runs,
    actions: [action("Go to Runs"), action("Run this job")],
  }).map(nameOf);

describe("the palette", () => {
  test("offers the actions of the view without a text", () => {
    expect(find(" ")).toEqual(["action Go to Runs", "action Run this job"]);
  });

  test("finds jobs, also to run them, and searches the runs", () => {
    expect(find("daily")).toEqual([
      "job daily_report",
      "job daily_backup",
      "trigger daily_report",
      "link /runs?text=daily",
      "link /jobs?q=daily",
      "link /search?q=daily",
    ]);
    expect(find("run import").slice(0, 2)).toEqual(["trigger import", "job import"]);
    expect(find("runs go")[0]).toBe("action Go to Runs");
  });

  test("finds a job by a former id, and says so", () => {
    expect(find("fetch").slice(0, 2)).toEqual(["job import", "trigger import"]);
    const offers = (text: string) =>
      offersFor(text, { jobs: [job("b", "Import", ["fetch"])], goneJobs: [], runs: [], actions: [] });
    expect(offers("fetch")[0]).toMatchObject({ kind: "job", formerId: "fetch" });
    expect(offers("import")[0]).toMatchObject({ kind: "job", formerId: null });
  });

  test("does not offer to run a job without a file", () => {
    expect(find("backup").slice(0, 2)).toEqual(["job daily_backup", "link /runs?text=backup"]);
  });

  test("begins with the runs that have an id, and finds runs by a param", () => {
    expect(find("9a7e4f60", [{ id: "r1" } as RunData])[0]).toBe("run r1");
    expect(find("region=eu")[0]).toBe("link /runs?param=region%3Deu");
  });

  test("asks for runs only with a part of an id", () => {
    expect(["9a7e4f60", "01A2", "019b76da-a800"].every(isRunIdPart)).toBe(true);
    expect(["9a7", "daily", "feed", "", "9a7e4f60x"].some(isRunIdPart)).toBe(false);
  });
});
