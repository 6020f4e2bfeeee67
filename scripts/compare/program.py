"""What the comparisons share: addnorm as a process, and checks that are counted."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADDNORM = ROOT / ".build/release/addnorm"
failures = 0


def report(what, value, limit):
    """Prints a check, which fails if the value is above its limit."""
    global failures
    ok = value <= limit
    failures += not ok
    print(f"{'ok  ' if ok else 'FAIL'}  {what}: {value:.3g}", flush=True)


def addnorm(*arguments, texts=None, document=False):
    """Runs the program with texts, if any, on its standard input; what it prints, with --json an object for each line, or one document."""
    text = None if texts is None else "".join(t + "\n" for t in texts)
    result = subprocess.run([ADDNORM, *map(str, arguments)], input=text, capture_output=True, text=True, encoding="utf-8")
    if result.returncode:
        sys.exit(f"addnorm {' '.join(map(str, arguments))}:\n{result.stderr}")
    if document:
        return json.loads(result.stdout)
    # A line ends at LF only: texts can contain other Unicode line separators.
    return [json.loads(line) for line in result.stdout.split("\n") if line] if "--json" in arguments else result.stdout


def finish():
    """Ends the script, with status 1 if a check has failed."""
    sys.exit(1 if failures else 0)
