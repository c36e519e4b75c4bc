import { isAbsolute, resolve } from "node:path";
import type { SshProgram } from "../../../domain/job.ts";
import { SpawnError } from "../spawn-error.ts";
import { localScript } from "./local-script.ts";
import { launcher } from "./remote-script.ts";

export type SshOptions = {
  readonly program: SshProgram;
  readonly args: readonly string[];
  /** The folder on the other machine; null is the home of its user. */
  readonly cwd: string | null;
  /** The variables that the script gets on the other machine. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: string | null;
  /** The event that started the run, as one line of JSON; null without one. */
  readonly event: string | null;
  readonly expand: (text: string) => string;
  /** The folder of the job file, to which the paths of key files are relative. */
  readonly folder: string;
  /** Path for the pipe to ssh. */
  readonly pipe: string;
  /** Name of the attempt on the other machine: letters and digits that nobody can guess. */
  readonly token: string;
};

export type SshPlan = { readonly argv: readonly string[]; readonly stdin: string };

/**
 * Returns the local command that runs a script on another machine with OpenSSH's client, and what it reads: everything that
 * depends on the job goes over stdin, so that no value is visible in a list of processes. Throws SpawnError.
 */
export const planSsh = (options: SshOptions): SshPlan => {
  const { program, expand, folder, pipe, token } = options;
  const keyFile = (path: string): string => {
    const expanded = expand(path);
    return /^[~%]/.test(expanded) || isAbsolute(expanded) ? expanded : resolve(folder, expanded);
  };
  const config = {
    BatchMode: "yes",
    StrictHostKeyChecking: "yes",
    // The wait for a machine that does not answer is bounded, and so is the time in which a lost connection goes unnoticed.
    ConnectTimeout: "15",
    ServerAliveInterval: "15",
    ServerAliveCountMax: "3",
    // A second connection must not share the first, which may be lost.
    ControlMaster: "no",
    ControlPath: "none",
    ClearAllForwardings: "yes",
    RemoteCommand: "none",
    // The local script learns by that whether ssh has connected.
    PermitLocalCommand: "yes",
    LocalCommand: `rm -f ${shellWord(pipe).replaceAll("%", "%%")}`,
    ...(program.identityFile !== null && {
      IdentityFile: configPath(keyFile(program.identityFile)),
      IdentitiesOnly: "yes",
    }),
    ...(program.knownHosts !== null && { UserKnownHostsFile: configPath(keyFile(program.knownHosts)) }),
    ...(program.port !== null && { Port: String(program.port) }),
    ...(program.user !== null && { User: name("user", expand(program.user)) }),
    ...(program.jump !== null && { ProxyJump: name("jump", expand(program.jump)) }),
  };
  const flags = Object.entries(config).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  const host = name("host", expand(program.host));
  return {
    argv: ["/bin/sh", "-c", localScript(token), pipe, "ssh", "-T", ...flags, "--", host],
    stdin: [
      `${launcher(token, { hasEvent: options.event !== null })}.`,
      remoteEnvironment(options),
      token,
      program.script,
      token,
      options.stdin ?? "",
      token,
      ...(options.event === null ? [] : [options.event, token]),
      "",
    ].join("\n"),
  };
};

/** Returns the shell text that sets the variables, the arguments and the folder of the script. */
const remoteEnvironment = ({ environment, args, cwd }: SshOptions): string => {
  const exports = Object.entries(environment).map(([key, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key))
      throw new SpawnError("EINVAL", `the variable '${key}' can't be set by a shell on the other machine`);
    return `export ${key}=${shellWord(value)}`;
  });
  return [
    ...exports,
    `set -- ${args.map(shellWord).join(" ")}`,
    ...(cwd === null ? [] : [`cd -- ${shellWord(cwd)} || exit 1`]),
  ].join("\n");
};

/** Quotes a text as one word of a POSIX shell. */
const shellWord = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Quotes a path for ssh_config, where `%` starts a token. The tokens of a path that the job gives stay. */
const configPath = (path: string): string => `"${path}"`;

/** Returns a host or user. Throws if ssh could take it for an option, or for several words. */
const name = (field: string, text: string): string => {
  if (text === "") throw new SpawnError("EINVAL", `${field} is empty`);
  if (text.startsWith("-") || /[\s\p{Cc}]/u.test(text))
    throw new SpawnError("EINVAL", `${field} '${text}' must not begin with '-' or contain a space`);
  return text;
};
