/** Whether the file of that name is the one that is open: it can have been given up, and made anew for another one. */
const IS_MINE = process.platform === "linux" ? '[ "$0" -ef /proc/self/fd/3 ]' : '[ -e "$0" ]';

const BEGIN = `echo $$ >&3 || exit 125
${IS_MINE} || exit 125
trap 'set -- /bin/sh -c "kill \\$\\$"' HUP INT QUIT TERM USR1 USR2
exec 4>&2 2>/dev/null`;

const RUN = '(exec "$@" 2>&4 3>&- 4>&-); set -- $?';

const END = `echo $1 >&3
exit $1`;

/**
 * The shell around every program (`$0` is its status file, open as 3): it says who it is, runs the program, and records
 * how that ended. Signals reach the program through the process group; the shell outlives them, so that it can still
 * record. One that comes before the program is there puts another in its place, which ends as the program would have:
 * by a signal. No variable notes it, as each may be the program's. Where the status file is gone, the attempt was given
 * up before it had begun, and must not begin any more; nor where nothing can be written to it. What it says itself, such
 * as "Killed", is kept out of the program's output (which takes a subshell: dash says it where the program's words go).
 * Its own status is the program's: a note can be lost.
 */
export const AROUND = [BEGIN, RUN, END].join("\n");

/** Whatever PATH the program is given. */
const TOOLS = 'PATH="/usr/bin:/bin${PATH:+:$PATH}"';

const OUT = '"${0%status}out"';
const ERR = '"${0%status}err"';

/**
 * As AROUND, for a program that opens its own output anew: of a file, `> /dev/stderr` would cut it, and `tee /dev/stderr`
 * write over it. It gets two pipes, and what is written there is copied to the files: to the end, but for no longer than
 * half a second after the program's, since a process that lives on can hold them open. A program that was ended before it
 * had opened them has left readers that wait for a writer; they get one.
 */
export const AROUND_RELAYED = [
  BEGIN,
  `if (${TOOLS}; exec mkfifo -m 600 ${OUT} ${ERR}); then
  (trap '' HUP INT QUIT TERM USR1 USR2; ${TOOLS}; exec 3>&-; cat ${OUT} & cat ${ERR} >&4; wait) &
  PETIT_RELAY=$!
  (exec "$@" >${OUT} 2>${ERR} 3>&- 4>&-); set -- $?
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
