/**
 * The shell script of the guard. Arguments: the state folder, and after how many checks without guarded attempts it ends.
 *
 * A guarded attempt is a file in `guarded` whose name is a number. Its first line is the path of the status file of the attempt; a
 * second and a third line name the client and the container of an attempt in a container. `lease` has the time since boot, in
 * hundredths of a second, until which the attempts may run, then the period between checks in seconds.
 *
 * - When that time has passed, every guarded attempt is ended, and its file gets the suffix `.ended` before.
 * - An attempt whose program has not started yet is prevented from starting: a folder takes the place of its status file.
 * - The pid is that of the attempt if the command line of the process contains the path of the status file.
 * - The time since boot advances while the machine is suspended, and nothing sets it.
 */
export const GUARD_SCRIPT = `cd "$1" || exit
idle=0
echo $$ >guard.pid
read_status() {
  pid= exit=
  [ -f "$1" ] || return 0
  while read -r line; do
    case $line in
    --) pid= exit= ;;
    *) if [ -z "$pid" ]; then pid=$line; else exit=$line; fi ;;
    esac
  done <"$1"
}
is_over() {
  read -r up rest </proc/uptime || return
  [ "\${up%.*}\${up#*.}" -ge "$until" ]
}
end_attempt() {
  status= client= container=
  { read -r status; read -r client; read -r container; } <"$1"
  [ -n "$status" ] || return 0
  read_status "$status"
  [ -z "$exit" ] || return 0
  if [ -z "$pid" ]; then
    mv "$status" "$status-withdrawn" 2>/dev/null
    mkdir "$status" 2>/dev/null
    read_status "$status-withdrawn"
  fi
  mv "$1" "$1.ended"
  if [ -n "$pid" ] && grep -qF "$status" "/proc/$pid/cmdline"; then kill -KILL "-$pid"; fi
  if [ -n "$container" ]; then "$client" rm --force "$container" >/dev/null 2>&1; fi
}
while :; do
  until=0 period=1
  read -r until period rest <lease
  set -- "$1" "$2" guarded/*[0-9]
  if [ -e "$3" ]; then
    idle=0
    if is_over; then for file in guarded/*[0-9]; do end_attempt "$file"; done; fi
  elif [ "$idle" -lt "$2" ]; then
    idle=$((idle + 1))
  else
    rm -f guard.pid
    set -- "$1" "$2" guarded/*[0-9]
    [ -e "$3" ] || exit 0
    echo $$ >guard.pid
  fi
  sleep "$period" || sleep 1
done 2>/dev/null`;
