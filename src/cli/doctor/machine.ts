import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { defaultMaxConnections, FILES_OF_PETIT, openFilesLimit } from "../../app/open-files.ts";
import { defaultZone } from "../../app/settings/settings.ts";
import { isTimezone } from "../../domain/schedule/local-time.ts";
import type { Context } from "../command.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { type Check, failed, ok, reasonOf, warning } from "./check.ts";

/** The machine that petit runs on. What can't be told there is left out. */
export const machineChecks = (context: Context): readonly Check[] => [
  clockCheck(context),
  zoneCheck(context),
  shellCheck(),
  ...openFilesCheck(context),
  ...processOneCheck(context),
];

/** No machine on which this was installed has an earlier date. */
const EARLIEST = Date.UTC(2026, 0, 1);

const clockCheck = ({ clock, settings }: Context): Check => {
  const now = clock.now();
  const time = `it is ${readableLocal(now, defaultZone(settings))}`;
  const hint = "set the clock, and have it kept right: timedatectl set-ntp true, or chrony";
  if (now < EARLIEST) return failed("clock", { message: `${time}, which can't be`, hint });
  const kept = isKeptRight();
  if (kept === false) return warning("clock", { message: `${time}, but the clock is not synchronised`, hint });
  return ok("clock", kept === null ? time : `${time}, and the clock is synchronised`);
};

/** Whether something keeps the clock right, as systemd tells; null where it isn't there to be asked. */
const isKeptRight = (): boolean | null => {
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
    const message = `TZ is '${given}', which is no zone that is known here; ${zone} counts instead`;
    return warning("time_zone", { message, hint: "set TZ, or --timezone, to a name such as Europe/Paris" });
  }
  return ok("time_zone", settings.timezone === null ? `${zone}, the system's` : `${zone}; the system's is ${system}`);
};

const SHELL = "/bin/sh";

const shellCheck = (): Check => {
  const { status, error } = spawnSync(SHELL, ["-c", "exit 7"], { env: {}, timeout: 2_000 });
  if (status === 7) return ok("shell", `${SHELL} works`);
  const message = `${SHELL} doesn't work: ${error === undefined ? `it exited with ${status}` : reasonOf(error)}`;
  return failed("shell", { message, hint: "every task is started through it: install one" });
};

/** Of a task that runs: its output, its status, and what the runtime holds for it. */
const FILES_PER_TASK = 8;
const FEW_FILES = 1024;

const openFilesCheck = ({ settings }: Context): readonly Check[] => {
  const limit = openFilesLimit();
  if (limit === null) return [];
  const { maxJobs, maxTasks, maxConnections } = settings;
  const needed = FILES_OF_PETIT + (maxJobs ?? 0) * maxTasks * FILES_PER_TASK + (maxConnections ?? 0);
  const least = Math.max(FEW_FILES, needed);
  const connections = maxConnections ?? defaultMaxConnections(limit);
  const shown = limit === Number.POSITIVE_INFINITY ? "unlimited" : limit;
  if (limit >= least) return [ok("open_files", `up to ${shown} at once, ${connections} of them connections`)];
  const message = `only ${limit} files can be open at once; ${least} are needed for so many tasks and connections`;
  return [warning("open_files", { message, hint: `ulimit -n ${least}, or LimitNOFILE=${least} in the systemd unit` })];
};

const NOBODY = 2 ** 30;

/** What nobody waits for any more becomes a child of the first process, which has to take note of its end. */
const processOneCheck = ({ runtime }: Context): readonly Check[] => {
  const name = textOf("/proc/1/comm").trim();
  if (name === "") return [];
  if (name !== "petit") return [ok("process_1", `is ${name}`)];
  if (runtime.reap(NOBODY) !== null && existsSync("/proc/1/task/1/children"))
    return [ok("process_1", "is petit, which lets go of what its tasks leave behind")];
  const message = "petit is process 1, but can't let go of what its tasks leave behind here";
  return [warning("process_1", { message, hint: "put an init before it: docker run --init, or tini -- petit run" })];
};

const textOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};
