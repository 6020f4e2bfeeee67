#!/usr/bin/env bash
# Whether processors compute the same, bit for bit: all vector loops (processors.c), what a model answers, with one thread and two, and what a training
# leaves. This one is compared with others that QEMU stands in for: Haswell has AVX2 with FMA, and nothing beyond, Nehalem neither of them; arm64 runs the
# loops alone. On Debian or Ubuntu, x86-64; some minutes. With AVX-512 here, all that the loops are compiled for is compared.
# Needs a build of the program: swift build -c release. Installs QEMU and the libraries for arm64 that are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

scripts/setup/install-dependencies.sh qemu-user gcc-aarch64-linux-gnu
program=$(swift build -c release --show-bin-path)/addnorm
clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs something as another processor: QEMU says which of its instructions it lacks, which is no error.
as() { qemu-x86_64 -cpu "$@" 2>"$work/errors" || { cat "$work/errors" >&2; return 1; }; }

# Compares what is read with what is in a file.
same() { diff "$2" - >&2 || { echo "$1: not the same" >&2; exit 1; }; echo "$1: the same"; }

for kernel in $(sed -nE 's/^[a-z0-9_]+ (ck_[a-z0-9_]+)\([a-uw-z].*/\1/p' Sources/CKernels/include/*.h); do
    grep -q "\b$kernel(" scripts/checks/processors.c || { echo "scripts/checks/processors.c does not call $kernel" >&2; exit 1; }
done
build() { "$clang" -O2 -I Sources/CKernels/include Sources/CKernels/*.c scripts/checks/processors.c -lm "$@"; }
build -o "$work/loops"
build --target=aarch64-linux-gnu -o "$work/loops-arm64"
"$work/loops" >"$work/hashes"
for processor in Haswell Nehalem; do as "$processor" "$work/loops" | same "loops, $processor" "$work/hashes"; done
qemu-aarch64 -L /usr/aarch64-linux-gnu "$work/loops-arm64" | same "loops, arm64" "$work/hashes"

# On processors without FMA they would be OpenBLAS's.
export ADDNORM_PRODUCTS=tiles
head -n 24 data/reviews/train.tsv >"$work/train.tsv"
head -n 12 data/reviews/test.tsv | cut -f 1 >"$work/texts"
# Trains a small model and prints its SHA-256; the arguments are its folder, and what the program is run by.
train() {
    local folder="$work/$1"
    "${@:2}" "$program" train --train "$work/train.tsv" --dev "$work/train.tsv" --output "$folder" --db "$work/runs.sqlite" \
        --hidden-size 32 --layers 2 --heads 2 --intermediate-size 64 --epochs 2 --threads 2 >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    sha256sum <"$folder/model.safetensors"
}
# The answers of the model; the arguments are a number of threads, and what the program is run by.
predict() { "${@:2}" "$program" predict --model "$work/native" --json --threads "$1" "$work/texts"; }

train native env >"$work/sum"
train Haswell as Haswell | same "a training, Haswell" "$work/sum"
predict 1 env >"$work/answers"
predict 2 env | same "answers, 2 threads" "$work/answers"
for processor in Haswell Nehalem; do
    for threads in 1 2; do predict $threads as $processor | same "answers, $processor, $threads threads" "$work/answers"; done
done

# In 8 bits a model chooses its own products: the same answers by every way to multiply bytes.
unset ADDNORM_PRODUCTS
compress() {
    "${@:2}" "$program" compress --model "$work/native" --output "$work/$1" --calibrate "$work/texts" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    sha256sum <"$work/$1/model.safetensors"
}
compress int8 env >"$work/sum"
ADDNORM_PRODUCTS=tiles compress int8-Haswell as Haswell | same "what is compressed, Haswell" "$work/sum"
predict() { "${@:2}" "$program" predict --model "$work/int8" --json --threads "$1" "$work/texts"; }
predict 1 env >"$work/answers"
for way in vnni avx512 avx2 plain; do
    if ADDNORM_PRODUCTS=$way predict 2 env >"$work/other" 2>"$work/log"; then
        same "answers in 8 bits, $way" "$work/answers" <"$work/other"
    else
        grep "does not have" "$work/log"
    fi
done
for processor in Haswell Nehalem; do predict 2 as $processor | same "answers in 8 bits, $processor" "$work/answers"; done
