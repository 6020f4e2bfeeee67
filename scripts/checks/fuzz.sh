#!/usr/bin/env bash
# Gives the readers of files inputs that libFuzzer makes, under AddressSanitizer: each format for so many seconds, or a million inputs.
#
#     scripts/checks/fuzz.sh [SECONDS [FORMAT …]]        by default 600 seconds, all formats
#
# Begins with the corpus of the tests, Tests/FuzzTests/Corpus. What was found, an input that crashes, takes ten seconds or 2 GB, is left in .build/fuzz/found;
# once it is mended, it belongs into the corpus.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds="${1:-600}"
shift || true
formats=("$@")
[ ${#formats[@]} -gt 0 ] || formats=(tsv csv jsonl lines gzip json tokenizer config safetensors pytorch pickle checkpoint)

swift build -c release --product Fuzz --scratch-path .build/fuzz -debug-info-format none \
    -Xswiftc -DFUZZING -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=address -Xswiftc -use-ld=lld
fuzz="$(swift build -c release --product Fuzz --scratch-path .build/fuzz --show-bin-path)/Fuzz"
for format in "${formats[@]}"; do
    mkdir -p ".build/fuzz/corpus/$format" .build/fuzz/found
    echo "==> $format"
    FUZZ_TARGET="$format" ASAN_OPTIONS=detect_leaks=0 "$fuzz" -max_total_time="$seconds" -runs=1000000 -timeout=10 -rss_limit_mb=2048 \
        -max_len=65536 -artifact_prefix=".build/fuzz/found/$format-" -print_final_stats=1 \
        ".build/fuzz/corpus/$format" "Tests/FuzzTests/Corpus/$format" 2>".build/fuzz/$format.log" || {
        tail -40 ".build/fuzz/$format.log" >&2
        exit 1
    }
    grep -E "stat::number_of_executed_units|stat::peak_rss_mb|stat::slowest_unit" ".build/fuzz/$format.log"
done
