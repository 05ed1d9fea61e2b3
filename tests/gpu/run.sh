#!/usr/bin/env bash
# What only a GPU can show, to be run wherever there is one: a sweep on the GPU learns what it learns on the CPU, a killed
# run goes on and ends where an undisturbed one ends, to the bit where a recipe asks for that, memory that runs out costs no
# run, two devices learn what one learns, and how fast it is.
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

# One stage, whose numbers are read from the log of its curve.
ranks=$here/../e2e/ranks.toml
one_stage() {  # STORE DEVICES [OPTION...]
  local store=$1 devices=$2
  shift 2
  "$saucier" run "$ranks" --store "$work/$store/saucier.db" --devices "$devices" "$@" > "$work/$store.out" 2>> "$work/$store.err" || { cat "$work/$store.err"; exit 1; }
}
one_stage same "$device"
one_stage again "$device"
if diff <(losses same) <(losses again) > /dev/null; then
  echo "ok      deterministic = true: two runs, the same bits"
else
  echo "failed  deterministic = true: two runs differ"
  failed=1
fi

second=$([ "$device" = cpu ] && echo cpu || echo $((device + 1)))
if [ "$device" = cpu ] || nvidia-smi -i "$second" > /dev/null 2>&1; then
  one_stage two "$device+$second"
  tolerance=1e-4 compare "two devices and one" same two
  one_stage shards "$device+$second" --set stage.align.shard_optimizer=true
  tolerance=1e-4 compare "the optimizer in shards" same shards
else
  echo "skipped two devices: there is one"
fi

# A batch that no device holds at once: it ends, in pieces.
if [ "$device" != cpu ]; then
  one_stage large "$device" --set stage.align.global_batch="${LARGE:-20000}" --set data.captions.scenes.count="${LARGE:-20000}" \
    --set stage.align.trains='["projector", "language_model"]' --set stage.align.micro_batch="${LARGE:-20000}"
  if grep -q "memory ran out" "$work/large.err"; then
    echo "ok      memory ran out, and the stage went on: $(grep -m 1 "memory ran out" "$work/large.err")"
  else
    echo "failed  a batch of ${LARGE:-20000} fits into this device: set LARGE to more"
    failed=1
  fi
fi

"$saucier" query --store "$work/gpu/saucier.db" "select stage, metric, round(avg(value), 4) as mean from curve where metric in ('mfu', 'samples_per_second', 'tokens_per_second', 'memory_megabytes') group by 1, 2 order by 1, 2"
exit "$failed"
