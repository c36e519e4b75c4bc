import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");

const folders: string[] = [];

/** Creates a folder in dist. The system's folder for temporary files may be in memory, and this one is on disk. */
export const makeFolder = (name: string): string => {
  const dir = mkdtempSync(join(ROOT, "dist", `bench-${name}-`));
  folders.push(dir);
  return dir;
};

/** Removes all folders that `makeFolder` created. */
export const cleanUp = (): void => {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
};

/** Returns a minimal job file. */
export const trueJob = (id: string, more = ""): string =>
  `id: ${id}\n${more}tasks:\n  - id: main\n    type: command\n    command: /bin/true\n`;

/** Returns a job file of typical size. */
export const typicalJob = (id: string, minuteOfDay: number): string =>
  `id: ${id}
name: Nightly ${id}
description: Reports yesterday's figures.
schedule: "0 ${minuteOfDay % 60} ${Math.floor(minuteOfDay / 60) % 24} * * *"
timeout: 2h
tasks:
  - id: extract
    type: command
    command: /bin/true
    retry: {max_attempts: 3, delay: 10s, backoff: exponential}
  - id: report
    type: shell
    script: |
      true
    depends_on: [extract]
`;

/** Creates a folder with one file for each job and returns its path. */
export const writeJobs = (dir: string, count: number, job: (id: string, index: number) => string): string => {
  const jobsDir = join(dir, `jobs-${count}`);
  mkdirSync(jobsDir, { recursive: true });
  for (let index = 0; index < count; index++) {
    const id = `job-${String(index).padStart(5, "0")}`;
    writeFileSync(join(jobsDir, `${id}.yaml`), job(id, index));
  }
  return jobsDir;
};
