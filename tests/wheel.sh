#!/usr/bin/env bash
# The wheel in an empty environment and an empty folder, no checkout near: the README's commands and its Python section.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=$(realpath -s "${PYTHON:-$root/.venv/bin/python}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m pip wheel -q --no-deps --wheel-dir "$folder/wheels" "$root"
"$python" -m venv "$folder/venv"
echo "installing $(basename "$folder"/wheels/*.whl) into an empty environment ..."
"$folder/venv/bin/python" -m pip install -q "$(echo "$folder"/wheels/*.whl)[export]"
cp -r "$root/ecgan_tf/data/earth_tiles/val/labels" "$folder/layouts"
mkdir "$folder/empty" && cd "$folder/empty"
export PATH="$folder/venv/bin:$PATH" PYTHONNOUSERSITE=1
unset PYTHONPATH
ecgan --help > help.txt
ecgan train --config=ecgan_earth_tiles:toy --workdir=r
ecgan export --run=r --output=e --targets=saved_model,onnx
ecgan synthesize --model=e/model_float32.onnx --labels="$folder/layouts" --output=pictures
ecgan evaluate --model=r --output=evaluated
python - "$root/README.md" << 'PYTHON'
import re, sys
code = re.search(r"## From Python\n+```python\n(.*?)```", open(sys.argv[1]).read(), re.S)[1]
import ecgan_tf
assert "site-packages" in ecgan_tf.__file__, ecgan_tf.__file__
exec(code)
PYTHON
test "$(ls pictures | wc -l)" -eq "$(ls "$folder/layouts" | wc -l)"
echo "the wheel works: 1 passed, 0 failed"
