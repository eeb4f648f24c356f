#!/bin/sh
# One rank of the example: the first half of the ranks in C, the others in Node.js.
here=$(dirname "$(realpath "$0")")
root=$(dirname "$(dirname "$here")")
if [ $((GSHM_RANK * 2)) -lt "${GSHM_RANKS:-1}" ]; then
  exec "${GSHM_BUILD_DIR:-$root/build/Release}/wordcount" "$@"
fi
exec node "$root/dist/examples/wordcount/wordcount.js" "$@"
