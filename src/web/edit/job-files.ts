import { queryOptions } from "@tanstack/react-query";
import { ifFound } from "../../client/error.ts";
import { petit } from "../data/client.ts";

/** Query for the job files of the folder, and the templates of new ones. */
export const jobFilesQuery = () =>
  queryOptions({ queryKey: ["job-files"], queryFn: () => petit.get("/api/job-files") });

/** Query for the text of a job file; null if there is no such file. A petit that does not watch its folder sends no event about a change. */
export const jobFileQuery = (path: string) =>
  queryOptions({
    queryKey: ["job-file", path],
    queryFn: () => readJobFile(path),
    refetchOnWindowFocus: true,
  });

const readJobFile = (path: string) => ifFound(petit.get("/api/job-files/*", { params: { "*": path } }));

/** A job file as it is on the disk. */
export type FileText = NonNullable<Awaited<ReturnType<typeof readJobFile>>>;

/** Query for the JSON Schema of job files, which stays the same while petit runs. */
export const jobSchemaQuery = () =>
  queryOptions({ queryKey: ["job-schema"], queryFn: () => petit.get("/api/job-schema") });

export type DraftText = {
  readonly path: string;
  readonly text: string;
  /** Digest of the file that it was made from; null for a new file. */
  readonly base: string | null;
};

/** Returns what a text would mean as a job file. Nothing is written. */
export const checkJobFile = (draft: DraftText, signal: AbortSignal) =>
  petit.post("/api/job-files/check", { body: draft, signal });

/** Writes a job file. The jobs are in use when it resolves. */
export const saveJobFile = ({ path, text, base }: DraftText) =>
  petit.put("/api/job-files/*", { params: { "*": path }, body: { text, base } });

export type JobFileData = Awaited<ReturnType<typeof petit.get<"/api/job-files">>>["files"][number];
export type TemplateData = Awaited<ReturnType<typeof petit.get<"/api/job-files">>>["templates"][number];
export type CheckData = Awaited<ReturnType<typeof checkJobFile>>;
export type CheckProblem = CheckData["problems"][number];
