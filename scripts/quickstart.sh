#!/usr/bin/env bash
# From a fresh clone to a trained classifier: installs what is missing, builds, fetches a small pretrained encoder if that can be
# had, trains on the reviews in this repository, evaluates on its test file, classifies two sentences, and shows the run. Safe
# to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup/install-dependencies.sh
echo "==> Building in release mode (some minutes the first time)"
# Information for debuggers would take a tenth of the time.
swift build -c release --product addnorm -debug-info-format none
addnorm="$(swift build -c release --show-bin-path)/addnorm"
model=models/reviews

pretrained=models/minilm-l6
if scripts/setup/fetch-pretrained.sh "$pretrained"; then
    echo "==> Fine-tuning the pretrained encoder $pretrained on data/reviews/train.tsv"
    set -- --model "$pretrained"
else
    echo "==> No pretrained encoder could be had: training a new one on data/reviews/train.tsv, which is less accurate"
    set --
fi
"$addnorm" train "$@" --train data/reviews/train.tsv --dev data/reviews/dev.tsv --output "$model" --overwrite

echo "==> Evaluating on data/reviews/test.tsv, which the model has not seen"
"$addnorm" evaluate --model "$model" data/reviews/test.tsv

echo "==> Classifying two sentences"
"$addnorm" predict --model "$model" \
    --text 'Great food and friendly staff, we had a wonderful evening.' \
    --text 'A boring film, and such a waste of a good cast.'

echo "==> The runs so far, from addnorm.sqlite"
"$addnorm" runs list --limit 5

echo "==> Next: $addnorm --help"
