import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { defaultMaxConnections, FILES_OF_PETIT, openFilesLimit } from "../../app/open-files.ts";
import { defaultZone } from "../../app/settings/settings.ts";
import { maskedUrl, receiverText } from "../../domain/notification.ts";
import { nextDigestAt } from "../../domain/review/digest.ts";
import { isTimezone } from "../../domain/schedule/local-time.ts";
import { formatDuration } from "../../lib/duration.ts";
import { errorMessage } from "../../lib/error-message.ts";
import type { Context } from "../command.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { type Check, failed, ok, warning } from "./check.ts";

/** Checks the machine. Omits checks that this platform does not support. */
export const machineChecks = (context: Context): readonly Check[] => [
  clockCheck(context),
  zoneCheck(context),
  ...digestCheck(context),
  ...heartbeatCheck(context),
  shellCheck(),
  ...openFilesCheck(context),
  ...processOneCheck(context),
];

/** Earlier than any date on which this version can have been installed. */
const EARLIEST = Date.UTC(2026, 0, 1);

const clockCheck = ({ clock, settings }: Context): Check => {
  const now = clock.now();
  const time = `it is ${readableLocal(now, defaultZone(settings))}`;
  const hint = "set the clock, and keep it synchronised with 'timedatectl set-ntp true' or chrony";
  if (now < EARLIEST) return failed("clock", { message: `${time}, which is wrong`, hint });
  const synchronised = isClockSynchronised();
  if (synchronised === false) return warning("clock", { message: `${time}, but the clock is not synchronised`, hint });
  return ok("clock", synchronised === null ? time : `${time}, and the clock is synchronised`);
};

/** Returns whether systemd reports the clock as synchronised, or null without systemd. */
const isClockSynchronised = (): boolean | null => {
  if (!existsSync("/run/systemd/system")) return null;
  const { stdout } = spawnSync("timedatectl", ["show", "--property=NTPSynchronized", "--value"], {
    encoding: "utf8",
    timeout: 2_000,
  });
  return { "yes\n": true, "no\n": false }[stdout ?? ""] ?? null;
};

const zoneCheck = ({ settings, environment }: Context): Check => {
  const zone = defaultZone(settings);
  const system = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const given = environment.TZ?.replace(/^:/, "");
  if (settings.timezone === null && given && !given.startsWith("/") && !isTimezone(given)) {
    const message = `TZ is '${given}', which is not a known time zone; petit uses ${zone}`;
    return warning("time_zone", { message, hint: "set TZ, or --timezone, to a name such as Europe/Paris" });
  }
  return ok(
    "time_zone",
    settings.timezone === null ? `${zone}, the system's zone` : `${zone}; the system's zone is ${system}`,
  );
};

/** Says when the next digest is due, and to whom it goes. */
const digestCheck = ({ digest: given = null, settings, clock }: Context): readonly Check[] => {
  if (given === null) return [];
  const { digest } = given;
  const zone = defaultZone(settings);
  const next = nextDigestAt(digest, zone, clock.now());
  const receivers = digest.targets.map((target) => `${target.type} to ${receiverText(target)}`).join(", ");
  const about = digest.tag === null ? "" : `, jobs with the tag ${digest.tag}`;
  if (next === null)
    return [
      warning("digest", {
        message: `${digest.at} is never due`,
        hint: "correct 'digest.at' in the configuration file",
      }),
    ];
  return [ok("digest", `next at ${readableLocal(next, digest.timezone ?? zone)}${about}: ${receivers}`)];
};

/** Says what is pinged while petit runs. */
const heartbeatCheck = ({ heartbeat: given = null }: Context): readonly Check[] =>
  given === null
    ? []
    : [ok("heartbeat", `every ${formatDuration(given.heartbeat.everyMs)} to ${maskedUrl(given.heartbeat.url)}`)];

const SHELL = "/bin/sh";

const shellCheck = (): Check => {
  const { status, error } = spawnSync(SHELL, ["-c", "exit 7"], { env: {}, timeout: 2_000 });
  if (status === 7) return ok("shell", `${SHELL} works`);
  const message = `${SHELL} doesn't work: ${error === undefined ? `it exited with ${status}` : errorMessage(error)}`;
  return failed("shell", { message, hint: "install a POSIX shell; petit starts every task through it" });
};

/** Files that petit opens for a running task: its output, its status, and those of the runtime. */
const FILES_PER_TASK = 8;
const MIN_FILES = 1024;

const openFilesCheck = ({ settings }: Context): readonly Check[] => {
  const limit = openFilesLimit();
  if (limit === null) return [];
  const { maxJobs, maxTasks, maxConnections } = settings;
  const needed = FILES_OF_PETIT + (maxJobs ?? 0) * maxTasks * FILES_PER_TASK + (maxConnections ?? 0);
  const minimum = Math.max(MIN_FILES, needed);
  const connections = maxConnections ?? defaultMaxConnections(limit);
  const shown = limit === Number.POSITIVE_INFINITY ? "unlimited" : limit;
  if (limit >= minimum) return [ok("open_files", `${shown}, at most ${connections} for connections`)];
  const message = `the limit of open files is ${limit}, but the tasks and connections need ${minimum}`;
  return [
    warning("open_files", { message, hint: `ulimit -n ${minimum}, or LimitNOFILE=${minimum} in the systemd unit` }),
  ];
};

/** A process id that does not exist. */
const NO_PROCESS = 2 ** 30;

/** Checks whether petit, if it is process 1, can reap orphaned processes, which become children of process 1. */
const processOneCheck = ({ runtime }: Context): readonly Check[] => {
  const name = textOf("/proc/1/comm").trim();
  if (name === "") return [];
  if (name !== "petit") return [ok("process_1", name)];
  if (runtime.reap(NO_PROCESS) !== null && existsSync("/proc/1/task/1/children"))
    return [ok("process_1", "petit, which reaps orphaned processes")];
  const message = "petit is process 1, but can't reap orphaned processes here";
  return [warning("process_1", { message, hint: "start it through an init: docker run --init, or tini -- petit run" })];
};

const textOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};
