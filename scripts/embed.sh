#!/bin/sh
# Prints C that defines a text file as a string.
#   embed.sh NAME FILE
set -eu
echo "/* Made by scripts/embed.sh. */"
echo "extern const char $1[];"
echo "const char $1[] ="
sed 's/\\/\\\\/g; s/"/\\"/g; s/^/    "/; s/$/\\n"/' "$2"
echo ";"
