#!/bin/sh
# Boots a systemd in new namespaces, on a copy of this machine's file system in memory: unshare --mount systemd-boot.sh power FOLDER PETIT
# It cannot change the disk, the network or the kernel settings of this machine. When stdin is closed or this script is killed, all
# its processes end.
set -eu
stage=$1 folder=$2 petit=$3

power() {
  mount --make-rprivate /
  mount -t tmpfs -o mode=755 tmpfs "$folder"
  mkdir "$folder/cgroup" "$folder/disk" "$folder/scratch" "$folder/root"
  mount -t cgroup2 cgroup2 "$folder/cgroup"
  group=$folder/cgroup/petit-test-$$
  mkdir "$group"
  echo $$ > "$group/cgroup.procs"
  setpriv --pdeathsig KILL sh "$0" plug "$folder" "$petit" &
  echo $$ > "$folder/cgroup/cgroup.procs"
  # Clean up even if a signal ends the tests.
  trap : HUP INT TERM
  cat > /dev/null || true
  # A control group can be busy for a moment after its last process has ended.
  for i in 1 2 3 4 5 6 7 8 9 10; do
    find "$group" -name cgroup.procs -exec cat {} + | xargs -r kill -9 2> /dev/null || true
    sleep 0.05
    find "$group" -depth -type d -exec rmdir {} + 2> /dev/null && break
  done
  umount -l "$folder"
  rmdir "$folder"
}

# Each process ends with its parent, and all processes of a pid namespace end with its first one.
plug() {
  setpriv --pdeathsig KILL unshare --fork --kill-child --pid --cgroup --net --uts --ipc --mount sh "$0" boot "$folder" "$petit" || true
  touch "$folder/off"
}

boot() {
  mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/disk,workdir=$folder/scratch" "$folder/root"
  cd "$folder/root"
  kernel
  devices
  mount -t tmpfs -o mode=755 tmpfs run
  mount -t tmpfs -o mode=1777 tmpfs tmp
  units
  touch usr/local/bin/petit
  mount --bind "$petit" usr/local/bin/petit
  mkdir old
  pivot_root . old
  umount -l /old
  rmdir /old
  # As on a real machine: the credentials of a unit are mounted in one namespace and visible in the others.
  mount --make-rshared /
  exec env -i container=petit-test LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    "$(first_of /usr/lib/systemd/systemd /lib/systemd/systemd)" --system --unit=multi-user.target --log-target=journal --show-status=no
}

# Kernel settings are read-only.
kernel() {
  mount -t proc proc proc
  mount --bind proc/sys proc/sys
  mount -o remount,bind,ro proc/sys
  mount -t sysfs -o ro sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
}

# No disks, no kernel log.
devices() {
  mount -t tmpfs -o mode=755 tmpfs dev
  mkdir dev/shm dev/pts
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
  for each in null zero full random urandom tty; do
    touch "dev/$each"
    mount --bind "/dev/$each" "dev/$each"
  done
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
}

# The journal is the only unit of the system. The services of this machine are removed.
units() {
  rm -rf etc/systemd/system etc/systemd/user usr/lib/systemd/system/*.wants usr/lib/systemd/user/*.wants \
    usr/lib/systemd/system-generators usr/lib/systemd/user-generators etc/petit etc/credstore
  mkdir -p etc/systemd/system/sysinit.target.wants etc/credstore
  ln -s /usr/lib/systemd/system/systemd-journald.service etc/systemd/system/sysinit.target.wants/
  rm -f etc/machine-id
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > etc/machine-id
}

first_of() {
  for each; do [ ! -x "$each" ] || break; done
  echo "$each"
}

"$stage"
