#!/bin/sh
# Prints the C table of everything of one kind that the given files define.
#   registry.sh command FILE...   each src/cmd/NAME.c with `const struct command cmd_NAME`
#   registry.sh rule FILE...      each src/rules/NAME.c with `const struct rule rule_NAME`
# Files that define none are helpers. A name that is not its file's is an error.
set -eu
case $1 in
command) struct=command prefix=cmd_ header=cmd/cmd.h table=commands ;;
rule) struct=rule prefix=rule_ header=rules/rule.h table=rules ;;
*) exit 2 ;;
esac
shift
names=
for file in "$@"; do
    name=$(sed -n "s/^const struct $struct \(${prefix}[a-z0-9_]*\) = .*/\1/p" "$file")
    [ -n "$name" ] || continue
    want=$prefix$(basename "$file" .c | tr - _)
    [ "$name" = "$want" ] || { echo "$file: defines $name, must define $want" >&2; exit 1; }
    names="$names $name"
done
echo "/* Made by scripts/registry.sh. */"
echo "#include \"$header\""
echo "#include <stddef.h>"
for name in $names; do echo "extern const struct $struct $name;"; done
echo "const struct $struct *const ${table}[] = {"
for name in $names; do echo "    &$name,"; done
echo "    NULL,"
echo "};"
