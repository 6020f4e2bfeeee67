#!/usr/bin/env bash
# Installs what is missing, then builds and runs every test, in release mode. Arguments go to `swift test`.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup/install-dependencies.sh
echo "==> Building and testing in release mode"
# One build for program and tests; the tests run the program as a process.
swift build -c release --build-tests
swift test -c release --skip-build "$@"
