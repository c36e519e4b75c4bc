import { shellWord } from "../../lib/shell-word.ts";
import { raiseOomScore } from "./oom-score.ts";

/** True if the status file is still the open one. It may have been removed and created again for another attempt. */
const IS_MINE = process.platform === "linux" ? '[ "$0" -ef /proc/self/fd/3 ]' : '[ -e "$0" ]';

/** `enter` is a command with a newline, or nothing. */
const begin = (enter: string): string => `echo $$ >&3 || exit 125
${IS_MINE} || exit 125
${enter}trap 'set -- /bin/sh -c "kill \\$\\$"' HUP INT QUIT TERM USR1 USR2
exec 4>&2 2>/dev/null`;

const run = (raise: string): string => `(${raise}exec "$@" 2>&4 3>&- 4>&-); set -- $?`;

const END = `trap '' HUP INT QUIT TERM USR1 USR2
times >&3
echo $1 >&3
exit $1`;

/** Finds the tools of the wrapper whatever PATH the program has. */
const TOOLS = 'PATH="/usr/bin:/bin${PATH:+:$PATH}"';

const OUT = '"${0%status}out"';
const ERR = '"${0%status}err"';

/** A script for the attempts in no cgroup, and the part that a cgroup adds. */
type Parts = { readonly enter: string; readonly raise: string };

const plain = ({ enter, raise }: Parts): string => [begin(enter), run(raise), END].join("\n");

/**
 * As `plain`, for a program that reopens its own output. With files, `> /dev/stderr` would truncate the output, and
 * `tee /dev/stderr` would overwrite it. So the program gets two pipes, and `cat` copies them to the files. The shell waits at
 * most half a second for the copies after the program has ended, since a process that outlives it can keep the pipes open. If
 * the program was ended before it opened the pipes, their readers wait for a writer, and the shell opens them once. If it can't create a
 * process, because those that outlive the program are as many as may be, it records the status all the same.
 */
const withRelay = ({ enter, raise }: Parts): string =>
  [
    begin(enter),
    `if (${TOOLS}; exec mkfifo -m 600 ${OUT} ${ERR}); then
  (trap '' HUP INT QUIT TERM USR1 USR2; ${TOOLS}; exec 3>&-; cat ${OUT} & cat ${ERR} >&4; wait) &
  PETIT_RELAY=$!
  (${raise}exec "$@" >${OUT} 2>${ERR} 3>&- 4>&-); set -- $?
  trap 'echo $1 >&3; exit $1' EXIT
  (${TOOLS}; exec 5<>${OUT} 6<>${ERR} rm -f ${OUT} ${ERR})
  for PETIT_LOOK in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 $PETIT_RELAY || break
    (${TOOLS}; exec sleep 0.05)
  done
  trap - EXIT
else
  ${run(raise)}
fi`,
    END,
  ].join("\n");

/** The wrapper of a program in no cgroup. */
export const WRAPPER = plain({ enter: "", raise: raiseOomScore(null) });
const WRAPPER_WITH_RELAY = withRelay({ enter: "", raise: raiseOomScore(null) });

/** The cgroup that a wrapper enters. */
export type CgroupEntry = {
  /** The file to which a process writes its pid to enter. */
  readonly procs: string;
  /** True if the program must not start outside of it. */
  readonly isRequired: boolean;
  /** Its limit of memory; null if it has none. */
  readonly memoryBytes: number | null;
};

/**
 * The shell script around every program. `$0` is the path of its status file, which is open as descriptor 3. The script
 * writes its pid, runs the program, and records the CPU times of itself and the program, in a line each, and the program's exit status, which
 * is also its own.
 *
 * - Signals reach the program through the process group. The shell ignores them, so that it can still record the status. A
 *   signal that arrives before the program has started replaces it by a program that ends by a signal. No variable records
 *   that, since every variable name may belong to the program.
 * - When memory runs out, the kernel must kill the program rather than petit or the shell.
 * - If the status file was removed or can't be written, the attempt was withdrawn, and the program must not start.
 * - In a cgroup, it enters that first, so that the program is never outside of it.
 * - Messages of the shell, such as "Killed", must not reach the program's output. The subshell is needed for dash, which
 *   writes them to the stderr of the program.
 */

export const wrapperOf = (reopensOutput: boolean, cgroup: CgroupEntry | null): string => {
  if (cgroup === null) return reopensOutput ? WRAPPER_WITH_RELAY : WRAPPER;
  const enter = `{ echo $$ > ${shellWord(cgroup.procs)}; } 2>/dev/null || ${cgroup.isRequired ? "exit 125" : ":"}\n`;
  return (reopensOutput ? withRelay : plain)({ enter, raise: raiseOomScore(cgroup.memoryBytes) });
};

/** Returns the maximum number of processes of the wrapper itself, beside those of the program. */
export const wrapperPids = (reopensOutput: boolean): number => WRAPPER_PIDS[reopensOutput ? 1 : 0];

/** Without and with a relay: the shell, then also another one with two copies, and what the shell starts after the program. */
export const WRAPPER_PIDS = [1, 5] as const;
