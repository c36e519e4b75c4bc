#!/bin/sh
# Installs petit: one file. Nothing is put in place before its signature and checksum are verified and it has run.
set -eu

# scripts/release puts the address of its releases here.
releases_url=
# scripts/release puts its public key of minisign here, where the release is signed.
public_key=

main() {
  version=latest
  prefix=
  work=
  read_arguments "$@"
  base_url=${PETIT_BASE_URL:-$releases_url}
  base_url=${base_url%/}
  [ -n "$base_url" ] || fail "where are the releases? Set PETIT_BASE_URL, or take the install.sh of a release"
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
      --version) [ $# -ge 2 ] || usage "--version wants a version, such as 1.2.3"; version=${2#v}; shift 2 ;;
      --version=*) version=${1#*=}; version=${version#v}; shift ;;
      --prefix) [ -n "${2:-}" ] || usage "--prefix wants a folder"; prefix=$2; shift 2 ;;
      --prefix=) usage "--prefix wants a folder" ;;
      --prefix=*) prefix=${1#*=}; shift ;;
      -h | --help) help; exit 0 ;;
      *) usage "unknown argument '$1'" ;;
    esac
  done
  case $version in
    latest | [0-9]*.[0-9]*.[0-9]*) ;;
    *) usage "'$version' is no version; expected one such as 1.2.3" ;;
  esac
}

help() {
  cat <<'END'
Installs petit: one file, PREFIX/bin/petit.

  sh install.sh [--version X.Y.Z] [--prefix DIR]

PREFIX is /usr/local for root and ~/.local for others. PETIT_BASE_URL is where the releases are: below it lie
latest/download/FILE and download/vX.Y.Z/FILE. PETIT_PUBLIC_KEY is the public key of minisign that the releases must be
signed with; by default, the one in this script.
END
}

find_target() {
  system=$(uname -s)
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no petit for processors of the kind '$machine'; there is one for x86_64 and for arm64" ;;
  esac
  case $system in
    Linux) echo "linux-$arch$(libc_suffix)" ;;
    Darwin) echo "darwin-$arch" ;;
    MINGW* | MSYS* | CYGWIN*) fail "for Windows there is petit-windows-x64.zip among the files of a release" ;;
    *) fail "there is no petit for '$system'; there is one for Linux and for macOS" ;;
  esac
}

# Whichever the shell is made with: a system can have the loaders of both.
libc_suffix() {
  case $(ldd /bin/sh 2>&1) in
    *ld-musl-*) echo "-musl" ;;
    *libc.so.6*) ;;
    *) if exists /lib/ld-musl-* && ! exists /lib*/ld-linux-*; then echo "-musl"; fi ;;
  esac
}

# Whether a pattern has found anything.
exists() { [ -e "$1" ]; }

prepare_folder() {
  if [ -z "$prefix" ]; then
    if [ "$(id -u)" = 0 ]; then prefix=/usr/local
    elif [ -n "${HOME:-}" ]; then prefix=$HOME/.local
    else fail "HOME is not set; name a folder with --prefix"
    fi
  fi
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
  bin=$prefix/bin
  [ ! -d "$bin/petit" ] || fail "$bin/petit is a folder; move it away, or name another folder with --prefix"
  existing=$bin
  until [ -d "$existing" ] || [ "$existing" = / ]; do existing=$(dirname "$existing"); done
  trap clean_up EXIT
  trap 'exit 1' HUP INT TERM
  mkdir -p "$bin" 2>/dev/null || fail "$bin can't be made; name another folder with --prefix, or be root"
  # Beside its place, so that it is put there in one step.
  work=$(mktemp -d "$bin/.petit-install-XXXXXX" 2>/dev/null) ||
    fail "$bin can't be written to; name another folder with --prefix, or be root"
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
  fetch "$from/SHA256SUMS" "$work/SHA256SUMS" || fail "$from/SHA256SUMS can't be downloaded; is there such a release?"
  fetch "$from/$archive" "$work/$archive" || fail "$from/$archive can't be downloaded whole; nothing was installed"
}

# A redirect from https must not lead to anything else.
fetch() {
  case $1 in https://*) protocols="=https" ;; *) protocols="=http,https" ;; esac
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --location --proto "$protocols" --retry 2 --output "$2" "$1"
  elif ! command -v wget >/dev/null 2>&1; then
    fail "neither curl nor wget was found; install one of them"
  elif [ "$protocols" = "=https" ]; then
    # wget can't be told where not to go, but it tells where it went.
    wget -S -O "$2" "$1" 2>"$2.log" || { tail -n 3 "$2.log" >&2; return 1; }
    ! grep -qi '^[[:space:]]*location:[[:space:]]*http:' "$2.log" || fail "$1 redirects to http; nothing was installed"
  else
    wget -q -O "$2" "$1"
  fi
}

# Of the checksums, by which the archive is verified. minisign, or openssl 3, does it offline.
verify_signature() {
  key=${PETIT_PUBLIC_KEY:-$public_key}
  if [ -z "$key" ]; then
    say "no public key is known, so no signature is verified"
    return
  fi
  signature=$work/SHA256SUMS.minisig
  fetch "$from/SHA256SUMS.minisig" "$signature" || fail "the release is not signed; nothing was installed"
  if command -v minisign >/dev/null 2>&1; then
    minisign -V -H -q -P "$key" -x "$signature" -m "$work/SHA256SUMS" >&2 || fail "the signature is wrong; nothing was installed"
  elif openssl pkeyutl -help 2>&1 | grep -q rawin; then
    openssl_verify || fail "the signature is wrong; nothing was installed"
  else
    fail "the signature can't be verified: install minisign, or openssl 3; nothing was installed"
  fi
}

# https://jedisct1.github.io/minisign/: a key is "Ed", 8 bytes of key id and 32 of Ed25519's public key; a signature is "ED", the
# key id and Ed25519's signature of the BLAKE2b-512 hash. The trusted comment is not looked at.
openssl_verify() {
  printf %s "$key" | openssl base64 -d -A > "$work/key" || return 1
  sed -n 2p "$signature" | openssl base64 -d -A > "$work/signed" || return 1
  [ "$(bytes "$work/key" 0 2)" = "$(printf Ed | hex)" ] || return 1
  [ "$(bytes "$work/signed" 0 2)" = "$(printf ED | hex)" ] || return 1
  [ "$(bytes "$work/key" 2 8)" = "$(bytes "$work/signed" 2 8)" ] || return 1
  # The fixed beginning of a public key of Ed25519 in DER (RFC 8410).
  { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; tail -c +11 "$work/key"; } > "$work/key.der"
  tail -c +11 "$work/signed" > "$work/signature"
  openssl dgst -blake2b512 -binary "$work/SHA256SUMS" > "$work/hash" || return 1
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$work/hash" \
    -sigfile "$work/signature" >/dev/null 2>&1
}

# bytes FILE OFFSET COUNT, as hexadecimal text.
bytes() { dd if="$1" bs=1 skip="$2" count="$3" 2>/dev/null | hex; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

verify() {
  expected=$(awk -v file="$archive" '$2 == file || $2 == "*" file { print $1 }' "$work/SHA256SUMS")
  [ -n "$expected" ] || fail "SHA256SUMS has no line for $archive; nothing was installed"
  actual=$(checksum "$work/$archive")
  [ "$actual" = "$expected" ] ||
    fail "the checksum of $archive is wrong; nothing was installed
  expected $expected
  but it is $actual"
}

checksum() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
  else
    fail "the checksum can't be verified: none of sha256sum, shasum and openssl was found"
  fi
}

unpack() {
  mkdir "$work/unpacked"
  tar -xzf "$work/$archive" -C "$work/unpacked" || fail "$archive can't be unpacked; nothing was installed"
  new=$(ls "$work"/unpacked/petit-*/petit) || fail "$archive has no petit in it; nothing was installed"
}

# A petit that can't run here must not take the place of one that can.
try() {
  if said=$("$new" --version 2>&1); then return; fi
  case $target in
    *-musl) hint="; it needs the C++ library: apk add libstdc++" ;;
    linux-x64) hint="; it needs glibc 2.17, and a processor with AVX2" ;;
    *) hint= ;;
  esac
  fail "this petit can't run here$hint; nothing was installed
  $(echo "$said" | head -n 3)"
}

put_in_place() {
  before=$("$bin/petit" --version 2>/dev/null) || before=
  chmod 755 "$new"
  mv -f "$new" "$bin/petit"
  say "$said is installed as $bin/petit${before:+, in the place of $before}"
  case :$PATH: in
    *:"$bin":*) ;;
    *) say "$bin is not in your PATH; add it: export PATH=\"$bin:\$PATH\"" ;;
  esac
  [ -n "$before" ] || say "next: petit init; petit run jobs"
  [ -z "$before" ] || say "a petit that runs goes on as it is until it is restarted"
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

# The last line: what arrives cut does nothing.
main "$@"
