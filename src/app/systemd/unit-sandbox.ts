import { unitWord } from "./unit-word.ts";

type Sandbox = {
  readonly role: "scheduler" | "worker";
  readonly scope: "system" | "user";
  readonly sandbox: boolean;
  /** The folder of the database, or null if it is in the state folder. */
  readonly writable: string | null;
  /** The folder of the job files as a word of the unit, if people edit them through petit; otherwise null. */
  readonly editedJobs: string | null;
  /** The folder of cgroups of tasks, as a word of the unit. */
  readonly tasks: string;
};

/** Returns the lines of the unit that restrict what petit and its tasks may do. */
export const sandboxText = ({ role, scope, sandbox, writable, editedJobs, tasks }: Sandbox): string => {
  if (scope === "user") return USER;
  if (!sandbox) return NONE;
  return [
    locked(DEVICES[role]),
    `${TASKS}ReadWritePaths=-${tasks}\n`,
    ...(writable === null ? [] : [`# ${FOLDERS[role]}\nReadWritePaths=${unitWord(writable)}\n`]),
    ...(editedJobs === null ? [] : [`${EDITED}ReadWritePaths=${editedJobs}\n`]),
  ].join("");
};

const TASKS = `\
# The only control groups that petit changes.
`;

const EDITED = `\
# The job files, which people edit through petit (--edit). Tasks can write there, too, as far as the permissions of the folder allow.
`;

const FOLDERS = {
  scheduler: "The folder of the database.",
  worker: "The state folder of the worker.",
} as const satisfies Record<Sandbox["role"], string>;

/** A worker is often there for its devices, such as a GPU. */
const DEVICES = {
  scheduler: `\
# Jobs that use devices (a serial port, a GPU, fuse): PrivateDevices=no DeviceAllow=/dev/ttyUSB0
PrivateDevices=yes
DevicePolicy=closed
`,
  worker: `\
# Jobs that use devices, such as a GPU, can, with the permissions of their user: SupplementaryGroups=video render. If none does:
# PrivateDevices=yes DevicePolicy=closed
PrivateDevices=no
DevicePolicy=auto
`,
} as const satisfies Record<Sandbox["role"], string>;

/** A user's systemd instance would need user namespaces for these, which remove permissions that jobs rely on. */
const USER = `\
# Tasks have your permissions. A system service ('petit service install' as root) runs in a sandbox.
UMask=0077
`;

const NONE = `\
# Tasks have all permissions of their user: this unit was written with --no-sandbox.
UMask=0027
`;

const locked = (devices: string): string => `\
# The sandbox: it restricts petit and all tasks. If a job needs more, relax only what the comment names, in a drop-in.
# 'petit service install --no-sandbox' writes a unit without a sandbox.

# Jobs can write to the state folder, /tmp and /var/tmp. For other folders: ReadWritePaths=/srv/data
ProtectSystem=strict
ReadWritePaths=-/tmp -/var/tmp
# Jobs that read home folders: ProtectHome=read-only; that also write there: ProtectHome=no ReadWritePaths=/home
ProtectHome=yes
# Jobs whose files all users can read: UMask=0022
UMask=0027

# Jobs that call sudo, su or another setuid program need NoNewPrivileges=no and none of the filters below, which imply it:
# use --no-sandbox, or let the job start a separate unit.
NoNewPrivileges=yes
# Jobs that use run_as need a service that was installed with --as root, and these lines: StateDirectoryMode=0711
# CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_KILL SystemCallFilter=@setuid @chown capset
# AmbientCapabilities=CAP_SETUID
CapabilityBoundingSet=
AmbientCapabilities=
RestrictSUIDSGID=yes

${devices}\
# Jobs that set the clock, the host name, kernel parameters or modules, or manage control groups: =no
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
# Jobs that inspect processes of other users: ProtectProc=default
ProtectProc=invisible
PrivateMounts=yes
# Jobs that create containers or sandboxes (podman, bubblewrap, a browser): RestrictNamespaces=no, and @mount in the filter
RestrictNamespaces=yes
# Jobs that play or record in real time: RestrictRealtime=no
RestrictRealtime=yes
# Jobs that run programs of another architecture: LockPersonality=no SystemCallArchitectures=
LockPersonality=yes
SystemCallArchitectures=native
KeyringMode=private
# Jobs that capture or craft packets, or use Bluetooth or CAN: RestrictAddressFamilies=AF_PACKET …
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# Jobs that change owners, debug or mount: SystemCallFilter=@chown, @debug, @mount. Other calls fail with EPERM.
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

# Not set because tasks outlive petit: PrivateTmp= and RemoveIPC= would delete the /tmp files and shared memory of running tasks
# when petit stops or restarts. Not set because jobs need it: PrivateNetwork=, IPAddressDeny=, PrivateUsers= (it would change
# file owners). Not set because petit needs it: ProcSubset=pid (petit reads /proc/sys/kernel/random/boot_id to detect a
# reboot) and MemoryDenyWriteExecute= (it disables the JIT compiler, which makes petit 35 times slower).
`;
