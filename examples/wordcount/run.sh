#!/bin/sh
# Counts the words of a file with RANKS processes (default 6) on the nodes of the running cluster and
# compares the result with what tr, sort and uniq say. Prints the difference if there is one.
usage='usage: run.sh [--consistency M] [--manager K] [--unit BYTES] [FILE]'
here=$(dirname "$(realpath "$0")")
gshm="node $here/../../dist/ts/cli/main.js"
fail() {
  echo "run.sh: $1" >&2
  exit 2
}
options=
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) echo "$usage"; exit 0 ;;
    --consistency | --manager | --unit)
      [ $# -ge 2 ] || fail "$1: a value is wanted; $usage"
      options="$options $1 $2"
      shift 2 ;;
    -*) fail "$1: there is no such option; $usage" ;;
    *) break ;;
  esac
done
[ $# -le 1 ] || fail "$2: one file is wanted; $usage"
file=${1:-/usr/share/common-licenses/GPL-3}
[ -f "$file" ] && [ -r "$file" ] || fail "$file: no file that can be read"
file=$(realpath "$file")
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
