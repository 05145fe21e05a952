#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of this tree that a machine can check, one TAP line each.

Includes go one way only; sizes stay readable; every file says its licence; what leads to
memory errors, name service lookups in static programs or paths joined from untrusted names
is not called."""

import os
import re
import subprocess
import sys

TOP = os.environ.get("UCR_SRCDIR") or os.path.join(os.path.dirname(__file__), "../..")

# folder -> what it may include, beside itself
INCLUDES = {
    "common": [],
    "isolators": ["common"],
    "runtime": ["common", "isolators"],
    "images": ["common"],
    "agentd": ["common", "isolators", "runtime", "images"],
    "masterd": ["common"],
    "ucrctl": ["common", "isolators", "runtime", "images", "agentd"],
}
FOLDERS = list(INCLUDES)
MADE = ("config.h",)  # by ./configure in the source tree
HEADER_LINES = 120
FILE_LINES = 800
FUNCTION_LINES = 80
MAIN_LINES = 60

FORBIDDEN = {
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca)\s*\(": "unbounded or stateful",
    r"\b(system|popen)\s*\(": "runs a shell",
    r"\b(getpwnam|getpwuid|getgrnam|getgrgid|getaddrinfo|gethostbyname)(_r)?\s*\(":
        "loads name service modules into a static program",
    r"\b(atoi|atol|atoll)\s*\(": "takes garbage for a number (use str_to_*)",
    r"\bopen_by_handle_at\s*\(": "leaves every root",
    r"(?<![a-z_])open\s*\([^)]*[\"']%s": "joins a path as a string",
}
# Of ucr-report, which is dynamic for its sake.
LOOKS_UP_NAMES = ("agentd/report-resolve.c",)


def tracked(*suffixes):
    found = []
    for folder, dirs, names in os.walk(TOP):
        rel = os.path.relpath(folder, TOP)
        if rel != "." and "config.status" in names:  # a build, wherever it was made
            dirs[:] = []
            continue
        if rel == ".":
            dirs[:] = [d for d in dirs if not d.startswith(".") or d == ".ci"]
            dirs[:] = [d for d in dirs if d not in ("build", "autom4te.cache", "build-aux", "bin",
                                               "_build", "_inst")]  # of make distcheck
        dirs[:] = [d for d in dirs if d not in ("__pycache__", "corpus", ".deps")]
        for name in names:
            path = os.path.normpath(os.path.join(rel, name))
            if path.endswith(suffixes) and path not in MADE:
                found.append(path)
    return sorted(found)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def c_files():
    return [p for p in tracked(".c", ".h") if p.split(os.sep)[0] in FOLDERS + ["tests"]]


def check_includes():
    for path in c_files():
        folder = path.split(os.sep)[0]
        if folder not in INCLUDES:
            continue
        allowed = INCLUDES[folder] + [folder]
        for name in re.findall(r'^#include "([^"]+)"', read(path), re.M):
            if "/" not in name:
                if name not in ("config.h",):
                    yield f'{path}: #include "{name}" does not name its folder'
            elif name.split("/")[0] not in allowed:
                yield f"{path}: {folder}/ must not include {name}"


def check_headers():
    for path in c_files():
        if not path.endswith(".h"):
            continue
        text = read(path)
        lines = text.count("\n")
        if lines > HEADER_LINES:
            yield f"{path}: {lines} lines, at most {HEADER_LINES}"
        if path.startswith("tests"):
            continue
        guard = "UCR_" + re.sub(r"[^A-Z0-9]", "_", path.upper().replace(os.sep, "_"))
        if f"#ifndef {guard}\n#define {guard}\n" not in text:
            yield f"{path}: the guard is not {guard}"


def check_files():
    for path in c_files():
        lines = read(path).count("\n")
        if lines > FILE_LINES:
            yield f"{path}: {lines} lines, at most {FILE_LINES}"


def functions(text):
    """(name, first line, length) of each function: kernel layout puts its braces in column 1."""
    lines = text.split("\n")
    start = None
    name = ""
    for number, line in enumerate(lines):
        if line == "{" and start is None:
            head = number
            while head > 0 and lines[head - 1] and not lines[head - 1].startswith(("#", "}", "/")) \
                    and not lines[head - 1].endswith((";", "*/")):
                head -= 1
            found = re.search(r"(\w+)\(", " ".join(lines[head:number]))
            name = found.group(1) if found else "?"
            start = head
        elif line.startswith("}") and start is not None:
            yield name, start + 1, number - start + 1
            start = None


def check_functions():
    for path in c_files():
        if not path.endswith(".c"):
            continue
        for name, line, length in functions(read(path)):
            most = MAIN_LINES if name == "main" else FUNCTION_LINES
            if length > most:
                yield f"{path}:{line}: {name}() has {length} lines, at most {most}"


def check_spdx():
    files = tracked(".c", ".h", ".py", ".sh", ".am", ".ac", ".scd")
    for path in files:
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(read(path).split("\n")[:5]):
            yield f"{path}: no SPDX line at the top"


def strip_comments(text):
    return re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)


def check_forbidden():
    for path in c_files():
        if path.startswith("tests"):
            continue
        for number, line in enumerate(strip_comments(read(path)).split("\n"), 1):
            for pattern, why in FORBIDDEN.items():
                if re.search(pattern, line) and not (
                        path in LOOKS_UP_NAMES and "name service" in why):
                    yield f"{path}:{number}: {why}: {line.strip()}"


def check_words():
    """Files that are nobody's, and text that leads out of the tree."""
    for path in tracked(".c", ".h", ".py", ".sh", ".md", ".am", ".ac", ".scd"):
        if os.path.basename(path) in ("utils.c", "utils.h", "misc.c", "helpers.c"):
            yield f"{path}: name it after what it does"
        for number, line in enumerate(read(path).split("\n"), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line) and "lint.py" not in path:
                yield f"{path}:{number}: unfinished: {line.strip()}"


def check_format():
    """clang-format agrees (skipped where it is missing)."""
    files = [p for p in c_files() if "corpus" not in p]
    try:
        run = subprocess.run(["clang-format", "--dry-run", *files], cwd=TOP,
                             capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return
    seen = set()
    for line in run.stderr.split("\n"):
        found = re.match(r"(\S+?):(\d+):\d+: warning: code should be clang-formatted", line)
        if found and found.group(1) not in seen:
            seen.add(found.group(1))
            yield f"{found.group(1)}:{found.group(2)}: clang-format would change it"


CHECKS = [
    ("includes go one way", check_includes),
    ("headers are short and guarded", check_headers),
    ("files are short", check_files),
    ("functions are short", check_functions),
    ("every file says its licence", check_spdx),
    ("nothing forbidden is called", check_forbidden),
    ("nothing is left unfinished", check_words),
    ("clang-format agrees", check_format),
]


def main():
    print(f"1..{len(CHECKS)}")
    failed = 0
    for number, (what, check) in enumerate(CHECKS, 1):
        complaints = list(check())
        for complaint in complaints:
            print(f"# {complaint}")
        failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {number} - {what}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
