import { closeSync } from "node:fs";
import { join } from "node:path";
import type { Job } from "../../domain/job.ts";
import { openRegular, readStart } from "../../lib/files/regular-file.ts";
import { hint } from "../hints.ts";
import { formatPath, type Path } from "../parse/node.ts";
import { type ParsedDocument, parseYaml } from "../parse/parse.ts";
import { makePositions, type Position, type Positions } from "../parse/positions.ts";
import { Place } from "../place.ts";
import type { Problem } from "../problem.ts";
import { makeReport, type Report } from "../report.ts";
import type { Draft } from "../schema/field.ts";
import { type JobTest, type StubbedAttempt, TEST_FILE, type TestFields } from "../schema/test-file.ts";
import { decode, MAX_BYTES } from "./job-dir.ts";
import { describeFailure, isTestFileName, listFiles } from "./list-files.ts";
import { isWhole, readValue } from "./value.ts";

/** A test of a job, and where its parts are written. */
export type ReadTest = {
  /** Path relative to JOBS_DIR. */
  readonly file: string;
  readonly job: Job;
  readonly test: JobTest;
  /** Returns where a value of the test is, or else what is nearest to it. */
  readonly placeOf: (path: Path) => Position & { readonly path: string };
};

/** The tests of a folder. */
export type TestFiles = {
  readonly tests: readonly ReadTest[];
  /** Those of test files. */
  readonly problems: readonly Problem[];
  /** How many test files there are. */
  readonly files: number;
};

/** Reads all test files below a folder. `jobs` are the valid jobs there. */
export const readTestFiles = async (dir: string, jobs: readonly Job[]): Promise<TestFiles> => {
  const { files, failures } = await listFiles(dir, isTestFileName);
  const byId = new Map<string, Job>(jobs.map((job) => [job.id, job]));
  const read = files.map((file) => readFile(dir, file, byId));
  return {
    tests: read.flatMap(({ tests }) => tests),
    problems: [
      ...failures.map(({ file, message }) => wholeFile(file, message)),
      ...read.flatMap(({ problems }) => problems),
    ],
    files: files.length,
  };
};

type FileTests = Omit<TestFiles, "files">;

const wholeFile = (file: string, message: string): Problem => ({ file, line: 1, column: 1, path: "", message });

const unread = (file: string, message: string): FileTests => ({ tests: [], problems: [wholeFile(file, message)] });

const readFile = (dir: string, file: string, jobs: ReadonlyMap<string, Job>): FileTests => {
  try {
    const fd = openRegular(join(dir, file));
    if (fd === null) return unread(file, "is not a regular file; expected a test file");
    try {
      const bytes = readStart(fd, MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) return unread(file, "is larger than 1 MiB; expected several smaller files");
      const text = decode(bytes);
      return text === null ? unread(file, "is not UTF-8 text; expected YAML in UTF-8") : readTests(text, file, jobs);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return unread(file, describeFailure(error));
  }
};

/** Reads the text of a test file. */
export const readTests = (text: string, file: string, jobs: ReadonlyMap<string, Job>): FileTests => {
  if (text.trim() === "") return unread(file, "the file is empty; expected tests of a job");
  const positions = makePositions(text);
  const read = parseYaml(text).map((document) => readDocument(document, { text, file, positions, jobs }));
  const names = new Set<string>();
  const problems = read.flatMap((each) => each.problems);
  for (const { test, job, placeOf } of read.flatMap(({ tests }) => tests)) {
    const name = `${job.id} ${test.name}`;
    if (names.has(name))
      problems.push({ file, ...placeOf(["name"]), message: `'${test.name}' is used twice; expected another name` });
    names.add(name);
  }
  return { tests: problems.length > 0 ? [] : read.flatMap(({ tests }) => tests), problems };
};

type Source = {
  readonly text: string;
  readonly file: string;
  readonly positions: Positions;
  readonly jobs: ReadonlyMap<string, Job>;
};

const readDocument = (document: ParsedDocument, { text, file, positions, jobs }: Source): FileTests => {
  const { root, faults, isSyntax } = document;
  const toProblems = (all: ParsedDocument["faults"]): readonly Problem[] =>
    all.map(({ at, path, message }) => ({ file, ...positions(at), path, message }));
  if (root === null && faults.length === 0) return { tests: [], problems: [] };
  if (root?.kind !== "map" || isSyntax) {
    const message = "is not a list of tests; expected a map with job and tests";
    return {
      tests: [],
      problems: toProblems(faults.length > 0 || root === null ? faults : [{ at: root.at, path: "", message }]),
    };
  }
  const report = makeReport(root, text);
  const draft = readValue(root, TEST_FILE, Place.top(report));
  const job = draft?.job === undefined ? undefined : jobs.get(draft.job);
  if (draft !== undefined) checkMeaning(draft, { job, jobs, report });
  const all = [...faults, ...report.faults];
  if (job === undefined || all.length > 0 || !isWhole(TEST_FILE, draft, report))
    return { tests: [], problems: toProblems(all) };
  const tests = draft.tests.map((test, index): ReadTest => {
    const placeOf: ReadTest["placeOf"] = (path) => {
      const { node, path: written } = report.locate(["tests", index, ...path]);
      return { ...positions(node.at), path: formatPath(written.slice(2)) };
    };
    return { file, job, test, placeOf };
  });
  return { tests, problems: [] };
};

type Meaning = {
  readonly job: Job | undefined;
  readonly jobs: ReadonlyMap<string, Job>;
  readonly report: Report;
};

/** Checks what a test names. */
const checkMeaning = ({ job: jobId, tests }: Draft<TestFields>, { job, jobs, report }: Meaning): void => {
  if (jobId !== undefined && job === undefined && !report.has(["job"]))
    report.addAt(["job"], `there is no valid job '${jobId}'; ${hint(jobId, jobs.keys(), "expected the id of a job")}`);
  for (const [index, test] of (tests ?? []).entries()) {
    if (test === undefined) continue;
    const at: Path = ["tests", index];
    const { expect } = test;
    if (expect !== undefined && !expectsAnything(expect) && report.faults.length === 0)
      report.addAt([...at, "expect"], "expects nothing; expected at least one field");
    if (job === undefined) continue;
    const gates = job.dependsOn.map(({ jobId }) => jobId);
    for (const id of Object.keys(test.jobs ?? {}))
      if (!gates.some((gate) => gate === id))
        report.addAt(
          [...at, "jobs", id],
          `job '${job.id}' does not depend on a job '${id}'; ${hint(id, gates, `expected ${gates.length === 0 ? "no jobs, because it has no depends_on" : `one of ${gates.join(", ")}`}`)}`,
        );
    checkTasks(Object.keys(test.tasks ?? {}), { job, report, at: (id) => [...at, "tasks", id] });
    checkTasks(Object.keys(expect?.tasks ?? {}), { job, report, at: (id) => [...at, "expect", "tasks", id] });
    checkTasks(expect?.skipped ?? [], { job, report, at: (_, item) => [...at, "expect", "skipped", item] });
    checkItems(test.tasks ?? {}, { job, report, at: (id) => [...at, "tasks", id] });
    checkReal(test.tasks ?? {}, { job, report, at: (id) => [...at, "tasks", id] });
    checkOutputs(test.tasks ?? {}, { job, jobs, report, at: (id) => [...at, "tasks", id] });
    checkEnds(test.tasks ?? {}, { job, report, at: (id) => [...at, "tasks", id] });
  }
};

const expectsAnything = (expect: object): boolean =>
  Object.values(expect).some(
    (value) =>
      value !== undefined && (typeof value !== "object" || Array.isArray(value) || Object.keys(value).length > 0),
  );

type NamedTasks = {
  readonly job: Job;
  readonly report: Report;
  readonly at: (id: string, index: number) => Path;
};

const checkTasks = (ids: readonly (string | undefined)[], { job, report, at }: NamedTasks): void => {
  for (const [index, id] of ids.entries()) {
    if (id === undefined || job.tasks.some((task) => task.id === id)) continue;
    const known = job.tasks.map((task) => task.id);
    report.addAt(
      at(id, index),
      `job '${job.id}' has no task '${id}'; ${hint(id, known, `expected one of ${known.join(", ")}`)}`,
    );
  }
};

type StubDrafts = NonNullable<NonNullable<NonNullable<Draft<TestFields>["tests"]>[number]>["tasks"]>;

/** Checks that only tasks with items have stubs for items. Which items there are, only a run knows. */
const checkItems = (stubs: StubDrafts, { job, report, at }: NamedTasks): void => {
  for (const { id, items } of job.tasks) {
    const stub = Object.hasOwn(stubs, id) ? stubs[id] : undefined;
    if (items !== undefined || typeof stub !== "object" || isList(stub) || !("items" in stub)) continue;
    if (Object.keys(stub.items ?? {}).length > 0)
      report.addAt([...at(id, 0), "items"], `task '${id}' has no items; expected a task with foreach or matrix`);
  }
};

const checkReal = (stubs: StubDrafts, { job, report, at }: NamedTasks): void => {
  for (const [id, stub] of Object.entries(stubs)) {
    const isReal = typeof stub === "object" && "real" in stub && stub.real === true;
    if (isReal && job.tasks.some((task) => task.id === id && task.program.type === "approval"))
      report.addAt([...at(id, 0), "real"], "an approval has no process; expected a status");
  }
};

/** Checks the outputs of stubs for whole runs of other jobs, which can only be those that these jobs declare. */
const checkOutputs = (
  stubs: StubDrafts,
  { job, jobs, report, at }: NamedTasks & { readonly jobs: ReadonlyMap<string, Job> },
): void => {
  for (const { id, program } of job.tasks) {
    const child = program.type === "job" ? jobs.get(program.jobId) : undefined;
    if (child === undefined) continue;
    const known = Object.keys(child.outputs ?? {});
    for (const { attempt, path } of attemptsOf(stubs, id, at(id, 0)))
      for (const name of Object.keys(attempt.outputs ?? {}))
        if (!known.includes(name))
          report.addAt(
            [...path, "outputs", name],
            `job '${child.id}' has no output '${name}'; ${hint(name, known, `expected one of ${known.join(", ") || "none"}`)}`,
          );
  }
};

/** Checks what stubs do: a person decides about an approval, and only some signals end a process. */
const checkEnds = (stubs: StubDrafts, { job, report, at }: NamedTasks): void => {
  for (const { id, program } of job.tasks)
    for (const { attempt, path } of attemptsOf(stubs, id, at(id, 0))) {
      if (program.type === "approval") checkDecision(attempt, path, report);
      else if (attempt.signal !== undefined && !ENDING_SIGNALS.includes(attempt.signal))
        report.addAt(
          [...path, "signal"],
          `'${attempt.signal}' is not a signal that ends a process; ${hint(attempt.signal, ENDING_SIGNALS, "expected one such as SIGKILL, SIGTERM or SIGSEGV")}`,
        );
    }
};

const checkDecision = (attempt: Exclude<AttemptDraft, string>, path: Path, report: Report): void => {
  for (const field of ["exit_code", "signal"] as const)
    if (attempt[field] !== undefined) report.addAt([...path, field], "an approval has no process; expected a status");
  for (const name of Object.keys(attempt.outputs ?? {}))
    if (!DECISION_OUTPUTS.includes(name))
      report.addAt([...path, "outputs", name], `an approval has no output '${name}'; expected by or comment`);
};

/** The outputs of an approval: the name of the person, and the comment. */
const DECISION_OUTPUTS: readonly string[] = ["by", "comment"];

/** The signals of POSIX that end a process unless it handles them, so that a test means the same on each machine. */
const ENDING_SIGNALS: readonly string[] = [
  ...["SIGABRT", "SIGALRM", "SIGBUS", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGKILL", "SIGPIPE", "SIGPROF"],
  ...["SIGQUIT", "SIGSEGV", "SIGSYS", "SIGTERM", "SIGTRAP", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGXCPU", "SIGXFSZ"],
];

/** Returns what is given as a map for the attempts of a task and its items, and where. */
function* attemptsOf(
  stubs: StubDrafts,
  id: string,
  path: Path,
): Generator<{ readonly attempt: Exclude<AttemptDraft, string>; readonly path: Path }> {
  const stub = Object.hasOwn(stubs, id) ? stubs[id] : undefined;
  yield* mapsOf(stub, path);
  if (typeof stub === "object" && !isList(stub) && "items" in stub)
    for (const [key, ofItem] of Object.entries(stub.items ?? {})) yield* mapsOf(ofItem, [...path, "items", key]);
}

function* mapsOf(
  given: AttemptDraft | readonly (AttemptDraft | undefined)[] | undefined,
  path: Path,
): Generator<{ readonly attempt: Exclude<AttemptDraft, string>; readonly path: Path }> {
  if (typeof given !== "object") return;
  if (!isList(given)) return yield { attempt: given, path };
  for (const [index, attempt] of given.entries())
    if (typeof attempt === "object") yield { attempt, path: [...path, index] };
}

type AttemptDraft = Draft<StubbedAttempt>;

const isList = <T>(value: T | readonly (AttemptDraft | undefined)[]): value is readonly (AttemptDraft | undefined)[] =>
  Array.isArray(value);
