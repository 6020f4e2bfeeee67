#!/usr/bin/env python3
"""Checks that every link between the pages of this repository leads somewhere: to a file, and to a heading of it.

    scripts/checks/links.py

Prints the links that do not, and ends with status 1 if there are any. Links to other places are not followed.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Code is no text: a link in it is none, and a line with a # is no heading.
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def text(page):
    return CODE.sub("", page.read_text(encoding="utf-8"))


def anchors(page):
    """The names that GitHub gives to headings: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.*)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# Neither what was built, nor models.
pages = [page for page in ROOT.rglob("*.md") if not re.search(r"(^|/)\.|^models/", str(page.relative_to(ROOT)))]
broken = []
for page in sorted(pages):
    for link in LINK.findall(re.sub(r"`[^`\n]*`", "", text(page))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if re.match(r"[a-z]+:", link) or (target.exists() and (not anchor or anchor in anchors(target))):
            continue
        broken.append(f"{page.relative_to(ROOT)}: {link}")
print("\n".join(broken) or "all links lead somewhere")
sys.exit(bool(broken))
