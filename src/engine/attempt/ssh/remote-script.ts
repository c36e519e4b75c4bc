/**
 * Command for the remote login shell. It reads a script from stdin up to a line with a dot, and runs it. It needs only single
 * quotes, and neither `!` nor a line break, so all common login shells read it alike. `read` takes no byte more than it
 * returns, so the script finds the rest of stdin.
 */
export const BOOTSTRAP = `exec sh -c 'eval "$(while IFS= read -r L; do [ "$L" = . ] && break; printf "%s\\\\n" "$L"; done)"'`;

/**
 * How the remote scripts find and end the processes of an attempt. `$D` is its folder, `$J` the leader of its session. Where
 * there is no /proc, only the leader's process group is found, otherwise also processes that have left it.
 */
const FUNCTIONS = `petit_members() {
  if [ -r /proc/self/environ ]; then
    kill -0 "$J" 2>/dev/null && echo "$J"
    grep -ls "PETIT_OUTPUT=$D/output" /proc/[0-9]*/environ | cut -d / -f 3
  elif kill -0 "-$J" 2>/dev/null; then
    echo "-$J"
  fi
}
petit_signal() {
  for P in $(petit_members | sort -u); do kill -s "$1" "$P"; done 2>/dev/null
}
petit_end() {
  petit_signal TERM
  N=0
  while [ -n "$(petit_members)" ] && [ $N -lt "$1" ]; do sleep 1; N=$((N + 1)); done
  N=0
  while [ -n "$(petit_members)" ] && [ $N -lt 20 ]; do petit_signal KILL; sleep 0.2 2>/dev/null || sleep 1; N=$((N + 1)); done
}`;

/** How long the processes have between SIGTERM and SIGKILL if the connection was lost, in s. */
const LOST_GRACE_SECONDS = 3;

/** Exit status that announces that the real status and the outputs are to be fetched. */
export const FETCH_STATUS = 254;

/** Exit status of ssh if it could not connect, or lost the connection. */
export const TRANSPORT_STATUS = 255;

const folderOf = (token: string): string => `D=\${TMPDIR:-/tmp}/petit-${token}`;

/**
 * Returns the remote script of an attempt. It reads from stdin, each followed by a line with the token: the environment, the
 * script, the text for the script's stdin, and the event if there is one. It runs the script in a session of its own. When stdin ends, the connection is
 * lost, and it ends the script. If there are outputs, it leaves them and exits with FETCH_STATUS.
 */
export const launcher = (token: string, { hasEvent }: { readonly hasEvent: boolean }): string => `${FUNCTIONS}
petit_read() {
  F=
  while IFS= read -r L; do
    [ "$L" = ${token} ] && return
    printf "$F%s" "$L"
    F='\\n'
  done
  return 1
}
umask 077
${folderOf(token)}
mkdir "$D" || exit ${TRANSPORT_STATUS}
petit_read >"$D/env" && petit_read >"$D/script" && petit_read >"$D/stdin"${hasEvent ? ' && petit_read >"$D/event"' : ""} || { rm -rf "$D"; exit ${TRANSPORT_STATUS}; }
exec 3<&0
S=
if command -v setsid >/dev/null; then S=setsid; else set -m; fi
PETIT_OUTPUT=$D/output${hasEvent ? " PETIT_EVENT=$D/event" : ""} $S sh -c '. "$0/env"; exec sh -e "$0/script" "$@"' "$D" <"$D/stdin" 3<&- &
J=$!
echo "$J" >"$D/leader"
(
  trap '' HUP INT QUIT TERM PIPE
  while read -r L; do :; done <&3
  if [ -e "$D/ending" ]; then petit_end 0; else petit_end ${LOST_GRACE_SECONDS}; fi
  rm -rf "$D"
) >/dev/null 2>&1 &
W=$!
wait "$J"
R=$?
[ -e "$D" ] || exit $R
kill -s KILL "$W" 2>/dev/null
if [ -s "$D/output" ] || [ $R -ge ${FETCH_STATUS} ]; then
  echo $R >"$D/status"
  exit ${FETCH_STATUS}
fi
rm -rf "$D"
exit $R
`;

/** Returns the remote script that asks the processes of an attempt to end. Its launcher still runs. */
export const ending = (token: string): string => `${FUNCTIONS}
${folderOf(token)}
J=$(cat "$D/leader" 2>/dev/null) || exit 0
: >"$D/ending"
petit_signal TERM
`;

/** Returns the remote script that ends what an attempt left behind when its connection was lost, and waits for that. */
export const clearing = (token: string): string => `${FUNCTIONS}
${folderOf(token)}
J=$(cat "$D/leader" 2>/dev/null) || { rm -rf "$D"; exit 0; }
petit_end ${LOST_GRACE_SECONDS}
rm -rf "$D"
`;

/** Returns the remote script that prints the exit status and the outputs of an attempt that has ended, and deletes them. */
export const fetching = (token: string): string => `${folderOf(token)}
cat "$D/status" || exit 1
[ ! -e "$D/output" ] || cat "$D/output" || exit 1
rm -rf "$D"
`;
