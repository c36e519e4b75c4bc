import { unitFile } from "../../../app/systemd/unit-file.ts";
import { PetitError } from "../../../domain/errors.ts";
import { type Context, defineCommand } from "../../command.ts";
import { EXIT, type ExitStatus } from "../../exit.ts";
import { readAction } from "../../positionals.ts";
import { install } from "../../service/install.ts";
import { DEFAULT_USER, planUnit, SERVICE_SETTINGS, type ServiceFlags } from "../../service/plan.ts";
import { reportInstall, reportUninstall } from "../../service/report.ts";
import { planToken } from "../../service/token.ts";
import { uninstall } from "../../service/uninstall.ts";

const ACTIONS = ["print", "install", "uninstall"] as const;

export const service = defineCommand({
  name: "service",
  summary: "Run petit or a worker as a systemd service",
  description:
    "'print' shows the unit and changes nothing. 'install' writes the unit, creates the system user and the folders it needs, " +
    "then enables and starts the service. It keeps existing files, and replaces an edited unit only with --force. Run again, " +
    "it updates the unit and restarts petit. Running tasks continue during a restart or stop, unless --on-shutdown drain is " +
    "given. A service that runs as root, or on a machine with several login accounts, requires a token, which commands of root " +
    "and of --group find by themselves. 'uninstall' stops the service and removes the unit; job files, database and user stay. With --user, all of this " +
    "applies to your user's systemd and needs no root. With --worker, all of this applies to `petit worker` in a unit of its own, and " +
    "systemd reads the files of --nats-creds and --nats-key for it. The unit contains the flags of 'petit run' or 'petit worker', --db, --config, " +
    "--log-level, --log-format and --token-file, whose file systemd reads for petit.",
  usage: [
    "petit service print [JOBS_DIR] [--user]",
    "petit service install [JOBS_DIR] [--user]",
    "petit service install --worker --nats URL --trust KEY [--user]",
    "petit service uninstall [--user]",
  ],
  args: {
    ACTION: { type: "positional", required: true, description: "print, install or uninstall." },
    JOBS_DIR: {
      type: "positional",
      required: false,
      description: "The folder of the job files. [default: /etc/petit/jobs; with --user ~/.config/petit/jobs]",
    },
    worker: { type: "boolean", description: "Run a worker instead of the scheduler." },
    user: { type: "boolean", description: "Use your user's systemd, which runs while you are logged in." },
    exec: { type: "string", valueHint: "FILE", description: "The executable of petit. [default: this one]" },
    as: {
      type: "string",
      valueHint: "USER",
      description: `The user that petit and its tasks run as. [default: ${DEFAULT_USER}, created if missing]`,
    },
    sandbox: {
      type: "boolean",
      description: "Restrict what petit and its tasks can do.",
      negativeDescription: "Don't restrict tasks; for tasks that need sudo or home folders.",
    },
    token: {
      type: "boolean",
      description:
        "Require a token, and create it if there is none. [default: yes for a new service that runs as root, or on a machine with several login accounts]",
      negativeDescription: "Require no token: every user of this machine can control petit.",
    },
    group: {
      type: "string",
      valueHint: "GROUP",
      description: "Let the members of GROUP use the token, too; includes --token.",
    },
    now: { type: "boolean", description: "Start the service now; this is the default." },
    start: {
      type: "boolean",
      description: "Start the service now.",
      negativeDescription: "Install the service for the next boot, and don't start it now.",
    },
    force: { type: "boolean", description: "Replace or remove an edited unit." },
  },
  choices: ACTIONS,
  settings: SERVICE_SETTINGS,
  examples: [
    "petit service print",
    "sudo petit service install",
    "sudo petit service install /srv/jobs --api-port 9000 --max-jobs 8 --timezone Europe/Paris",
    "sudo petit service install --group ops",
    "sudo petit service install --api-host 0.0.0.0 --token",
    "petit service install --user ~/jobs",
    "sudo petit service install --worker --nats nats://nats:4222 --nats-creds box7.nk --trust ed25519:… --label gpu",
    "sudo petit service uninstall",
  ],
  run: async (args, context) => {
    const action = readAction(args.ACTION, ACTIONS, "petit service");
    if (args.now && args.start === false)
      throw new PetitError("invalid_request", "--now and --no-start exclude each other");
    return ACTION_HANDLERS[action](args, context);
  },
});

type ServiceArgs = {
  readonly worker?: boolean | undefined;
  readonly JOBS_DIR?: string | undefined;
  readonly exec?: string | undefined;
  readonly as?: string | undefined;
  readonly user?: boolean | undefined;
  readonly sandbox?: boolean | undefined;
  readonly start?: boolean | undefined;
  readonly force?: boolean | undefined;
  readonly token?: boolean | undefined;
  readonly group?: string | undefined;
};

const flagsIn = (args: ServiceArgs): ServiceFlags => ({
  worker: args.worker ?? false,
  jobsDir: args.JOBS_DIR,
  exec: args.exec,
  as: args.as,
  user: args.user ?? false,
  sandbox: args.sandbox ?? true,
  token: args.token,
  group: args.group,
});

const print = (args: ServiceArgs, context: Context): ExitStatus => {
  const unit = unitFile(planUnit(flagsIn(args), context));
  context.terminal.out.write(context.json ? `${JSON.stringify({ unit }, null, 2)}\n` : unit);
  return EXIT.DONE;
};

const installService = async (args: ServiceArgs, context: Context): Promise<ExitStatus> => {
  const flags = flagsIn(args);
  const planned = planUnit(flags, context);
  const access = flags.worker ? null : await planToken(planned, flags, context);
  const unit = access === null ? planned : { ...planned, token: access.token };
  const options = { start: args.start ?? true, force: args.force ?? false, access };
  reportInstall(install(unit, options, context), context);
  return EXIT.DONE;
};

const uninstallService = (args: ServiceArgs, context: Context): ExitStatus => {
  if (args.JOBS_DIR !== undefined) throw new PetitError("invalid_request", `unexpected argument '${args.JOBS_DIR}'`);
  const service = { scope: args.user ? "user" : "system", role: args.worker ? "worker" : "scheduler" } as const;
  reportUninstall(uninstall(service, { force: args.force ?? false }, context), { ...service, context });
  return EXIT.DONE;
};

const ACTION_HANDLERS = { print, install: installService, uninstall: uninstallService } as const satisfies Record<
  (typeof ACTIONS)[number],
  (args: ServiceArgs, context: Context) => ExitStatus | Promise<ExitStatus>
>;
