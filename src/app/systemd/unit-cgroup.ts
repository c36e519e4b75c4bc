import { CGROUP_VARIABLE } from "../../engine/attempt/cgroup/support.ts";

type Service = { readonly scope: "system" | "user"; readonly role: "scheduler" | "worker" };
type ServiceOf = Service & { readonly runAs: string };

/** The slice of a service, in that of all services of the system or of the user. */
export const sliceName = ({ scope, role }: Service): string => `${PARENTS[scope]}-${NAMES[role]}.slice`;

const PARENTS = { system: "system", user: "app" } as const satisfies Record<Service["scope"], string>;

/** A hyphen would put the slice of the worker into that of petit, so that one could move processes of the other. */
const NAMES = { scheduler: "petit", worker: "petitworker" } as const satisfies Record<Service["role"], string>;

/** The name of the folder of cgroups of tasks, in that of the slice. */
export const TASKS_FOLDER = "petit-tasks";

/** Where cgroup v2 is mounted (systemd's file-hierarchy(7)). */
export const CGROUP_MOUNT = "/sys/fs/cgroup";

/** The folder of the slice, with systemd's specifiers. */
const sliceFolder = (service: Service): string => `${ROOTS[service.scope]}/${sliceName(service)}`;

const ROOTS = {
  system: `${CGROUP_MOUNT}/system.slice`,
  user: `${CGROUP_MOUNT}/user.slice/user-%U.slice/user@%U.service/app.slice`,
} as const satisfies Record<Service["scope"], string>;

/** Returns the folder of cgroups of tasks, with systemd's specifiers. */
export const tasksFolder = (service: Service): string => `${sliceFolder(service)}/${TASKS_FOLDER}`;

/** Returns the lines of the unit that let petit limit tasks. */
export const cgroupText = (unit: ServiceOf): string => `\
# Tasks with limits (memory, cpus, pids) run in cgroups in ${TASKS_FOLDER}, beside this service in a slice of its own. Within the cgroup of
# the service they would lose their limits with each restart: systemd disables controllers there, or does not start petit (before 254).
# Delegate= enables the controllers in the slice. To limit petit and all tasks together: 'systemctl ${user(unit)}edit ${sliceName(unit)}'.
Slice=${sliceName(unit)}
Delegate=cpu memory pids
Environment=${CGROUP_VARIABLE}=${tasksFolder(unit)}
${PREPARATIONS[unit.scope](unit)}`;

const user = ({ scope }: Service): string => (scope === "user" ? "--user " : "");

type Preparation = (unit: ServiceOf) => string;

/** A process enters another cgroup only if its user may write to cgroup.procs there and in the folder that both cgroups are in. */
const PREPARATIONS = {
  system: (unit) => `\
# Gives ${unit.runAs} that folder. Runs as root (+), and a failure does not prevent the start (-).
ExecStartPre=-+/bin/sh -c 'PATH=/usr/sbin:/usr/bin:/sbin:/bin; cd ${sliceFolder(unit)} && mkdir -p ${TASKS_FOLDER} && chown ${unit.runAs} cgroup.procs ${TASKS_FOLDER} ${OWN_FILES}'
`,
  user: (unit) => `\
ExecStartPre=-/bin/sh -c 'cd ${sliceFolder(unit)} && mkdir -p ${TASKS_FOLDER}'
`,
} as const satisfies Record<Service["scope"], Preparation>;

/** What systemd gives the user of a delegated cgroup (its document CGROUP_DELEGATION). */
const OWN_FILES = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"]
  .map((file) => `${TASKS_FOLDER}/${file}`)
  .join(" ");
