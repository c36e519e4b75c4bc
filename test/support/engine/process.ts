import { readFileSync } from "node:fs";
import type { Job } from "../../../src/domain/job.ts";
import { startEngine } from "./started-engine.ts";

/** Runs an engine that a test kills, and triggers JOB: `bun started-engine-process.ts DIR JOBS_FILE JOB [CGROUP_BASE]` */
const [dir = "", jobsFile = "", triggered = "", base = ""] = process.argv.slice(2);
const jobs: readonly Job[] = JSON.parse(readFileSync(jobsFile, "utf8"));
const cgroups = { kind: "delegated", base, controllers: new Set<never>(), gap: null } as const;
const petit = await startEngine({ dir, jobs, ...(base !== "" && { cgroups, settings: { usage: "cgroup" } }) });
const { id } = await petit.trigger(triggered);
console.log(id);
setInterval(() => petit, 60_000);
