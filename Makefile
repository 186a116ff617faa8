# make demo: install, train a small ECGAN, export it, synthesise with the .tflite      make test      make conformance      make lint      make wheel      make studio
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
RUN = runs/demo
EXPORTED = exported/demo
PICTURES = pictures/demo
LAYOUTS = ecgan_tf/data/earth_tiles/val/labels

.PHONY: demo test conformance lint wheel studio
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(BIN)/python train_main.py --config=configs/ecgan_earth_tiles.py --workdir=$(RUN)
	$(BIN)/python -m export --run=$(RUN) --output=$(EXPORTED)
	$(BIN)/python -m ecgan_tf.synthesize --model=$(EXPORTED)/model_float32.tflite --labels=$(LAYOUTS) --output=$(PICTURES)
	@echo
	@echo "What to look at:"
	@echo "  $(RUN)/samples/final.png         label map, edge, first image, final image, photograph"
	@echo "  $(EXPORTED)/comparison.png  Keras against each exported file"
	@echo "  $(EXPORTED)/MODEL_CARD.md   what the model takes, gives and was measured to do"
	@echo "  $(PICTURES)/                  the validation layouts, synthesised by the .tflite"
	@echo "  $(BIN)/tensorboard --logdir $(RUN)/tensorboard"

# A test process that ends without a word ends the run, with its name: pytest-xdist would wait for it for ever.
test: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist=loadfile --no-loadscope-reorder --max-worker-restart=0 -m "not slow" --durations=15

conformance: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist=loadscope --max-worker-restart=0 \
		tests/conformance_test.py tests/training/conformance_test.py tests/learning_test.py tests/contributing_test.py \
		tests/training/cluster_test.py tests/training/accumulation_test.py tests/training/shards_test.py

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: studio
	PYTHON=$(BIN)/python bash tests/wheel.sh

$(VENV)/installed: setup.cfg pyproject.toml
	@echo "installing into $(VENV), which takes a minute or two ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --upgrade pip
	@$(BIN)/python -m pip install -qq --editable ".[export,perceptual,dev]"
	@touch $@

# Of the page that `ecgan studio` serves; needs Node.js 20 or newer.
studio: $(VENV)/installed
	@command -v npm > /dev/null || { echo "make studio needs npm: install Node.js 20 or newer (https://nodejs.org)"; exit 1; }
	cd studio && npm ci --ignore-scripts --no-audit --no-fund && npm run -s build
	@echo "built: $(BIN)/ecgan studio opens it"
