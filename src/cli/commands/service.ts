import { unitFile } from "../../app/systemd/unit-file.ts";
import { PetitError } from "../../domain/errors.ts";
import { suggest } from "../../lib/suggest.ts";
import { type Context, defineCommand } from "../command.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { install } from "../service/install.ts";
import { DEFAULT_USER, planUnit, type ServiceFlags } from "../service/plan.ts";
import { uninstall } from "../service/uninstall.ts";
import { afterInstall, afterUninstall } from "../service/words.ts";
import { run } from "./run.ts";

const ACTIONS = ["print", "install", "uninstall"] as const;

export const service = defineCommand({
  name: "service",
  summary: "Run petit as a systemd service: print, install, uninstall",
  description:
    "'print' shows the unit, and touches nothing. 'install' puts it in place, with the system user and the folders it needs, " +
    "enables and starts it; what is there already is kept, an edited unit too unless --force is given. Run again, it " +
    "writes the unit for what is asked now and restarts petit, whose running tasks go on, as they do over a stop unless " +
    "--on-shutdown drain is given. 'uninstall' stops the service and removes the unit; job files, database and user stay. With --user all of it is for the systemd of who calls it, and " +
    "needs no root. The flags of 'petit run' go into the unit; so do --db, --config, --log-level, --log-format and " +
    "--token-file, whose file systemd reads for petit.",
  usage: [
    "petit service print [JOBS_DIR] [--user]",
    "petit service install [JOBS_DIR] [--user]",
    "petit service uninstall [--user]",
  ],
  args: {
    ACTION: { type: "positional", required: true, description: "print, install or uninstall." },
    JOBS_DIR: {
      type: "positional",
      required: false,
      description: "The folder of the job files. [default: /etc/petit/jobs; with --user ~/.config/petit/jobs]",
    },
    user: { type: "boolean", description: "A service of your own, by the systemd that runs while you are logged in." },
    exec: { type: "string", valueHint: "FILE", description: "petit's executable. [default: this one]" },
    as: {
      type: "string",
      valueHint: "USER",
      description: `Whom petit and its tasks run as. [default: ${DEFAULT_USER}, made where there is no such user]`,
    },
    sandbox: {
      type: "boolean",
      description: "Narrow what petit and its tasks may do.",
      negativeDescription: "Leave out what narrows down what tasks may do, for those that need sudo or home folders.",
    },
    now: { type: "boolean", description: "Start it at once; this is the default." },
    start: {
      type: "boolean",
      description: "Start it at once.",
      negativeDescription: "Put it in place for the next start of the machine, and don't start it now.",
    },
    force: { type: "boolean", description: "Overwrite, or remove, a unit that was edited." },
  },
  choices: ACTIONS,
  settings: run.settings,
  examples: [
    "petit service print",
    "sudo petit service install",
    "sudo petit service install /srv/jobs --api-port 9000 --max-jobs 8 --timezone Europe/Paris",
    "sudo petit service install --api-host 0.0.0.0 --token-file /etc/petit/token",
    "petit service install --user ~/jobs",
    "sudo petit service uninstall",
  ],
  run: async (args, context) => {
    const action = checkedAction(args.ACTION);
    if (args.now && args.start === false)
      throw new PetitError("invalid_request", "--now and --no-start exclude each other");
    return DO[action](args, context);
  },
});

type Args = {
  readonly JOBS_DIR?: string | undefined;
  readonly exec?: string | undefined;
  readonly as?: string | undefined;
  readonly user?: boolean | undefined;
  readonly sandbox?: boolean | undefined;
  readonly start?: boolean | undefined;
  readonly force?: boolean | undefined;
};

const checkedAction = (given: string): (typeof ACTIONS)[number] => {
  const action = ACTIONS.find((each) => each === given);
  if (action !== undefined) return action;
  const near = suggest(given, ACTIONS);
  const hint = near === null ? `expected ${ACTIONS.join(", ")}` : `did you mean '${near}'?`;
  throw new PetitError("invalid_request", `unknown action '${given}' of petit service; ${hint}`);
};

const flagsIn = (args: Args): ServiceFlags => ({
  jobsDir: args.JOBS_DIR,
  exec: args.exec,
  as: args.as,
  user: args.user ?? false,
  sandbox: args.sandbox ?? true,
});

const print = (args: Args, context: Context): ExitStatus => {
  const unit = unitFile(planUnit(flagsIn(args), context));
  context.terminal.out.write(context.json ? `${JSON.stringify({ unit }, null, 2)}\n` : unit);
  return EXIT.DONE;
};

const installIt = (args: Args, context: Context): ExitStatus => {
  const unit = planUnit(flagsIn(args), context);
  const done = install(unit, { start: args.start ?? true, force: args.force ?? false }, context);
  afterInstall(done, context);
  return EXIT.DONE;
};

const uninstallIt = (args: Args, context: Context): ExitStatus => {
  if (args.JOBS_DIR !== undefined) throw new PetitError("invalid_request", `unexpected argument '${args.JOBS_DIR}'`);
  const scope = args.user ? "user" : "system";
  afterUninstall(uninstall(scope, { force: args.force ?? false }, context), { scope, context });
  return EXIT.DONE;
};

const DO = { print, install: installIt, uninstall: uninstallIt } as const satisfies Record<
  (typeof ACTIONS)[number],
  (args: Args, context: Context) => ExitStatus
>;
