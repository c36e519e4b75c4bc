import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Job, Task } from "../../domain/job.ts";
import { findContainerEngine } from "../../engine/attempt/container/engine.ts";
import { findTool } from "../../lib/system/tools.ts";
import { pluralize } from "../../lib/text.ts";
import type { Context } from "../command.ts";
import { type Check, failed, ok } from "./check.ts";

/** A program that some tasks need on this machine. */
type NeededProgram = {
  /** Name of the check, and of the program unless `find` is given. */
  readonly name: string;
  readonly uses: (task: Task) => boolean;
  readonly message: string;
  readonly install: string;
  readonly find: (environment: Context["environment"]) => string | null;
};

const PROGRAMS: readonly NeededProgram[] = [
  {
    name: "python3",
    uses: ({ program, container }) => program.type === "python" && container === undefined,
    message: "python3 is not in PATH",
    install: "python3",
    find: (environment) => inPath("python3", environment),
  },
  {
    name: "ssh",
    uses: ({ program }) => program.type === "ssh",
    message: "ssh is not in PATH",
    install: "OpenSSH's client (openssh-client)",
    find: (environment) => inPath("ssh", environment),
  },
  {
    name: "setpriv",
    uses: ({ runAs }) => runAs !== undefined,
    message: "there is no program setpriv on this machine",
    install: "util-linux",
    find: () => findTool("setpriv"),
  },
  {
    name: "ionice",
    uses: ({ limits }) => limits?.io !== undefined,
    message: "there is no program ionice on this machine",
    install: "util-linux",
    find: () => findTool("ionice"),
  },
  ...([null, "docker", "podman"] as const).map((engine) => ({
    name: engine ?? "containers",
    uses: ({ container }: Task) => container !== undefined && container.engine === engine,
    message: `there is no ${engine ?? "docker or podman"} on this machine`,
    install: engine ?? "podman or docker",
    find: (environment: Context["environment"]) => findContainerEngine(engine, environment),
  })),
];

/** Checks that this machine has the programs that the jobs need. */
export const programChecks = (jobs: readonly Job[], environment: Context["environment"]): readonly Check[] =>
  PROGRAMS.flatMap(({ name, uses, message, install, find }) => {
    const users = jobs.filter(({ tasks }) => tasks.some(uses));
    const [first] = users;
    if (first === undefined) return [];
    const found = find(environment);
    if (found !== null) return [ok(name, `${found}, for ${pluralize(users.length, "job")}`)];
    const more = users.length > 1 ? ` and ${users.length - 1} more` : "";
    const hint = `install ${install}, or set petit's PATH to a folder that contains it`;
    return [failed(name, { message: `${message}, but ${first.id}${more} needs it`, hint })];
  });

const inPath = (name: string, { PATH = "" }: Context["environment"]): string | null =>
  PATH.split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable) ?? null;

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};
