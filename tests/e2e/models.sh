#!/usr/bin/env bash
# A model put together from recipes/models/reader, recipes/models/tower, a projector and an adapter, and what the command
# line does with it: logits, questions, a conversation, and export in each layout. What was exported is understood by
# import, and its logits are those of the model that it was made of.
#
#   models.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
saucier=$build/saucier

fail() { echo "$1"; exit 1; }
equal() { python3 "$here/model_files.py" compare "$1" "$2" "$3"; }
no_problem() {  # import finds every part and nothing missing
  "$saucier" import "$1" --json | python3 -c 'import json, sys; told = json.load(sys.stdin); sys.exit(told["problems"] != [] and str(told["problems"]))' ||
    fail "import of $1 lists problems"
}

python3 "$here/model_files.py" projector projector.safetensors 128 192
python3 "$here/model_files.py" adapter adapter 192 4
"$saucier" scenes scenes --count 1 --image-size 80 2> /dev/null
picture=$(find "$PWD/scenes" -name '*.png' | head -n 1)
model=(--model "$root/recipes/models/reader" --vision-tower "$root/recipes/models/tower" --projector projector.safetensors)
asked=(--prompt "<image> How many foxes are there?" --image "$picture")

# Logits: of ids those of the text they are the ids of, with and without what lies inside.
"$saucier" logits "${model[@]}" "${asked[@]}" --out plain.safetensors
"$saucier" logits "${model[@]}" "${asked[@]}" --hidden --pixels --out whole.safetensors
equal plain.safetensors whole.safetensors 0
ids=$(python3 "$here/model_files.py" ids plain.safetensors)
"$saucier" logits "${model[@]}" --ids "$ids" --image "$picture" --out by_ids.safetensors
equal plain.safetensors by_ids.safetensors 0
python3 "$here/model_files.py" names whole.safetensors > names
for name in input_ids logits hidden.0 hidden.4 vision.features projected pixel_values; do
  grep -qx "$name" names || fail "logits --hidden --pixels wrote no '$name'"
done
"$saucier" logits "${model[@]}" "${asked[@]}" --adapter adapter --out adapted.safetensors
equal plain.safetensors adapted.safetensors 1e-3 2> /dev/null && fail "the adapter changes nothing"

# A picture's id as often as it has tokens, and no other number of times; a model without a tokenizer takes ids alone.
asked_ids() { "$saucier" logits "$@" --out refused.safetensors 2> refused && fail "not refused: $*"; cat refused; }
asked_ids "${model[@]}" --ids 1,2,2,3 --image "$picture" | grep -q "the picture's id 2 stands 2 times in a row, the pictures for it have 25 tokens" ||
  fail "ids with two of a picture's tokens: $(cat refused)"
run=$(printf '2,%.0s' $(seq 25))
"$saucier" logits "${model[@]}" --ids "1,${run}3" --image "$picture" --out run.safetensors
"$saucier" logits "${model[@]}" --ids 1,2,3 --image "$picture" --out one.safetensors
equal run.safetensors one.safetensors 0
data=$root/tests/data/model
"$saucier" logits --model "$data/llama" --ids 1,5,7 --out bare.safetensors
asked_ids --model "$data/llama" --prompt "A fox" | grep -q "has neither tokenizer.json nor tokenizer.model" || fail "a text without a tokenizer: $(cat refused)"
asked_ids --model "$data/llava" --ids 1,5,7 --image "$picture" | grep -q "no tokenizer to say which id stands for a picture" || fail "a picture without a tokenizer: $(cat refused)"
cp -r "$data/llava_next" other_grid
sed -i 's/"image_grid_pinpoints": \[/&[48, 48],/' other_grid/preprocessor_config.json
asked_ids --model other_grid --ids 1,5,7 | grep -q "'image_grid_pinpoints' of config.json and of preprocessor_config.json are not the same" ||
  fail "two grids: $(cat refused)"

# Answers: one a question, the same on standard input; what was said before counts there.
talk=("${model[@]}" --image "$picture" --template plain --max-new-tokens 8)
"$saucier" ask "${talk[@]}" "A fox" "A red cube" > answers
[ "$(wc -l < answers)" = 2 ] || fail "ask did not answer two questions in two lines"
printf 'A fox\n\nA red cube\n' | "$saucier" ask "${talk[@]}" > conversation
[ "$(wc -l < conversation)" = 2 ] || fail "a conversation of two turns has not two answers"
[ "$(head -n 1 answers)" = "$(head -n 1 conversation)" ] || fail "the first turn is answered otherwise than the question alone"

# Copies for other programs.
for layout in transformers original; do
  "$saucier" export "${model[@]}" "$layout" --layout "$layout"
  no_problem "$layout"
  "$saucier" logits --model "$layout" "${asked[@]}" --out "$layout.safetensors"
  equal plain.safetensors "$layout.safetensors" 1e-5
done
grep -q '"model_input_names"' transformers/tokenizer_config.json || fail "its tokenizer would make inputs that generate() refuses"
"$saucier" export "${model[@]}" small --bfloat16
no_problem small
"$saucier" logits --model small "${asked[@]}" --out small.safetensors
equal plain.safetensors small.safetensors 0.05

# The adapter over the copy, merged into one, and written again.
"$saucier" logits --model transformers --adapter adapter "${asked[@]}" --out over.safetensors
equal adapted.safetensors over.safetensors 1e-5
"$saucier" export --model transformers --adapter adapter merged
no_problem merged
"$saucier" logits --model merged "${asked[@]}" --out merged.safetensors
equal adapted.safetensors merged.safetensors 1e-5
"$saucier" export --model transformers --adapter adapter again --layout adapter
no_problem again
grep -q '"base_model_name_or_path": *"transformers"' again/adapter_config.json || fail "the adapter does not name its base"
"$saucier" logits --model transformers --adapter again "${asked[@]}" --out again.safetensors
equal adapted.safetensors again.safetensors 1e-5

# What fails leaves nothing behind.
"$saucier" export "${model[@]}" nothing --layout adapter 2> refused && fail "a model without an adapter was exported as one"
grep -q "the model has no adapter" refused || fail "not refused for its adapter"
[ -z "$(find . -maxdepth 1 -name 'nothing*')" ] || fail "a refused export left a folder"
echo "logits, answers and copies in three layouts agree"
