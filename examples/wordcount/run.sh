#!/bin/sh
# Counts the words of a file with RANKS processes (default 6) on the nodes of the running cluster and
# compares the result with what tr, sort and uniq say. Prints the difference if there is one.
# Usage: run.sh [--consistency M] [--manager K] [--unit U] [FILE]
here=$(dirname "$(realpath "$0")")
gshm="node $here/../../dist/ts/cli/main.js"
options=
while [ "${1#--}" != "${1-}" ]; do
  options="$options $1 $2"
  shift 2 || exit 2
done
file=$(realpath "${1:-/usr/share/common-licenses/GPL-3}")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
LC_ALL=C
export LC_ALL
tr -cs A-Za-z '\n' <"$file" | sort | uniq -c >"$tmp/expected"
# Two ranks at least, because with one gshm run prints no rank before each line.
$gshm run -n "${RANKS:-6}" -- "$here/rank.sh" $options "$file" >"$tmp/lines" || exit 1
sed -n 's/^\[0\] //p' "$tmp/lines" >"$tmp/found"
diff "$tmp/expected" "$tmp/found" || exit 1
echo "$(wc -l <"$tmp/found") different words in $file: the same as tr, sort and uniq count"
