import type { Command } from "./command.ts";
import { ack, snooze } from "./commands/ack.ts";
import { artifacts } from "./commands/artifacts.ts";
import { audit } from "./commands/audit.ts";
import { backfill } from "./commands/backfill.ts";
import { backup } from "./commands/backup.ts";
import { cancel } from "./commands/cancel.ts";
import { completion } from "./commands/completion.ts";
import { approve, reject } from "./commands/decide.ts";
import { deliveries } from "./commands/deliveries.ts";
import { doctor } from "./commands/doctor.ts";
import { help } from "./commands/help.ts";
import { hooks } from "./commands/hooks.ts";
import { importJobs } from "./commands/import.ts";
import { init } from "./commands/init.ts";
import { jobs } from "./commands/jobs.ts";
import { list } from "./commands/list.ts";
import { logs } from "./commands/logs.ts";
import { mcp } from "./commands/mcp.ts";
import { next } from "./commands/next.ts";
import { notify } from "./commands/notify.ts";
import { pause } from "./commands/pause.ts";
import { reload } from "./commands/reload.ts";
import { restore } from "./commands/restore.ts";
import { resume } from "./commands/resume.ts";
import { retry } from "./commands/retry.ts";
import { review } from "./commands/review.ts";
import { run } from "./commands/run.ts";
import { runs } from "./commands/runs.ts";
import { schema } from "./commands/schema.ts";
import { service } from "./commands/service.ts";
import { status } from "./commands/status.ts";
import { token } from "./commands/token.ts";
import { tokens } from "./commands/tokens.ts";
import { top } from "./commands/top.ts";
import { trigger } from "./commands/trigger.ts";
import { validate } from "./commands/validate.ts";
import { whoami } from "./commands/whoami.ts";
import { why } from "./commands/why.ts";
import { worker } from "./commands/worker.ts";
import { workers } from "./commands/workers.ts";

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  run,
  validate,
  list,
  next,
  trigger,
  backfill,
  runs,
  status,
  logs,
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
