#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages of this build are well formed, and say all that the programs can do."""

import os
import re
import shutil
import subprocess
import sys

BUILD = os.environ.get("UCR_BUILDDIR", os.getcwd())
SOURCE = os.environ.get("UCR_SRCDIR", os.path.join(os.path.dirname(__file__), "../.."))
PAGES = {"ucrctl.1": "ucrctl", "ucr.8": "ucr", "ucr-agentd.8": "ucr-agentd"}
SECTIONS = ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "VERBS", "EXIT STATUS",
            "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO")
# What scdoc writes into every page, whatever its source.
HABITS = re.compile(r"skipping paragraph macro|input text line longer than 80 bytes|"
                    r"lower case character in document title")


def find(page):
    """Made by this build, or brought along by a release."""
    for tree in (BUILD, SOURCE):
        path = os.path.join(tree, "man", page)
        if os.path.exists(path):
            return path
    return None


def complaints(path):
    said = subprocess.run(["mandoc", "-T", "lint", path], capture_output=True, text=True,
                          check=False)
    return [line for line in (said.stdout + said.stderr).splitlines()
            if not HABITS.search(line)]


def help_of(program):
    return subprocess.run([os.path.join(BUILD, "bin", program), "--help"],
                          capture_output=True, text=True, check=True).stdout


def missing(path, program):
    """Sections, verbs and options that the page as it is shown has not."""
    shown = subprocess.run(["mandoc", "-T", "ascii", path], capture_output=True, text=True,
                           check=True).stdout
    shown = re.sub(".\b", "", shown)
    said = help_of(program)
    verbs = re.findall(r"^  ([a-z]+)(?:  |$)", said, re.MULTILINE)
    words = [(section, rf"^{section}$") for section in SECTIONS if verbs or section != "VERBS"]
    words += [(verb, rf"^ +{program} {verb}\b") for verb in verbs]
    words += [(option, rf"{option}\b") for option in re.findall(r"^ .*(--[a-z-]+)", said, re.MULTILINE)]
    return [f"{name} is missing" for name, pattern in words
            if not re.search(pattern, shown, re.MULTILINE)]


def report(number, name, found):
    for line in found:
        print("#", line)
    print(f"{'not ok' if found else 'ok'} {number} - {name}", flush=True)


def main():
    if not shutil.which("mandoc"):
        print("1..0 # SKIP mandoc is not installed")
        sys.exit(0)
    paths = {page: find(page) for page in PAGES}
    if not all(paths.values()):
        print("1..0 # SKIP scdoc was missing: no manual pages were built")
        sys.exit(0)
    print(f"1..{2 * len(PAGES)}")
    for number, (page, program) in enumerate(PAGES.items()):
        report(2 * number + 1, f"{page} is well formed", complaints(paths[page]))
        report(2 * number + 2, f"{page} is complete", missing(paths[page], program))


if __name__ == "__main__":
    main()
