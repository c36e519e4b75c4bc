import { shellWord } from "../../../lib/shell-word.ts";
import { BOOTSTRAP, clearing, ending, FETCH_STATUS, fetching, TRANSPORT_STATUS } from "./remote-script.ts";

/** How often it is tried to end what a lost connection left behind. */
const CLEAR_TRIES = 4;

/** How long ssh has between these tries, in s. */
const CLEAR_PAUSE_SECONDS = 2;

/**
 * Returns the local shell script of an attempt. `$0` is the path for its pipe; the arguments are ssh with its options and the
 * destination. Its stdin is what the remote side reads.
 *
 * - The pipe stays open until ssh has ended, because the end of stdin means to the remote side that the connection was lost.
 * - ssh deletes the pipe's file when it has connected, by its option LocalCommand. If it still exists, ssh never connected.
 * - ssh ignores the signals to the process group, so that the output of a script that is ending still arrives. The script is
 *   asked to end over a second connection. If petit kills the local processes, the remote side loses its connection.
 */
export const localScript = (token: string): string => `on_remote() {
  { printf '%s\\n' "$script"; echo .; } | "$@" ${shellWord(BOOTSTRAP)}
}
mkfifo -m 600 "$0" && exec 4<>"$0" 5<&0 </dev/null || exit 125
told=
trap 'told=\${told:-no}' HUP INT QUIT TERM
(trap '' HUP INT QUIT TERM; exec "$@" ${shellWord(BOOTSTRAP)} <&4 4>&- 5<&-) &
ssh=$!
cat <&5 >&4 2>/dev/null &
feed=$!
while :; do
  wait "$ssh"
  status=$?
  if [ "$told" = no ]; then
    told=yes
    script=${shellWord(ending(token))}
    on_remote "$@" 4>&- 5<&-
  fi
  kill -0 "$ssh" 2>/dev/null || break
done
kill "$feed" 2>/dev/null
exec 4>&- 5<&-
if [ "$status" = ${FETCH_STATUS} ]; then
  script=${shellWord(fetching(token))}
  on_remote "$@" | { read -r status && cat >"$PETIT_OUTPUT" && exit "$status"; exit ${TRANSPORT_STATUS}; }
  exit
fi
[ "$status" = ${TRANSPORT_STATUS} ] || exit "$status"
if [ -e "$0" ]; then
  echo "petit: ssh could not connect" >&2
  exit "$status"
fi
script=${shellWord(clearing(token))}
tries=1
until on_remote "$@" 2>/dev/null; do
  if [ $tries = ${CLEAR_TRIES} ]; then
    echo "petit: the connection was lost, and no other could be made: whether the remote processes have ended is unknown" >&2
    exit "$status"
  fi
  tries=$((tries + 1))
  sleep ${CLEAR_PAUSE_SECONDS}
done
echo "petit: the connection was lost; the remote processes have been ended over another one" >&2
exit "$status"
`;
