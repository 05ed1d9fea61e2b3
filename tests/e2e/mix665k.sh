#!/usr/bin/env bash
# A stand-in of LLaVA 1.5's ten sets, 1,990 rows of them, checked, prepared and trained on: what was really drawn is what the
# sets' sizes ask for, and every sample is prepared once.
#
#   mix665k.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
saucier=$build/saucier

fail() { echo "$1"; exit 1; }
ask() { "$saucier" query --store "$work/saucier.db" --csv "$1" | tail -n +2 | tr -d '\r'; }

python3 "$here/../tools/mix665k.py" "$work/data" --share 0.003 --pictures one --parts
said=(--set "variables.data=$work/data")
for file in "$work"/data/mix665k/*.json; do
  said+=(--set "data.$(basename "$file" .json).expected_samples=$(grep -c '^{' "$file")")
done
"$saucier" check "$here/mix665k.toml" "${said[@]}"
"$saucier" run "$here/mix665k.toml" --store "$work/saucier.db" "${said[@]}" > "$work/out" 2> "$work/err" || { cat "$work/err"; exit 1; }

[ "$(ask "select count(*), sum(draws), sum(samples), sum(dropped), max(abs(draws - asked * 256)) < 1 from drawn")" = 10,256,256,0,1 ] ||
  fail "drawn otherwise than asked: $(ask "select source, asked, draws, samples, dropped from drawn")"
[ "$(ask "select source from drawn where pictures = 0")" = sharegpt ] || fail "sets without pictures: $(ask "select source from drawn where pictures = 0")"
[ "$(ask "select count(*) from drawn where source != 'sharegpt' and pictures != samples")" = 0 ] || fail "a row has not one picture"
[ "$(ask "select count(*) from drawn where not (learned_tokens between 1 and tokens)")" = 0 ] || fail "a set is not learned from"

# Its copy for other programs says how it was trained to talk.
"$saucier" export --model mix665k-1 "$work/model" --store "$work/saucier.db" > "$work/out"
grep -q '"USER: "' "$work/model/chat_template.jinja" || fail "no chat template in the export"
python3 - "$work/model" <<'END' || fail "tokenizer_config.json has another chat template"
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
sys.exit(json.loads((folder / "tokenizer_config.json").read_text())["chat_template"] != (folder / "chat_template.jinja").read_text())
END

# A set that is short of a row stops the run before anything is trained.
if "$saucier" run "$here/mix665k.toml" --store "$work/other/saucier.db" "${said[@]}" --set data.vqav2.expected_samples=82_783 > "$work/out" 2> "$work/err"; then
  fail "a short set was trained on"
fi
grep -q "it holds 248 samples, the recipe expects 82783" "$work/err" || { cat "$work/err"; exit 1; }
