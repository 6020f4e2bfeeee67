#!/usr/bin/env bash
# Installs the system libraries that are missing, with their headers: OpenBLAS, SQLite, libcrypto and zlib, and pkg-config, which
# finds them. On macOS, SQLite and SHA-256 come with the system. Arguments are other packages of Debian and Ubuntu.
set -euo pipefail

install_with_apt() {
    local missing=() package
    for package in libopenblas-dev libsqlite3-dev libssl-dev zlib1g-dev pkg-config "$@"; do
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "==> Installing ${missing[*]}"
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "Not root, and no sudo: run 'apt-get install ${missing[*]}' as root." >&2; exit 1; }
        sudo=(sudo)
    fi
    "${sudo[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq "${missing[@]}" >/dev/null
}

install_with_brew() {
    local formula
    command -v brew >/dev/null || { echo "No 'brew' on the PATH: install Homebrew from https://brew.sh" >&2; exit 1; }
    for formula in openblas zlib pkgconf; do
        brew list --versions "$formula" >/dev/null || brew install --quiet "$formula"
    done
}

if [ "$(uname -s)" = Darwin ]; then
    install_with_brew
elif command -v dpkg-query >/dev/null; then
    install_with_apt "$@"
else
    echo "Neither Debian, Ubuntu nor macOS: the build needs OpenBLAS, SQLite, libcrypto and zlib with their headers, and pkg-config." >&2
fi
command -v swift >/dev/null || { echo "No 'swift' on the PATH: install Swift 6.1 or later from https://swift.org/install" >&2; exit 1; }
