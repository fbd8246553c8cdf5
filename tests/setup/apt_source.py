#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the system's own Debian source entries with another suite in them.

    apt_source.py NUMBER SUITE [TYPE]     the NUMBERth candidate (from 0) as a deb822 stanza; TYPE is
                                          deb (the default) or deb-src

The mirror, its options and its keys stay the user's. Third parties' entries often use Debian's suite
names too, so candidates are ordered by how much they look like Debian's archive; the caller takes
the first one that really has the package. No such candidate: prints nothing, status 1.
"""

import os
import re
import sys
from pathlib import Path

ETC_APT = Path(os.environ.get("ETC_APT", "/etc/apt"))
DEBIAN_SUITES = {"oldoldstable", "oldstable", "stable", "testing", "unstable", "sid"}
DEBIAN_SUITES |= {"bookworm", "trixie", "forky", "duke"}


def read_deb822(text):
    """Yields one dictionary per stanza; keys in lower case, continuation lines joined by \\n."""
    for block in re.split(r"\n[ \t]*\n", text):
        entry, key = {}, None
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in " \t" and key:
                entry[key] += "\n" + line
            elif ":" in line:
                key, value = line.split(":", 1)
                key = key.strip().lower()
                entry[key] = value.strip()
        if entry:
            yield entry


def read_one_line(text):
    """The same dictionaries out of `deb [options] uri suite components` lines."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^#\s]+)*)", line)
        if not match:
            continue
        options, uri, suite, components = match.groups()
        entry = {"types": "deb", "uris": uri, "suites": suite, "components": components.strip()}
        for option in (options or "").split():
            key, _, value = option.partition("=")
            entry[key.lower()] = value.replace(",", " ")
        yield entry


def read_entries():
    """All source entries of the system, in apt's order of files."""
    files = [ETC_APT / "sources.list", *sorted((ETC_APT / "sources.list.d").glob("*"))]
    for path in files:
        if path.suffix not in (".list", ".sources") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from read_deb822(text) if path.suffix == ".sources" else read_one_line(text)


def is_candidate(entry):
    """An enabled binary entry of a whole Debian suite that has `main`, from a network or a disk."""
    return (
        entry.get("enabled", "yes").lower() not in ("no", "false", "off", "0")
        and "deb" in entry.get("types", "").split()
        and "main" in entry.get("components", "").split()
        and DEBIAN_SUITES & set(entry.get("suites", "").split())
        and not entry.get("uris", "").startswith("cdrom:")
    )


def rank(entry):
    """Small for what looks like Debian's own archive."""
    signed = "debian-archive" in entry.get("signed-by", "")
    path = any(uri.rstrip("/").endswith("/debian") for uri in entry["uris"].split())
    return 2 - signed - path


def main():
    number, suite = int(sys.argv[1]), sys.argv[2]
    kind = sys.argv[3] if len(sys.argv) > 3 else "deb"
    candidates = sorted(filter(is_candidate, read_entries()), key=rank)
    if number >= len(candidates):
        return 1
    entry = candidates[number]
    # Only what says where the archive is and how to trust it.
    kept = ("uris", "signed-by", "trusted", "check-valid-until", "check-date", "by-hash")
    print(f"Types: {kind}\nSuites: {suite}\nComponents: main")
    for key in kept:
        if key in entry:
            print(f"{key}: {entry[key]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
