#!/usr/bin/env bash
# Trainings and evaluations that are killed before every single call to the file system, or in which that call fails because the disk is full, has
# failed, or a signal came: each has to go on to the same bytes and the same metrics. Half an hour on two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."

swift build -c release --build-tests
ADDNORM_FAULTS=all swift test -c release --skip-build --filter FaultTests
