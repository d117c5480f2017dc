#!/usr/bin/env bash
# Unpacks the C libraries of several Debian releases into .cache/glibc/VERSION/, so that tests can run
# programs under them (VERSION/ld.so --library-path VERSION). Prints a line per library: VERSION DIR.
# A second run does nothing. Offline, or where a release is gone, says so on stderr and goes on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cache=$PWD/.cache/glibc
releases=(bullseye trixie sid)
mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9

# An apt of our own: the machine's sources and lists stay as they are.
apt_dir=$cache/.apt
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
options=(-o "Dir::Etc::sourcelist=$apt_dir/sources.list" -o Dir::Etc::sourceparts=/nonexistent
    -o "Dir::State::lists=$apt_dir/lists" -o "Dir::Cache=$apt_dir/cache" -o "Dir::State::status=$apt_dir/status"
    -o Acquire::Languages=none -o Acquire::Retries=1 -o "APT::Sandbox::User=$(id -un)")

unpack() { # DEB
    local version dir work
    work=$(mktemp -d "$cache/.unpack.XXXXXX")
    dpkg-deb -x "$1" "$work"
    version=$(dpkg-deb -f "$1" Version | sed 's/-.*//')
    dir=$cache/$version
    mkdir -p "$dir.new"
    find "$work" -name '*.so*' -path '*x86_64-linux-gnu*' ! -path '*/gconv/*' -exec cp -a {} "$dir.new/" \;
    cp -L "$(find "$work" -name 'ld-linux-x86-64.so.2' | head -1)" "$dir.new/ld.so"
    rm -rf "$work" "$dir"
    mv "$dir.new" "$dir"
}

fetch() { # RELEASE
    local mirror=http://deb.debian.org/debian deb
    mkdir -p "$apt_dir"/{lists/partial,cache/archives/partial,deb}
    : >"$apt_dir/status"
    echo "deb [signed-by=$keyring arch=amd64] $mirror $1 main" >"$apt_dir/sources.list"
    apt-get "${options[@]}" -qq update >/dev/null 2>"$apt_dir/log" || return 1
    (cd "$apt_dir/deb" && apt-get "${options[@]}" -qq download libc6:amd64 >/dev/null 2>>"$apt_dir/log") || return 1
    deb=$(ls "$apt_dir"/deb/libc6_*.deb)
    unpack "$deb"
    rm -f "$deb"
    touch "$cache/.have-$1"
}

for release in "${releases[@]}"; do
    [ -e "$cache/.have-$release" ] && continue
    fetch "$release" || echo "the C library of Debian $release cannot be fetched: $(tail -1 "$apt_dir/log" 2>/dev/null)" >&2
done
rm -rf "$apt_dir"
for dir in "$cache"/[0-9]*; do
    [ -x "$dir/ld.so" ] && echo "$(basename "$dir") $dir"
done
exit 0
