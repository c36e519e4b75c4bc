import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");

const made: string[] = [];

/** A new folder beside the executable: on the disk, where a system's folder for temporary files may be memory. */
export const makeFolder = (name: string): string => {
  const dir = mkdtempSync(join(ROOT, "dist", `bench-${name}-`));
  made.push(dir);
  return dir;
};

/** Removes every folder that was made. */
export const cleanUp = (): void => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
};

/** The smallest job there is. */
export const trueJob = (id: string, more = ""): string =>
  `id: ${id}\n${more}tasks:\n  - id: main\n    type: command\n    command: /bin/true\n`;

/** Jobs as people have them: a few lines more than they need. */
export const usualJob = (id: string, minuteOfDay: number): string =>
  `id: ${id}
name: Nightly ${id}
description: Brings the figures of yesterday.
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

/** A folder with a file a job. */
export const writeJobs = (dir: string, count: number, job: (id: string, index: number) => string): string => {
  const jobsDir = join(dir, `jobs-${count}`);
  mkdirSync(jobsDir, { recursive: true });
  for (let index = 0; index < count; index++) {
    const id = `job-${String(index).padStart(5, "0")}`;
    writeFileSync(join(jobsDir, `${id}.yaml`), job(id, index));
  }
  return jobsDir;
};
