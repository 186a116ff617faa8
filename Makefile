# make demo: install, train a small ECGAN, export it, synthesise with the .tflite      make test      make conformance      make lint      make wheel
PYTHON ?= python3
BIN = .venv/bin
RUN = runs/demo
EXPORTED = exported/demo
PICTURES = pictures/demo
LAYOUTS = ecgan_tf/data/earth_tiles/val/labels

.PHONY: demo test conformance lint wheel
.DELETE_ON_ERROR:

demo: .venv/installed
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

test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist=loadfile -m "not slow" --durations=15

conformance: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist=loadfile tests/conformance_test.py tests/training/conformance_test.py

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: .venv/installed
	bash tests/wheel.sh

.venv/installed: setup.cfg pyproject.toml
	@echo "installing into .venv, which takes a minute or two ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -qq --upgrade pip
	@$(BIN)/python -m pip install -qq --editable ".[export,dev]"
	@touch $@
