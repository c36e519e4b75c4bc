/**
 * The shell script of the guard. Arguments: the state folder, after how many checks without guarded attempts it ends, the id of the worker,
 * and its spool folder.
 *
 * A guarded attempt is a file in `guarded` whose name is a number. Its first line is the path of the status file of the attempt; the
 * second and the third line name the client and the container of an attempt in a container, and the fourth one the folder of its cgroup.
 * `lease` has the time since boot, in hundredths of a second, until which the attempts may run, the period between checks in seconds, the id
 * of the boot, and that of the worker.
 *
 * - When that time has passed, every guarded attempt is ended, and its file gets the suffix `.ended` before.
 * - An attempt whose program has not started yet is prevented from starting: a link that leads nowhere replaces its status file, in one
 *   step. Its program starts only from a status file that is still in its place.
 * - The pid is that of the attempt if the command line of the process contains the path of the status file.
 * - The folder may be deleted, or get another worker. Therefore the guard remembers the lease, the attempts and their pids. It forgets an
 *   attempt whose file is gone only when its process is gone, and it ignores the lease of another worker. When it notices that the folder
 *   is no longer its own, it adds the attempts that it has not seen yet: all processes of the spool folder.
 * - The time since boot advances while the machine is suspended, and nothing sets it.
 */
export const GUARD_SCRIPT = `cd "$1" || exit
idle=0 until=0 period=1 known= lost=
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
is_mine() {
  mine=
  read -r mine <guard.pid
  [ "$mine" = $$ ]
}
find_pid() {
  pid=
  for found in $(grep -lsF "$1" /proc/[0-9]*/cmdline); do
    found=\${found#/proc/} found=\${found%/cmdline}
    if [ "$found" != $$ ] && [ -e "/proc/$found" ]; then pid=$found && return; fi
  done
}
load() { eval "status=\\$status_$1 client=\\$client_$1 container=\\$container_$1 cgroup=\\$cgroup_$1 pid=\\$pid_$1"; }
remember() {
  case " $known " in
  *" $1 "*) ;;
  *) known="$known $1" ;;
  esac
  eval "status_$1=\\$status client_$1=\\$client container_$1=\\$container cgroup_$1=\\$cgroup pid_$1=\\$pid"
}
note_attempts() {
  for file in guarded/*[0-9]; do
    id=\${file#guarded/}
    case $id in *[!0-9]*) continue ;; esac
    status= client= container= cgroup=
    { read -r status; read -r client; read -r container; read -r cgroup; } <"$file"
    [ -n "$status" ] || continue
    read_status "$status"
    remember "$id"
  done
}
note_strays() {
  for found in $(grep -lsF "$1/" /proc/[0-9]*/cmdline); do
    tr '\\0' '\\n' <"$found" | grep -qx '.*/[0-9]*[/.]status' || continue
    id=\${found#/proc/} id=\${id%/cmdline}
    status=$1/ client= container= cgroup= pid=$id
    if [ "$id" != $$ ]; then remember "9999$id"; fi
  done
}
review() {
  before=$known known=
  for id in $before; do
    load "$id"
    if [ ! -e "guarded/$id" ]; then
      [ -n "$pid" ] || find_pid "$status"
      [ -n "$pid" ] && [ -e "/proc/$pid" ] || continue
    fi
    remember "$id"
  done
}
end_cgroup() {
  { echo 1 >"$cgroup/cgroup.kill"; } || while read -r found; do kill -KILL "$found"; done <"$cgroup/cgroup.procs"
}
end_attempt() {
  load "$1"
  noted=$pid
  read_status "$status"
  [ -z "$exit" ] || return 0
  if [ -z "$pid" ] && [ -z "$noted" ]; then
    ln "$status" "$status-withdrawn"
    if ! { ln -s nowhere/status "$status-new" && mv -f "$status-new" "$status"; }; then
      mv "$status" "$status-withdrawn"
      mkdir "$status"
    fi
    read_status "$status-withdrawn"
  fi
  [ -n "$pid" ] || pid=$noted
  mv "guarded/$1" "guarded/$1.ended"
  if [ -n "$pid" ] && grep -qF "$status" "/proc/$pid/cmdline"; then kill -KILL "-$pid"; fi
  if [ -n "$cgroup" ]; then end_cgroup; fi
  if [ -n "$container" ]; then "$client" rm --force "$container" >/dev/null; fi
}
while :; do
  next= step= worker=
  read -r next step boot worker rest <lease
  if [ "$worker" = "$3" ]; then until=$next period=$step; fi
  if [ -n "$lost" ]; then :; elif is_mine; then note_attempts; else lost=1 && note_strays "$4"; fi
  review
  if [ -n "$known" ]; then
    idle=0
    if is_over; then for id in $known; do end_attempt "$id"; done; known=; fi
  elif [ "$idle" -lt "$2" ]; then
    idle=$((idle + 1))
  else
    is_mine || exit 0
    rm -f guard.pid
    set -- "$1" "$2" "$3" "$4" guarded/*[0-9]
    [ -e "$5" ] || exit 0
    set -- "$1" "$2" "$3" "$4"
    echo $$ >guard.pid
  fi
  sleep "$period" || sleep 1
done 2>/dev/null`;
