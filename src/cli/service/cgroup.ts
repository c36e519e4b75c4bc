import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CGROUP_MOUNT, sliceName, TASKS_FOLDER } from "../../app/systemd/unit-cgroup.ts";
import { unitName } from "../../app/systemd/unit-file.ts";
import { errorCode } from "../../lib/error-message.ts";
import type { Service } from "./place.ts";
import { mustSystemctl, systemctl } from "./systemctl.ts";

/** How often processes are moved: a process can start another one meanwhile. */
const MAX_MOVES = 20;

/**
 * Stops a service that is not in its slice, as those of older units, and moves its running tasks there: systemd would start it again in the
 * cgroup where they are.
 */
export const moveToSlice = (service: Service): void => {
  const slice = sliceName(service);
  const before = cgroupOf(service, unitName(service.role));
  if (before === null || basename(dirname(before)) === slice) return;
  mustSystemctl(service.scope, "stop", unitName(service.role));
  mustSystemctl(service.scope, "start", slice);
  const sliceFolder = cgroupOf(service, slice);
  if (sliceFolder === null || !existsSync(before)) return;
  const after = join(sliceFolder, unitName(service.role));
  mkdirSync(after, { recursive: true });
  for (let moves = 0; moves < MAX_MOVES; moves++) {
    const pids = pidsIn(before);
    if (pids.length === 0) return;
    for (const pid of pids) move(pid, after);
  }
};

const move = (pid: string, folder: string): void => {
  try {
    writeFileSync(join(folder, "cgroup.procs"), pid, { flag: "r+" });
  } catch (error) {
    // ESRCH: it has ended.
    if (errorCode(error) !== "ESRCH") throw error;
  }
};

/** Returns the folder of the cgroup of a unit; null if it has none, or if systemd uses cgroup v1. */
const cgroupOf = ({ scope }: Service, unit: string): string | null => {
  const path = systemctl(scope, "show", "--property=ControlGroup", "--value", unit).stdout.trim();
  const folder = join(CGROUP_MOUNT, path);
  return path === "" || !existsSync(join(folder, "cgroup.procs")) ? null : folder;
};

/** Returns the folders with processes of a service and of its tasks: its own, and in its slice that of tasks with limits. */
export const cgroupsOf = (service: Service): readonly string[] => {
  const own = cgroupOf(service, unitName(service.role));
  const slice = cgroupOf(service, sliceName(service));
  return [...(own === null ? [] : [own]), ...(slice === null ? [] : [join(slice, TASKS_FOLDER)])];
};

/** Returns how many processes are in a folder and in those within it. */
export const countIn = (folder: string): number =>
  pidsIn(folder).length + foldersIn(folder).reduce((sum, each) => sum + countIn(each), 0);

const pidsIn = (folder: string): readonly string[] => {
  try {
    return readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
  } catch {
    // systemd removes a cgroup with its last process.
    return [];
  }
};

const foldersIn = (folder: string): readonly string[] => {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name));
  } catch {
    return [];
  }
};

/** Removes the slice of a service and the folders in it, unless there are processes. */
export const removeSlice = (service: Service): void => {
  const folder = cgroupOf(service, sliceName(service));
  if (folder !== null && countIn(folder) === 0) systemctl(service.scope, "stop", sliceName(service));
};
