import { RAISE_OOM_SCORE } from "./oom-score.ts";

/** True if the status file is still the open one. It may have been removed and created again for another attempt. */
const IS_MINE = process.platform === "linux" ? '[ "$0" -ef /proc/self/fd/3 ]' : '[ -e "$0" ]';

const BEGIN = `echo $$ >&3 || exit 125
${IS_MINE} || exit 125
trap 'set -- /bin/sh -c "kill \\$\\$"' HUP INT QUIT TERM USR1 USR2
exec 4>&2 2>/dev/null`;

const RUN = `(${RAISE_OOM_SCORE}exec "$@" 2>&4 3>&- 4>&-); set -- $?`;

const END = `trap '' HUP INT QUIT TERM USR1 USR2
times >&3
echo $1 >&3
exit $1`;

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
 * - Messages of the shell, such as "Killed", must not reach the program's output. The subshell is needed for dash, which
 *   writes them to the stderr of the program.
 */
export const WRAPPER = [BEGIN, RUN, END].join("\n");

/** Finds the tools of the wrapper whatever PATH the program has. */
const TOOLS = 'PATH="/usr/bin:/bin${PATH:+:$PATH}"';

const OUT = '"${0%status}out"';
const ERR = '"${0%status}err"';

/**
 * As WRAPPER, for a program that reopens its own output. With files, `> /dev/stderr` would truncate the output, and
 * `tee /dev/stderr` would overwrite it. So the program gets two pipes, and `cat` copies them to the files. The shell waits at
 * most half a second for the copies after the program has ended, since a process that outlives it can keep the pipes open. If
 * the program was ended before it opened the pipes, their readers wait for a writer, and the shell opens them once.
 */
export const WRAPPER_WITH_RELAY = [
  BEGIN,
  `if (${TOOLS}; exec mkfifo -m 600 ${OUT} ${ERR}); then
  (trap '' HUP INT QUIT TERM USR1 USR2; ${TOOLS}; exec 3>&-; cat ${OUT} & cat ${ERR} >&4; wait) &
  PETIT_RELAY=$!
  (${RAISE_OOM_SCORE}exec "$@" >${OUT} 2>${ERR} 3>&- 4>&-); set -- $?
  (${TOOLS}; exec 5<>${OUT} 6<>${ERR} rm -f ${OUT} ${ERR})
  for PETIT_LOOK in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 $PETIT_RELAY || break
    (${TOOLS}; exec sleep 0.05)
  done
else
  ${RUN}
fi`,
  END,
].join("\n");
