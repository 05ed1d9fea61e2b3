#!/usr/bin/env bash
# A stage of two processes: its losses are those of one process, it is killed and asked to stop, and ends where an
# undisturbed run of two ends; what fails in the second process is told.
#
#   ranks.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
recipe=$(dirname "$(realpath "$0")")/ranks.toml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
saucier=$build/saucier

run() {  # STORE DEVICES
  "$saucier" run "$recipe" --store "$work/$1/saucier.db" --devices "$2" > "$work/$1.out" 2>> "$work/$1.err"
}
curve() {
  "$saucier" query --store "$work/$1/saucier.db" --limit 0 --csv "select metric, step, value from curve where metric in ('loss', 'gradient_norm', 'validation_loss', 'tokens', 'learned_tokens') order by 1, 2"
}
fail() {
  echo "failed: $1"
  tail -n 20 "$work"/*.err
  exit 1
}

run one cpu || fail "a run of one process"
run two cpu+cpu || fail "a run of two processes"
paste -d , <(curve one) <(curve two) | awk -F , '
  NR > 1 { far = ($3 - $6) / $3; if (far < 0) far = -far; if (far > worst) worst = far; ++rows; if ($1 $2 != $4 $5) bad = 1 }
  END { printf "one process and two: %d numbers, farthest %.2g of their size\n", rows, worst; exit bad || rows < 60 || worst > 1e-5 }' || fail "two processes learn something else"

rank() {  # the process id of the second process of the run under way
  local pid
  for ((i = 0; i < 400; ++i)); do
    pid=$(pgrep -f "$work/$1/work/.*/rank-1/job.json" | head -n 1) && [ -n "$pid" ] && echo "$pid" && return
    sleep 0.05
  done
  return 1
}
"$saucier" run "$recipe" --store "$work/killed/saucier.db" --devices cpu+cpu > /dev/null 2> "$work/killed.err" &
runner=$!
victim=$(rank killed) || fail "no second process"  # which has yet to load its libraries
kill -9 "$victim"
if wait "$runner"; then fail "a run whose second process was killed ended well"; fi
grep -q "rank 1 ended with killed by signal 9 (SIGKILL)" "$work/killed.err" || fail "nobody said that the second process was killed"

"$saucier" run "$recipe" --store "$work/killed/saucier.db" --devices cpu+cpu > /dev/null 2>> "$work/killed.err" &
runner=$!
for ((i = 0; i < 1200; ++i)); do  # until there is a state to go on from
  compgen -G "$work/killed/work/*/resume/state-*" > /dev/null && break
  sleep 0.05
done
kill -INT "$runner" 2> /dev/null || true
wait "$runner" || true
run killed cpu+cpu || fail "a run that goes on"
diff <(curve two) <(curve killed) || fail "the interrupted run came out differently"
pgrep -f "$work/.*/rank-1/job.json" > /dev/null && fail "a second process is left over"
echo "killed and stopped: the same numbers"
