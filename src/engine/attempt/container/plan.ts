import type { Container } from "../../../domain/job.ts";
import type { TaskLimits } from "../../../domain/limits/task-limits.ts";
import type { OwnFolders } from "../../../jobfile/mount.ts";
import type { Spool } from "../../output/spool.ts";
import { SpawnError } from "../spawn-error.ts";
import { ATTEMPT_LABEL, DATABASE_LABEL, databaseName, type StartedContainer } from "./engine.ts";
import { mountArguments } from "./mounts.ts";

type Variables = Readonly<Record<string, string>>;

export type ContainerOptions = {
  readonly container: Container;
  readonly started: StartedContainer;
  readonly spool: Spool;
  readonly runId: string;
  /** The program in the container. */
  readonly argv: readonly string[];
  /** The folder on this machine that the program runs in; null if the task names none, and the image decides. */
  readonly cwd: string | null;
  /** The variables of the job. */
  readonly environment: Variables;
  /** The names of those variables whose values are secrets. */
  readonly secrets: ReadonlySet<string>;
  readonly hasStdin: boolean;
  /** True if the spool has a script, which the job file contains. */
  readonly hasScript: boolean;
  /** True if the spool has the event that started the run. */
  readonly hasEvent: boolean;
  /** Path of the script file that the job file names, if it does. */
  readonly file: string | null;
  /** Folder of the job file, to which the paths of volumes are relative. */
  readonly folder: string;
  readonly ownFolders: OwnFolders;
  readonly expand: (text: string) => string;
  /** What its processes may use, unless `container` says that itself. */
  readonly limits: Pick<TaskLimits, "memoryBytes" | "cpus" | "pids">;
};

/** Where a container has the outputs and the artifacts. */
const IN_CONTAINER = { PETIT_OUTPUT: "/petit/output", PETIT_ARTIFACTS: "/petit/artifacts" } as const;
const EVENT_IN_CONTAINER = "/petit/event";

/**
 * Returns the command that runs a program in a container, and its environment. The values of variables are in the environment of
 * the client, and not in its arguments, which other users can read. Throws SpawnError.
 */
export const planContainer = (
  options: ContainerOptions,
): { readonly argv: readonly string[]; readonly environment: Variables } => {
  const { container, started, spool, argv, cwd, file, folder, ownFolders, expand } = options;
  const { engine, name, environment: clientEnvironment } = started;
  const inContainer: Variables = {
    ...IN_CONTAINER,
    ...(options.hasEvent && { PETIT_EVENT: EVENT_IN_CONTAINER }),
  };
  const variables: Variables = { ...options.environment, ...inContainer };
  const byName = Object.keys(variables).filter(
    (key) => (!OF_CLIENT.test(key) || options.secrets.has(key)) && !(key in inContainer),
  );
  const byValue = Object.entries(variables).filter(([key]) => !byName.includes(key));
  const flag = (text: string, value: string | null): readonly string[] => (value === null ? [] : [text, expand(value)]);
  return {
    argv: [
      engine,
      "run",
      "--rm",
      "--init",
      ...["--name", name],
      ...["--label", `${ATTEMPT_LABEL}=${spool.attemptId}`],
      ...["--label", `${DATABASE_LABEL}=${databaseName(spool.dir)}`],
      ...["--label", `petit.run=${options.runId}`],
      ...(options.hasStdin ? ["--interactive"] : []),
      ...(cwd === null ? [] : ["--workdir", cwd]),
      ...mountArguments({
        cwd,
        file,
        folder,
        ownFolders,
        own: [
          [spool.outputs, IN_CONTAINER.PETIT_OUTPUT],
          [spool.artifacts, IN_CONTAINER.PETIT_ARTIFACTS],
        ],
        script: options.hasScript ? spool.script : null,
        event: options.hasEvent ? [spool.event, EVENT_IN_CONTAINER] : null,
        volumes: container.volumes.map(expand),
      }),
      ...byName.flatMap((key) => ["--env", key]),
      ...byValue.flatMap(([key, value]) => ["--env", `${key}=${value}`]),
      ...flag("--user", container.user),
      ...flag("--network", container.network),
      ...flag("--pull", container.pull),
      ...flag("--memory", container.memory),
      ...flag("--cpus", container.cpus),
      ...limitFlags(options.limits),
      ...flag("--entrypoint", container.entrypoint),
      imageOf(expand(container.image)),
      ...argv,
    ],
    environment: {
      ...clientEnvironment,
      ...Object.fromEntries(byName.map((key) => [key, variables[key] ?? ""])),
      PETIT_OUTPUT: spool.outputs,
      PETIT_ARTIFACTS: spool.artifacts,
    },
  };
};

/** The engine counts swap in `--memory-swap`: the same as the memory means none. Its own process in the container counts, too. */
const limitFlags = ({ memoryBytes, cpus, pids }: ContainerOptions["limits"]): readonly string[] => [
  ...(memoryBytes === undefined ? [] : ["--memory", `${memoryBytes}b`, "--memory-swap", `${memoryBytes}b`]),
  ...(cpus === undefined ? [] : ["--cpus", String(cpus)]),
  ...(pids === undefined ? [] : ["--pids-limit", String(pids + 1)]),
];

/**
 * The variables that the engine's client reads itself. The job's values must not change them, so they are arguments, except for
 * secrets, which arguments would show to other users.
 */
const OF_CLIENT =
  /^(PATH|HOME|USER|TMPDIR|GODEBUG|GOMAXPROCS|SSL_CERT_(FILE|DIR)|(CONTAINERS?|XDG|LD|STORAGE|BUILDAH)_[A-Z_]+|DOCKER_(HOST|CONFIG|CONTEXT|CERT_PATH|API_VERSION|TLS|TLS_VERIFY)|(https?|no|all)_proxy)$/i;

const imageOf = (image: string): string => {
  if (image !== "" && !image.startsWith("-") && !/\s/.test(image)) return image;
  throw new SpawnError("EINVAL", `image '${image}' must not be empty, begin with '-' or contain a space`);
};
