#!/usr/bin/env bash
# Runners and workers killed at random moments (kill -9): the same command goes on, and in the end the store holds the
# same scores, predictions and losses, to the bit, as a run that nobody disturbed. Then everything is cached.
#
#   interrupted.sh BUILD_FOLDER [KILLS [RECIPE [SECONDS]]]      each kill comes within SECONDS (default 6)
set -euo pipefail
build=$(realpath "$1")
kills=${2:-4}
here=$(dirname "$(realpath "$0")")
recipe=${3:-$here/tiny.toml}
within=${4:-6}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
saucier=$build/saucier

content() {  # what must be equal
  "$saucier" query --store "$1" --csv "select trial, stage, benchmark, condition, metric, value, stderr, n from trial_score order by 1, 2, 3, 4, 5"
  "$saucier" query --store "$1" --csv "select trial, stage, benchmark, condition, sample, answer, correct from prediction_detail order by 1, 2, 3, 4, 5"
  "$saucier" query --store "$1" --csv "select trial, stage, step, value from curve where metric in ('loss', 'gradient_norm', 'validation_loss', 'skipped_steps') order by 1, 2, 3, 4"
}

"$saucier" run "$recipe" --store "$work/calm/saucier.db" > "$work/calm.out" 2> "$work/calm.err" || { cat "$work/calm.err"; exit 1; }

RANDOM=${SEED:-17}
for ((i = 1; i <= kills; ++i)); do
  setsid "$saucier" run "$recipe" --store "$work/killed/saucier.db" > "$work/killed.out" 2>> "$work/killed.err" &
  runner=$!
  sleep "$((RANDOM % within)).$((RANDOM % 10))"
  victim=$runner
  if ((i % 2 == 0)); then
    worker=$(cat /proc/"$runner"/task/*/children 2> /dev/null | tr ' ' '\n' | head -n 1)
    victim=${worker:-$runner}
  fi
  kill -9 "$victim" 2> /dev/null || true
  echo "killed $([ "$victim" = "$runner" ] && echo the runner || echo the worker) at: $(tail -n 1 "$work/killed.err")"
  wait "$runner" 2> /dev/null || true
done
"$saucier" run "$recipe" --store "$work/killed/saucier.db" > "$work/killed.out" 2>> "$work/killed.err" || { cat "$work/killed.err"; exit 1; }

diff <(content "$work/calm/saucier.db") <(content "$work/killed/saucier.db") || { echo "the interrupted run came out differently"; exit 1; }

"$saucier" run "$recipe" --store "$work/killed/saucier.db" > "$work/again.out" 2> "$work/again.err"
grep -q " done in " "$work/again.err" && { echo "a finished stage ran again"; cat "$work/again.err"; exit 1; }
diff "$work/killed.out" "$work/again.out" || { echo "the table changed"; exit 1; }
echo "$kills kills: same scores, predictions and losses; run again: all cached"
