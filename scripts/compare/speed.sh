#!/usr/bin/env bash
# Compares addnorm's speed and memory with PyTorch, ONNX Runtime, OpenVINO and Hugging Face's tokenizers on this machine, in turn
# (A B A B …), and prints the medians of five rounds, with the range of the ratios.
#
#     scripts/compare/speed.sh [MODEL [DATA.tsv [--rows float32 bf16 int8 base] [--rounds 5]]]    by default MiniLM-L6 and the reviews
#
# All rows of five rounds take about an hour, and the machine should be idle. `speed.py` says what the rows are.
set -euo pipefail
cd "$(dirname "$0")/../.."
model="${1:-models/minilm-l6}"
data="${2:-data/reviews/train.tsv}"

scripts/setup/install-dependencies.sh
[ $# -gt 0 ] || scripts/setup/fetch-pretrained.sh "$model"
swift build -c release --product addnorm

# Left where it is: the next comparison begins at once.
environment=.build/compare
if [ ! -x "$environment/bin/python" ]; then
    python3 -m venv "$environment" || { echo "Python has no venv: apt-get install python3-venv" >&2; exit 1; }
fi
pip=("$environment/bin/python" -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" torch==2.15.0 transformers==5.24.0 onnx==1.23.2 onnxruntime==1.32.0
"${pip[@]}" openvino==2026.4.1 nncf==3.4.0 || echo "OpenVINO could not be installed, and is left out" >&2
exec "$environment/bin/python" scripts/compare/speed.py "$model" "$data" "${@:3}"
