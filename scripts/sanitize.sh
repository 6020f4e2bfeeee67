#!/usr/bin/env bash
# Runs the whole suite under AddressSanitizer, and then under ThreadSanitizer, in builds of their own; the tests run the program that was built in the same way.
#
#     scripts/sanitize.sh [address|thread …]        by default both
#
# Arguments are the sanitizers. Half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
sanitizers=("$@")
[ ${#sanitizers[@]} -gt 0 ] || sanitizers=(address thread)

scripts/setup/install-dependencies.sh
for sanitizer in "${sanitizers[@]}"; do
    echo "==> The suite under the sanitizer '$sanitizer'"
    options=(-c release --scratch-path ".build/$sanitizer" --sanitize "$sanitizer" -debug-info-format none -Xswiftc -use-ld=lld)
    swift build --build-tests "${options[@]}"
    # What Foundation and SQLite keep for ever is no leak of ours; the tests of processes that are killed load a library before all others, which the sanitizers
    # do not allow.
    ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS="suppressions=$PWD/scripts/checks/thread-sanitizer.txt" \
        swift test --skip-build "${options[@]}" --skip FaultTests
done
