import type { Unit } from "./unit-file.ts";
import { unitWord } from "./unit-word.ts";

/** What petit, and with it every task, may not do. */
export const sandboxText = ({ scope, sandbox, writable }: Pick<Unit, "scope" | "sandbox" | "writable">): string => {
  if (scope === "user") return USER;
  if (!sandbox) return NONE;
  return writable === null ? LOCKED : `${LOCKED}# Where the database lies.\nReadWritePaths=${unitWord(writable)}\n`;
};

/** Namespaces of a user's own systemd would take the rights from them that their jobs count on. */
const USER = `\
# Tasks may do what you may do. A system service ('petit service install' as root) is locked up.
UMask=0077
`;

const NONE = `\
# Tasks may do what their user may do: this was written with --no-sandbox.
UMask=0027
`;

const LOCKED = `\
# The sandbox: it holds petit, and so every task. Where it is in the way of a job, take back in a drop-in what the comment
# says, and no more; 'petit service install --no-sandbox' writes a unit without any of it.

# Jobs write to the state folder, /tmp and /var/tmp. Where else they shall: ReadWritePaths=/srv/data
ProtectSystem=strict
ReadWritePaths=-/tmp -/var/tmp
# Jobs that read what is in home folders: ProtectHome=read-only; that write there too: ProtectHome=no ReadWritePaths=/home
ProtectHome=yes
# Jobs whose files everybody shall read: UMask=0022
UMask=0027

# Jobs that call sudo, su or another setuid program need NoNewPrivileges=no, and then none of the filters below either, which
# imply it: use --no-sandbox, or a unit of their own that the job starts.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
RestrictSUIDSGID=yes

# Jobs that talk to devices (a serial port, a GPU, fuse): PrivateDevices=no DeviceAllow=/dev/ttyUSB0
PrivateDevices=yes
DevicePolicy=closed
# Jobs that set the clock, the name of the machine, kernel parameters or modules, or manage control groups: =no
ProtectClock=yes
ProtectHostname=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
# Jobs that watch processes of others: ProtectProc=default
ProtectProc=invisible
PrivateMounts=yes
# Jobs that make containers or sandboxes (podman, bubblewrap, a browser): RestrictNamespaces=no, and @mount in the filter
RestrictNamespaces=yes
# Jobs that play or record in real time: RestrictRealtime=no
RestrictRealtime=yes
# Jobs that run programs of another architecture: LockPersonality=no SystemCallArchitectures=
LockPersonality=yes
SystemCallArchitectures=native
KeyringMode=private
# Jobs that capture or make packets, or use Bluetooth or CAN: RestrictAddressFamilies=AF_PACKET …
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# Jobs that change owners, debug or mount: SystemCallFilter=@chown, @debug, @mount. What isn't allowed fails with EPERM.
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

# Left off, since tasks outlive petit: PrivateTmp= and RemoveIPC= would take from a running task its files in /tmp and its shared
# memory when petit is stopped or restarted. Left off, since jobs need it: PrivateNetwork=, IPAddressDeny=, PrivateUsers= (files
# would lose their owners). Left off, since petit needs it: ProcSubset=pid (/proc/sys/kernel/random/boot_id tells whether a
# task can still live), MemoryDenyWriteExecute= (the runtime compiles as it goes; without that it is 35 times slower).
`;
