import { api } from "./api.ts";
import { jobFiles } from "./job-files.ts";
import { schedules } from "./schedules.ts";
import { security } from "./security.ts";
import { tests } from "./tests.ts";
import type { Topic } from "./topic.ts";
import { upgrade } from "./upgrade.ts";

/** All topics, in the order of the help. */
export const TOPICS: readonly Topic[] = [jobFiles, schedules, tests, api, security, upgrade];
