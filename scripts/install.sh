#!/bin/sh
# Installs petit, which is a single file. It verifies the signature and the checksum, and runs the new executable, before it installs it.
set -eu

# scripts/release inserts the address of the releases here.
releases_url=
# If the release is signed, scripts/release inserts its minisign public key here.
public_key=

main() {
  version=latest
  prefix=
  work=
  read_arguments "$@"
  base_url=${PETIT_BASE_URL:-$releases_url}
  base_url=${base_url%/}
  [ -n "$base_url" ] || fail "the address of the releases is unknown; set PETIT_BASE_URL, or use the install.sh of a release"
  target=$(find_target)
  prepare_folder
  download
  verify_signature
  verify
  unpack
  try
  put_in_place
}

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --version) [ $# -ge 2 ] || usage "--version requires a version, such as 1.2.3"; version=${2#v}; shift 2 ;;
      --version=*) version=${1#*=}; version=${version#v}; shift ;;
      --prefix) [ -n "${2:-}" ] || usage "--prefix requires a folder"; prefix=$2; shift 2 ;;
      --prefix=) usage "--prefix requires a folder" ;;
      --prefix=*) prefix=${1#*=}; shift ;;
      -h | --help) help; exit 0 ;;
      *) usage "unknown argument '$1'" ;;
    esac
  done
  case $version in
    latest | [0-9]*.[0-9]*.[0-9]*) ;;
    *) usage "'$version' is not a version; expected a version such as 1.2.3" ;;
  esac
}

help() {
  cat <<'END'
Installs petit as PREFIX/bin/petit.

  sh install.sh [--version X.Y.Z] [--prefix DIR]

PREFIX is /usr/local for root and ~/.local for other users.

PETIT_BASE_URL    Address of the releases. It must serve latest/download/FILE and download/vX.Y.Z/FILE.
PETIT_PUBLIC_KEY  minisign public key that must have signed the release. The default is the key in this script.
END
}

find_target() {
  system=$(uname -s)
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "petit does not support the processor '$machine'; it supports x86_64 and arm64" ;;
  esac
  case $system in
    Linux) echo "linux-$arch$(libc_suffix)" ;;
    Darwin) echo "darwin-$arch" ;;
    MINGW* | MSYS* | CYGWIN*) fail "this script does not support Windows; download petit-windows-x64.zip from the release" ;;
    *) fail "petit does not support '$system'; it supports Linux and macOS" ;;
  esac
}

# Prints the suffix of the C library that the shell uses. A system can have the loaders of both.
libc_suffix() {
  case $(ldd /bin/sh 2>&1) in
    *ld-musl-*) echo "-musl" ;;
    *libc.so.6*) ;;
    *) if exists /lib/ld-musl-* && ! exists /lib*/ld-linux-*; then echo "-musl"; fi ;;
  esac
}

# Succeeds if a glob pattern matched.
exists() { [ -e "$1" ]; }

prepare_folder() {
  if [ -z "$prefix" ]; then
    if [ "$(id -u)" = 0 ]; then prefix=/usr/local
    elif [ -n "${HOME:-}" ]; then prefix=$HOME/.local
    else fail "HOME is not set; choose a folder with --prefix"
    fi
  fi
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
  bin=$prefix/bin
  [ ! -d "$bin/petit" ] || fail "$bin/petit is a folder; move it away, or choose another folder with --prefix"
  existing=$bin
  until [ -d "$existing" ] || [ "$existing" = / ]; do existing=$(dirname "$existing"); done
  trap clean_up EXIT
  trap 'exit 1' HUP INT TERM
  mkdir -p "$bin" 2>/dev/null || fail "$bin can't be created; choose another folder with --prefix, or run this script as root"
  # The temporary folder is on the same file system, so that mv replaces petit in one step.
  work=$(mktemp -d "$bin/.petit-install-XXXXXX" 2>/dev/null) ||
    fail "$bin is not writable; choose another folder with --prefix, or run this script as root"
}

# Removes the temporary folder, and the folders that this script created if they are still empty.
clean_up() {
  [ -z "$work" ] || rm -rf "$work"
  folder=$bin
  while [ "$folder" != "$existing" ]; do
    rmdir "$folder" 2>/dev/null || [ ! -e "$folder" ] || break
    folder=$(dirname "$folder")
  done
}

download() {
  archive=petit-$target.tar.gz
  if [ "$version" = latest ]; then from=$base_url/latest/download; else from=$base_url/download/v$version; fi
  say "downloading $from/$archive"
  fetch "$from/SHA256SUMS" "$work/SHA256SUMS" || fail "$from/SHA256SUMS can't be downloaded; check that this release exists"
  fetch "$from/$archive" "$work/$archive" || fail "$from/$archive can't be downloaded completely; nothing was installed"
}

# Downloads a URL to a file. Refuses redirects from https to http.
fetch() {
  case $1 in https://*) protocols="=https" ;; *) protocols="=http,https" ;; esac
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --proto "$protocols" --retry 2 --output "$2" "$1"
  elif ! command -v wget >/dev/null 2>&1; then
    fail "neither curl nor wget was found; install one of them"
  elif [ "$protocols" = "=https" ]; then
    # wget has no option to refuse such redirects, but its log shows them.
    wget -S -O "$2" "$1" 2>"$2.log" || { tail -n 3 "$2.log" >&2; return 1; }
    ! grep -qi '^[[:space:]]*location:[[:space:]]*http:' "$2.log" || fail "$1 redirects to http; nothing was installed"
  else
    wget -q -O "$2" "$1"
  fi
}

# Verifies the signature of SHA256SUMS offline, with minisign or OpenSSL 3.
verify_signature() {
  key=${PETIT_PUBLIC_KEY:-$public_key}
  if [ -z "$key" ]; then
    say "the signature is not verified, because no public key is known"
    return
  fi
  signature=$work/SHA256SUMS.minisig
  fetch "$from/SHA256SUMS.minisig" "$signature" || fail "the release is not signed; nothing was installed"
  if command -v minisign >/dev/null 2>&1; then
    minisign -V -H -q -P "$key" -x "$signature" -m "$work/SHA256SUMS" >&2 || fail "the signature is wrong; nothing was installed"
  elif openssl pkeyutl -help 2>&1 | grep -q rawin; then
    openssl_verify || fail "the signature is wrong; nothing was installed"
  else
    fail "the signature can't be verified; install minisign or OpenSSL 3; nothing was installed"
  fi
}

# Verifies a minisign signature with OpenSSL (https://jedisct1.github.io/minisign/). A public key is "Ed", a key id of 8 bytes, and an
# Ed25519 public key of 32 bytes. A signature is "ED", the key id, and the Ed25519 signature of the BLAKE2b-512 hash. The trusted
# comment is not verified.
openssl_verify() {
  printf %s "$key" | openssl base64 -d -A > "$work/key" || return 1
  sed -n 2p "$signature" | openssl base64 -d -A > "$work/signed" || return 1
  [ "$(bytes "$work/key" 0 2)" = "$(printf Ed | hex)" ] || return 1
  [ "$(bytes "$work/signed" 0 2)" = "$(printf ED | hex)" ] || return 1
  [ "$(bytes "$work/key" 2 8)" = "$(bytes "$work/signed" 2 8)" ] || return 1
  # The DER prefix of every Ed25519 public key (RFC 8410).
  { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; tail -c +11 "$work/key"; } > "$work/key.der"
  tail -c +11 "$work/signed" > "$work/signature"
  openssl dgst -blake2b512 -binary "$work/SHA256SUMS" > "$work/hash" || return 1
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$work/hash" \
    -sigfile "$work/signature" >/dev/null 2>&1
}

# bytes FILE OFFSET COUNT prints bytes as hexadecimal text.
bytes() { dd if="$1" bs=1 skip="$2" count="$3" 2>/dev/null | hex; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

verify() {
  expected=$(awk -v file="$archive" '$2 == file || $2 == "*" file { print $1 }' "$work/SHA256SUMS")
  [ -n "$expected" ] || fail "SHA256SUMS has no entry for $archive; nothing was installed"
  actual=$(checksum "$work/$archive")
  [ "$actual" = "$expected" ] ||
    fail "the checksum of $archive is wrong; nothing was installed
  expected: $expected
  actual:   $actual"
}

checksum() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
  else
    fail "the checksum can't be verified; install sha256sum, shasum or openssl"
  fi
}

unpack() {
  mkdir "$work/unpacked"
  tar -xzf "$work/$archive" -C "$work/unpacked" || fail "$archive can't be unpacked; nothing was installed"
  new=$(ls "$work"/unpacked/petit-*/petit) || fail "$archive does not contain petit; nothing was installed"
}

# Runs the new executable: one that can't run here must not replace one that can.
try() {
  if said=$("$new" --version 2>&1); then return; fi
  case $target in
    *-musl) hint="; it requires libstdc++ (apk add libstdc++)" ;;
    linux-x64) hint="; it requires glibc 2.17 or later and a processor with AVX2" ;;
    *) hint= ;;
  esac
  fail "petit can't run on this machine$hint; nothing was installed
  $(echo "$said" | head -n 3)"
}

put_in_place() {
  before=$("$bin/petit" --version 2>/dev/null) || before=
  chmod 755 "$new"
  mv -f "$new" "$bin/petit"
  say "installed $said as $bin/petit${before:+, replacing $before}"
  case :$PATH: in
    *:"$bin":*) ;;
    *) say "$bin is not in your PATH; to add it: export PATH=\"$bin:\$PATH\"" ;;
  esac
  [ -n "$before" ] || say "next steps: petit init; petit run jobs"
  [ -z "$before" ] || say "restart petit to use the new version"
}

say() { echo "$*" >&2; }

fail() {
  say "install.sh: $*"
  exit 1
}

usage() {
  say "install.sh: $*; see --help"
  exit 2
}

# The call is the last line, so that an incomplete download of this script does nothing.
main "$@"
