#!/usr/bin/env bash
# Installs the system libraries that are missing: OpenBLAS, SQLite, libcrypto and zlib, with their headers.
set -euo pipefail

missing=()
for package in libopenblas-dev libsqlite3-dev libssl-dev zlib1g-dev pkg-config; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "==> Installing ${missing[*]}"
    sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "Not root, and no sudo: run 'apt-get install ${missing[*]}' as root." >&2; exit 1; }
        sudo=(sudo)
    fi
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null
fi
command -v swift >/dev/null || { echo "No 'swift' on the PATH: install Swift 6.1 or later from https://swift.org/install" >&2; exit 1; }
