# Everything runs in .venv, which the first target that needs it sets up.
# PYTHON: a Python >= 3.11 to make it with. Lava's own Python 3.10 is found by spikeport itself.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt
SEED ?= 0
COUNT ?= 300
WORKERS ?= 1

.PHONY: demo test check golden fuzz architectures seeds zoo test-peers test-browser test-sanitizers generate docs \
	docs-long clean

demo: $(READY)            ## the main job on real digits, compared with real Lava
	$(BIN)/spikeport demo --out out/demo

test: $(READY)            ## all tests
	$(BIN)/python -m pytest -q -p no:cacheprovider

check: $(READY)           ## style, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

golden: $(READY)          ## record the traces in tests/golden/lava again, from real Lava
	$(BIN)/python tests/golden/make_golden.py

fuzz: $(READY)            ## random networks on everything that can run them; SEED=0 COUNT=300 WORKERS=1
	PYTHONPATH=tests $(BIN)/python -m fuzz --seed $(SEED) --count $(COUNT) --workers $(WORKERS)

architectures: $(READY)   ## train a network of every kind on MNIST, export it, ask Lava; DATA=folder of MNIST
	$(BIN)/python benchmarks/architectures.py $(if $(DATA),--root $(DATA)) --json out/architectures.json

seeds: $(READY)           ## train the six founding methods against their figures; DATA=folder of MNIST
	$(BIN)/python benchmarks/seeds.py $(if $(DATA),--root $(DATA)) --json out/seeds.json

zoo: $(READY)             ## every network in models/ again, as a program on hwsim; DATA=folder of the data sets
	$(BIN)/python benchmarks/zoo.py $(if $(DATA),--root $(DATA)) --json out/zoo.json

test-peers: $(READY)      ## real peers: lava-dl (its first run installs about 5 GB), SANA-FE, nir, frameworks, their counters
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/peers

test-browser: $(READY)    ## the report's page in a headless Chromium, and axe-core if npm can fetch it
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/browser

# a copy of the tree whose engine is built with sanitizers; Python itself is not, hence the preload
SANITIZED := build/sanitized
test-sanitizers: $(READY) ## the engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer
	rm -rf $(SANITIZED) && mkdir -p $(SANITIZED)
	cp -r CMakeLists.txt pyproject.toml hwsim snntrain snnexport tests $(SANITIZED)
	rm -f $(SANITIZED)/hwsim/engines/native/_native*
	cmake -S $(SANITIZED) -B $(SANITIZED)/build -DCMAKE_BUILD_TYPE=RelWithDebInfo \
		-DPython_EXECUTABLE=$(abspath $(BIN))/python \
		-Dnanobind_DIR=$$($(BIN)/python -c 'import nanobind; print(nanobind.cmake_dir())') \
		-DCMAKE_CXX_FLAGS='-fsanitize=address,undefined -fno-sanitize-recover=undefined'
	cmake --build $(SANITIZED)/build
	cp $(SANITIZED)/build/_native* $(SANITIZED)/hwsim/engines/native
	cd $(SANITIZED) && ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=. \
		LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libubsan.so)" \
		$(abspath $(BIN))/python tests/sanitized.py tests/hwsim/test_native.py \
		tests/hwsim/test_native_paths.py tests/hwsim/test_native_dense.py \
		tests/hwsim/test_engines_agree.py tests/hwsim/test_simulate.py -k 'not million and not torch'

generate: $(READY)        ## write the compiled engine's neurons again, from hwsim/neurons; then make builds it
	$(BIN)/python -m hwsim.engines.native.generate

docs: $(READY)            ## the documentation as a site in out/docs, and its generated pages
	$(BIN)/python -m hwsim._report.chip_page docs/chips.md
	$(BIN)/python -m snnexport.formats.nir.page docs/nir.md
	$(BIN)/python -m sphinx -qEW -c docs . out/docs
	@echo out/docs/index.html

docs-long: $(READY)       ## run the blocks of the documentation that take minutes; SPIKEPORT_DATA=folder
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/docs/long.py

# the compiled engine, built again when its sources change
$(READY): .venv/.dependencies CMakeLists.txt $(wildcard hwsim/engines/native/src/*)
	$(PIP) --no-deps -e .
	touch $(READY)

# torch first and pinned: then nothing that follows asks for another build of it
.venv/.dependencies: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python >= 3.11 found: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	rm -rf .venv
	$(PYTHON) -m venv .venv
	$(PIP) torch
	SKBUILD_WHEEL_CMAKE=false $(PIP) -e '.[dev,docs]'
	touch $@

clean:                    ## remove what the targets above made
	rm -rf .venv out build
