import type { Command } from "./command.ts";
import { completion } from "./commands/completion.ts";
import { help } from "./commands/help.ts";
import { importJobs } from "./commands/jobs/import.ts";
import { init } from "./commands/jobs/init.ts";
import { jobs } from "./commands/jobs/jobs.ts";
import { list } from "./commands/jobs/list.ts";
import { next } from "./commands/jobs/next.ts";
import { pause } from "./commands/jobs/pause.ts";
import { reload } from "./commands/jobs/reload.ts";
import { resume } from "./commands/jobs/resume.ts";
import { review } from "./commands/jobs/review.ts";
import { schema } from "./commands/jobs/schema.ts";
import { test } from "./commands/jobs/test.ts";
import { validate } from "./commands/jobs/validate.ts";
import { audit } from "./commands/people/audit.ts";
import { mcp } from "./commands/people/mcp.ts";
import { token } from "./commands/people/token.ts";
import { tokens } from "./commands/people/tokens.ts";
import { whoami } from "./commands/people/whoami.ts";
import { ack, snooze } from "./commands/runs/ack.ts";
import { artifacts } from "./commands/runs/artifacts.ts";
import { backfill } from "./commands/runs/backfill.ts";
import { cancel } from "./commands/runs/cancel.ts";
import { approve, reject } from "./commands/runs/decide.ts";
import { logs } from "./commands/runs/logs.ts";
import { retry } from "./commands/runs/retry.ts";
import { runs } from "./commands/runs/runs.ts";
import { search } from "./commands/runs/search.ts";
import { trigger } from "./commands/runs/trigger.ts";
import { why } from "./commands/runs/why.ts";
import { backup } from "./commands/server/backup.ts";
import { deliveries } from "./commands/server/deliveries.ts";
import { doctor } from "./commands/server/doctor.ts";
import { hooks } from "./commands/server/hooks.ts";
import { notify } from "./commands/server/notify.ts";
import { restore } from "./commands/server/restore.ts";
import { run } from "./commands/server/run.ts";
import { service } from "./commands/server/service.ts";
import { status } from "./commands/server/status.ts";
import { top } from "./commands/server/top.ts";
import { upgrade } from "./commands/server/upgrade.ts";
import { worker } from "./commands/server/worker.ts";
import { workers } from "./commands/server/workers.ts";

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  run,
  validate,
  test,
  list,
  next,
  trigger,
  backfill,
  runs,
  status,
  logs,
  search,
  artifacts,
  why,
  review,
  jobs,
  hooks,
  deliveries,
  workers,
  top,
  mcp,
  cancel,
  retry,
  ack,
  snooze,
  approve,
  reject,
  pause,
  resume,
  reload,
  notify,
  backup,
  restore,
  worker,
  doctor,
  service,
  upgrade,
  init,
  importJobs,
  schema,
  token,
  tokens,
  audit,
  whoami,
  completion,
  help,
];
