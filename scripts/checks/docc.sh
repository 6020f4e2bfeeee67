#!/usr/bin/env bash
# Checks the documentation of the library AddNorm: DocC makes it without a warning, and nothing public is without a comment.
# Needs a build: swift build -c release. Usage: docc.sh [OUTPUT]    (leaves the pages there; default: nowhere)
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
toolchain=$(dirname "$(readlink -f "$(command -v swift)")")
triple=$(swift -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)".*/\1/p')

modules=$(swift build -c release --show-bin-path)
includes=(-I "$modules/Modules" -I "$modules/CKernels.build")
for map in Sources/*/module.modulemap; do includes+=(-I "$(dirname "$map")"); done
"$toolchain/swift-symbolgraph-extract" -module-name AddNorm -minimum-access-level public -skip-synthesized-members \
    -target "$triple" "${includes[@]}" -output-dir "$work"

python3 - "$work/AddNorm.symbols.json" <<'PYTHON'
import json, sys
symbols = json.load(open(sys.argv[1]))["symbols"]
bare = sorted(".".join(s["pathComponents"]) for s in symbols if "docComment" not in s)
if bare: sys.exit("public, but without a documentation comment: " + ", ".join(bare))
print(f"{len(symbols)} public declarations, all with a documentation comment")
PYTHON

"$toolchain/docc" convert Sources/Library/AddNorm.docc --additional-symbol-graph-dir "$work" \
    --fallback-display-name AddNorm --fallback-bundle-identifier AddNorm --warnings-as-errors \
    --output-path "${1:-$work/pages}"
