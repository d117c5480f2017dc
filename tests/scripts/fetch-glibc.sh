#!/usr/bin/env bash
# Unpacks the C libraries of several Debian releases into .cache/glibc/VERSION/, so that tests can run
# programs under them (VERSION/ld.so --library-path VERSION), and other allocators into
# .cache/allocators/. Prints a line per C library: VERSION DIR.
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

download() { # RELEASE PACKAGE...: into $apt_dir/deb
    local mirror=http://deb.debian.org/debian release=$1
    shift
    rm -rf "$apt_dir/deb"
    mkdir -p "$apt_dir"/{lists/partial,cache/archives/partial,deb}
    : >"$apt_dir/status"
    echo "deb [signed-by=$keyring arch=amd64] $mirror $release main" >"$apt_dir/sources.list"
    apt-get "${options[@]}" -qq update >/dev/null 2>"$apt_dir/log" || return 1
    (cd "$apt_dir/deb" && apt-get "${options[@]}" -qq download "$@" >/dev/null 2>>"$apt_dir/log")
}

fetch() { # RELEASE
    download "$1" libc6:amd64 || return 1
    unpack "$(ls "$apt_dir"/deb/libc6_*.deb)"
    touch "$cache/.have-$1"
}

fetch_allocators() {
    local to=$cache/../allocators work deb
    download bookworm libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0 musl || return 1
    work=$(mktemp -d "$cache/.unpack.XXXXXX")
    for deb in "$apt_dir"/deb/*.deb; do dpkg-deb -x "$deb" "$work"; done
    mkdir -p "$to"
    find "$work" \( -name 'lib*malloc*.so*' -o -name 'ld-musl*' -o -name 'libc.so' \) -exec cp -L {} "$to/" \; 2>/dev/null || true
    rm -rf "$work"
    touch "$cache/.have-allocators"
}

for release in "${releases[@]}"; do
    [ -e "$cache/.have-$release" ] && continue
    fetch "$release" || echo "the C library of Debian $release cannot be fetched: $(tail -1 "$apt_dir/log" 2>/dev/null)" >&2
done
[ -e "$cache/.have-allocators" ] || fetch_allocators ||
    echo "other allocators cannot be fetched: $(tail -1 "$apt_dir/log" 2>/dev/null)" >&2
rm -rf "$apt_dir"
for dir in "$cache"/[0-9]*; do
    [ -x "$dir/ld.so" ] && echo "$(basename "$dir") $dir"
done
exit 0
