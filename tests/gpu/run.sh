#!/usr/bin/env bash
# What only a GPU can show, to be run wherever there is one: a sweep on the GPU learns what it learns on the CPU, a killed
# run goes on and ends where an undisturbed one ends, and how fast it is.
#
#   tests/gpu/run.sh BUILD_FOLDER [DEVICE]      DEVICE: 0 by default; 'cpu' tries the script itself
#
# Losses of the two devices may differ by TOLERANCE of their size (float32; sums are in another order), those of a run that
# was killed and of one that was not by the same. Prints a line a check and leaves with 1 where one fails.
set -euo pipefail
build=$(realpath "$1")
device=${2:-0}
tolerance=${TOLERANCE:-0.01}
here=$(dirname "$(realpath "$0")")
recipe=$here/../e2e/tiny.toml
calm=(--set stage.instruct.on_bad_step=skip --set stage.instruct.spike_factor=1000)  # what is bad by a hair is not on both
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
saucier=$build/saucier
failed=0

run() {  # STORE DEVICE
  "$saucier" run "$recipe" --store "$work/$1/saucier.db" --devices "$2" "${calm[@]}" > "$work/$1.out" 2>> "$work/$1.err"
}
losses() {
  "$saucier" query --store "$work/$1/saucier.db" --csv "select trial, stage, step, value from curve where metric = 'loss' order by 1, 2, 3"
}
compare() {  # NAME STORE STORE
  if paste -d , <(losses "$2") <(losses "$3") | awk -F , -v most="$tolerance" '
      NR > 1 { far = ($4 - $8) / $4; if (far < 0) far = -far; if (far > worst) worst = far; ++rows
               if ($1 $2 $3 != $5 $6 $7) { print "row " NR ": " $0; bad = 1 } }
      END { printf "%d losses, farthest %.2g of their size\n", rows, worst; exit bad || rows == 0 || worst > most }' > "$work/compared"; then
    echo "ok      $1: $(cat "$work/compared")"
  else
    echo "failed  $1: $(cat "$work/compared")"
    failed=1
  fi
}

command -v nvidia-smi > /dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
run cpu cpu || { cat "$work/cpu.err"; exit 1; }
run gpu "$device" || { cat "$work/gpu.err"; exit 1; }
compare "float32 on $device and on the CPU" cpu gpu

for ((i = 1; i <= ${KILLS:-4}; ++i)); do
  setsid "$saucier" run "$recipe" --store "$work/killed/saucier.db" --devices "$device" "${calm[@]}" > "$work/killed.out" 2>> "$work/killed.err" &
  runner=$!
  sleep "$((RANDOM % 6)).$((RANDOM % 10))"
  kill -9 "$runner" 2> /dev/null || true
  wait "$runner" 2> /dev/null || true
done
run killed "$device" || { cat "$work/killed.err"; exit 1; }
compare "killed ${KILLS:-4} times and gone on" gpu killed

"$saucier" query --store "$work/gpu/saucier.db" "select stage, metric, round(avg(value), 4) as mean from curve where metric in ('mfu', 'samples_per_second', 'tokens_per_second', 'memory_megabytes') group by 1, 2 order by 1, 2"
exit "$failed"
