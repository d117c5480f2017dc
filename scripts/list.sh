#!/bin/sh
# Prints the .c files of the given folders (those that exist), one per line. Meson has no glob.
# A pattern may be given: list.sh -n 'test_*.c' tests/unit
cd "$(dirname "$0")/.." || exit 1
pattern='*.c'
[ "$1" = -n ] && { pattern=$2; shift 2; }
for folder in "$@"; do
    [ -d "$folder" ] && find "$folder" -maxdepth 1 -name "$pattern"
done | LC_ALL=C sort
