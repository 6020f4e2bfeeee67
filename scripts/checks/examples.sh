#!/usr/bin/env bash
# Builds the programs of Examples/ as somebody else's packages, and runs them on a model that is trained for it.
# Needs a build of the program: swift build -c release.
set -euo pipefail
cd "$(dirname "$0")/../.."

program=$(swift build -c release --show-bin-path)/addnorm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for row in 'good\tpositive' 'so good\tpositive' 'bad\tnegative' 'so bad\tnegative'; do printf "$row\n"; done >"$work/train.tsv"
"$program" train --train "$work/train.tsv" --dev "$work/train.tsv" --output "$work/model" --db "$work/runs.sqlite" \
    --epochs 40 --hidden-size 16 --layers 1 --heads 2 --intermediate-size 16 --learning-rate 0.005 2>/dev/null >/dev/null

swift build -c release --package-path Examples/classify
example=$(swift build -c release --package-path Examples/classify --show-bin-path)/classify
"$example" "$work/model" 'so good' 'bad' >"$work/answers"
cut -f 1,3 "$work/answers" | diff - <(printf 'positive\tso good\nnegative\tbad\n')
echo "Examples/classify: built, and its answers are right"
