import { backup } from "./backup.ts";
import type { Command } from "./command.ts";
import { completion } from "./completion.ts";
import { doctor } from "./doctor.ts";
import { help } from "./help-command.ts";
import { init } from "./init.ts";
import { list } from "./list.ts";
import { logs } from "./logs.ts";
import { next } from "./next.ts";
import { reload } from "./reload.ts";
import { run } from "./run.ts";
import { cancel, pause, resume, retry } from "./run-verbs.ts";
import { runs } from "./runs.ts";
import { schema } from "./schema.ts";
import { service } from "./service-command.ts";
import { status } from "./status.ts";
import { token } from "./token.ts";
import { trigger } from "./trigger.ts";
import { validate } from "./validate.ts";
import { why } from "./why.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  run,
  validate,
  list,
  next,
  trigger,
  runs,
  status,
  logs,
  why,
  cancel,
  retry,
  pause,
  resume,
  reload,
  backup,
  doctor,
  service,
  init,
  schema,
  token,
  completion,
  help,
];
