/** Why petit has nothing like a setting of a service, or does not need it. Patterns of names, in order. */
const REASONS: readonly (readonly [names: RegExp, reason: string, isHarmless: boolean])[] = [
  [
    /^(?:Type|RemainAfterExit|GuessMainPID|PIDFile|BusName|NotifyAccess|NonBlocking|FileDescriptorStoreMax|ExitType)$/,
    "a task lasts until its process ends",
    true,
  ],
  [
    /^(?:Standard(?:Output|Error)|Syslog\w*|LogLevelMax|LogExtraFields|LogNamespace|LogRateLimit\w*|TTY\w*)$/,
    "petit keeps the output of each task itself",
    true,
  ],
  [
    /^(?:CPUAccounting|MemoryAccounting|TasksAccounting|IOAccounting|BlockIOAccounting|IPAccounting|Slice|OOMPolicy|OOMScoreAdjust|ManagedOOM\w*|IgnoreSIGPIPE)$/,
    "petit has no setting for it",
    true,
  ],
  [
    /^(?:Documentation|SourcePath|DefaultDependencies|After|Before|StopWhenUnneeded|RefuseManual\w+|CollectMode|IgnoreOnIsolate|AllowIsolate)$/,
    "petit starts the job by itself, whatever other units do",
    true,
  ],
  [
    /^(?:Requires|Wants|BindsTo|Requisite|Upholds|RequiresMountsFor|WantsMountsFor|JoinsNamespaceOf)$/,
    "petit starts no other unit; it has to be there when the job runs",
    false,
  ],
  [
    /^(?:PartOf|Conflicts|PropagatesReload\w*|ReloadPropagated\w*|PropagatesStop\w*|StopPropagated\w*)$/,
    "petit stops no other unit",
    false,
  ],
  [
    /^(?:ExecReload|ExecStop|TimeoutAbortSec|FinalKillSignal|KillSignal|RestartKillSignal|SendSIGHUP|SendSIGKILL|WatchdogSignal|ReloadSignal)$/,
    "petit ends a task with SIGTERM, then SIGKILL",
    false,
  ],
  [
    /^(?:Protect\w+|Private\w+|Restrict\w+|ReadOnly\w+|ReadWrite\w+|Inaccessible\w+|ExecPaths|NoExecPaths|TemporaryFileSystem|BindPaths|BindReadOnlyPaths|NoNewPrivileges|SystemCall\w+|CapabilityBoundingSet|AmbientCapabilities|SecureBits|LockPersonality|MemoryDenyWriteExecute|RemoveIPC|KeyringMode|ProcSubset|Device\w+|IPAddress\w+|SocketBind\w+|SELinuxContext|AppArmorProfile|SmackProcessLabel|MountFlags|MountAPIVFS|Root\w+|MountImages|ExtensionImages|ExtensionDirectories|NetworkNamespacePath|Delegate\w*|Personality|UtmpMode|UtmpIdentifier|PAMName|SetLoginEnvironment)$/,
    "petit does not restrict what a task can reach",
    false,
  ],
  [/^DynamicUser$/, "petit makes no users; without run_as the task runs as petit's own", false],
  [/^SupplementaryGroups$/, "a task has the groups of its user", false],
  [
    /^(?:Runtime|State|Cache|Logs|Configuration)Directory(?:Mode|Preserve)?$/,
    "petit makes no folders for a task; they have to be there",
    false,
  ],
  [/^UMask$/, "petit has no umask of a task; `umask` in a script sets it", false],
  [/^Limit\w+$/, "petit sets no such limit; `ulimit` in a script does", false],
  [
    /^(?:CPU\w+|AllowedCPUs|StartupCPU\w+|NUMA\w+|AllowedMemoryNodes|IO\w+|BlockIO\w+|StartupIO\w+|Memory\w+|StartupMemory\w+|CoredumpFilter|TimerSlackNSec)$/,
    "the limits of a job are memory, cpus, pids, nice and io",
    false,
  ],
  [
    /^(?:LoadCredential\w*|SetCredential\w*|ImportCredential)$/,
    "credentials are those of petit's own service; expected `environment: {NAME: {credential: …}}`",
    false,
  ],
  [/^(?:PassEnvironment|UnsetEnvironment)$/, "the job has only the variables of its file", false],
  [
    /^(?:StartLimit\w+|RebootArgument|FailureAction|SuccessAction|JobTimeout\w*|JobRunning\w*|FailureActionExitStatus|SuccessActionExitStatus)$/,
    "petit takes no action for the machine",
    false,
  ],
  [
    /^(?:RestartSteps|RestartMaxDelaySec|RestartMode|RestartPreventExitStatus|RestartForceExitStatus)$/,
    "retries of petit have no such rule",
    false,
  ],
  [/^Watchdog\w+$/, "petit has no watchdog for tasks; `timeout` ends one that hangs", false],
  [/^(?:Sockets|OpenFile|StandardInput\w*)$/, "petit passes a task no open files", false],
  [/^(?:Condition|Assert)\w+$/, "petit does not check it; a first task can", false],
  [/^X-/, "it is a note for other programs", true],
];

/** Returns why nothing comes of a setting, and whether that changes nothing of what runs. */
export const whyLeftOut = (name: string): { readonly reason: string; readonly isHarmless: boolean } => {
  const [, reason, isHarmless] = REASONS.find(([names]) => names.test(name)) ?? [];
  return reason === undefined || isHarmless === undefined
    ? { reason: "petit has no setting for it", isHarmless: false }
    : { reason, isHarmless };
};
