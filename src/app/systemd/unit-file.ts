import { createHash } from "node:crypto";
import { sandboxText } from "./unit-sandbox.ts";
import { commandWord, unitWord } from "./unit-word.ts";

/** The name under which systemd knows petit. */
export const UNIT = "petit.service";

export type Unit = {
  /** `user`: of the systemd that each user has. */
  readonly scope: "system" | "user";
  /** The executable, absolute. */
  readonly exec: string;
  /** The folder of the job files, absolute; null is petit's own in the configuration folder. */
  readonly jobsDir: string | null;
  /** The database, absolute or `:memory:`; null is petit.db in the state folder. */
  readonly db: string | null;
  /** The configuration file, absolute; null where petit looks for it itself. */
  readonly config: string | null;
  /** Further arguments of `petit run`. */
  readonly args: readonly string[];
  /** Whom petit and its tasks run as; only a system service chooses. */
  readonly runAs: string;
  /** File with the API's token, absolute; null where systemd looks for it itself. */
  readonly tokenFile: string | null;
  /** A folder beside its own that petit writes to: the database's. */
  readonly writable: string | null;
  /** Whether what petit and its tasks may do is narrowed; a user's own service never is. */
  readonly sandbox: boolean;
  /** What a stop may take, in seconds. */
  readonly stopSeconds: number;
  /** Of petit. */
  readonly version: string;
};

/** The text of the unit file. Its first line has a checksum of the others, by which an edited one is told. */
export const unitFile = (unit: Unit): string => {
  const text = [header(unit), unitSection(unit), serviceSection(unit), installSection(unit)].join("\n");
  return `${MARK}${checksum(text)}\n${text}`;
};

/** Whether a unit file is as petit wrote it. */
export const isUnedited = (file: string): boolean => {
  const [first = "", ...rest] = file.split("\n");
  return first === `${MARK}${checksum(rest.join("\n"))}`;
};

const MARK = "# petit-unit sha256:";

const checksum = (text: string): string => createHash("sha256").update(text).digest("hex");

const edit = ({ scope }: Unit): string => `systemctl ${scope === "user" ? "--user " : ""}edit petit`;

const header = (unit: Unit): string => `\
# The unit of petit ${unit.version}. Leave this file as it is: 'petit service install' writes it anew, and keeps its hands off one
# that was edited. What you want otherwise belongs into a drop-in, which '${edit(unit)}' opens.
`;

const unitSection = ({ scope }: Unit): string => `\
[Unit]
Description=petit, a job scheduler
${scope === "user" ? "" : "Wants=network-online.target\nAfter=network-online.target nss-lookup.target time-sync.target\n"}\
# However often it fails, it is started again.
StartLimitIntervalSec=0
`;

const serviceSection = (unit: Unit): string => `\
[Service]
# petit tells when it takes triggers, its port bound; what it does ('systemctl status'); and that it is alive: one that
# hangs is killed and started anew. All it knows is on the disk, so nothing is lost with it.
Type=notify
NotifyAccess=main
WatchdogSec=30
WatchdogSignal=SIGKILL
ExecStart=${commandLine(unit)}
# Reads the job files again.
ExecReload=/bin/sh -c "kill -HUP $MAINPID"

# A wrong configuration (exit status 2) is not mended by trying again.
Restart=on-failure
RestartSec=1
RestartPreventExitStatus=2
TimeoutStartSec=5min
# Tasks outlive petit: a stop, a restart or a crash ends petit alone (KillMode=process), which leaves its running tasks to the
# next start (--on-shutdown leave). With --on-shutdown drain a stop waits for them first; petit asks for more time than
# this where that takes longer. A task that the kernel ends for want of memory is no reason to stop petit.
${MACHINE_END[unit.scope]}
KillMode=process
TimeoutStopSec=${unit.stopSeconds}
OOMPolicy=continue

# Variables for petit and its tasks, one NAME=value a line, if there is such a file. Bun's own switches would make something
# else of the executable.
EnvironmentFile=-%E/petit/environment
UnsetEnvironment=BUN_BE_BUN BUN_OPTIONS
${credential(unit)}
${stateText(unit)}
${sandboxText(unit)}`;

/** What no KillMode= spares them. */
const MACHINE_END = {
  system: `\
# When the machine goes off, tasks that still run get SIGTERM, and some seconds later SIGKILL, from systemd itself; the next
# start finds how they ended.`,
  user: `\
# When you log out, your systemd ends, and with it what still runs, unless 'loginctl enable-linger' has it stay.`,
} as const satisfies Record<Unit["scope"], string>;

const commandLine = ({ exec, jobsDir, db, config, args }: Unit): string =>
  [
    unitWord(exec),
    "run",
    jobsDir === null ? "%E/petit/jobs" : commandWord(jobsDir),
    "--db",
    db === null ? "%S/petit/petit.db" : commandWord(db),
    ...(config === null ? [] : [`--config=${config}`]).map(commandWord),
    ...args.map(commandWord),
  ].join(" ");

/** An absolute path that isn't there would keep the unit from starting; a name that is not found doesn't. */
const credential = ({ tokenFile, scope }: Unit): string =>
  tokenFile === null
    ? `\
# The API's token, if there is one: systemd looks for a file petit-token in ${scope === "user" ? "~/.config/credstore (from systemd 256 on)" : "/etc/credstore (from systemd 252 on)"} and
# the like, and starts petit without a token where it finds none.
LoadCredential=petit-token`
    : `\
# The API's token; without this file petit doesn't start.
LoadCredential=petit-token:${tokenFile.replaceAll("%", "%%")}`;

const stateText = ({ scope, runAs }: Unit): string =>
  scope === "user"
    ? `
# Where the database lies and tasks start: petit in ~/.local/state (in ~/.config before systemd 254).
StateDirectory=petit
StateDirectoryMode=0700
WorkingDirectory=%S/petit
`
    : `
# A user of its own that stays, where DynamicUser= would give its number to others while tasks of a stopped petit still have it.
# Tasks run as this user, and can do what it can. 'petit service install --as USER' takes another.
User=${runAs}
# Where the database lies and tasks start: /var/lib/petit.
StateDirectory=petit
StateDirectoryMode=0750
WorkingDirectory=%S/petit
`;

const installSection = ({ scope }: Unit): string => `\
[Install]
WantedBy=${scope === "user" ? "default" : "multi-user"}.target
`;
