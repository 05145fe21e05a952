#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The linter finds what it is for: each rule is broken once in a tree of its own."""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
GUARD = "#ifndef UCR_COMMON_{0}_H\n#define UCR_COMMON_{0}_H\n"

BROKEN = [
    ("includes go one way", "common/a.c", SPDX + '#include "runtime/runtime.h"\n'),
    ("headers are short and guarded", "common/a.h",
     SPDX + GUARD.format("A") + "int x;\n" * 200 + "#endif\n"),
    ("headers are short and guarded", "common/a.h", SPDX + "#ifndef A\n#define A\n#endif\n"),
    ("files are short", "common/a.c", SPDX + "int x;\n" * 900),
    ("functions are short", "common/a.c",
     SPDX + "int f(void)\n{\n" + "\tx();\n" * 90 + "}\n"),
    ("every file says its licence", "common/a.c", "int x;\n"),
    ("nothing forbidden is called", "common/a.c",
     SPDX + "int f(void)\n{\n\treturn system(x);\n}\n"),
    ("nothing is left unfinished", "common/a.c", SPDX + "/* TO" + "DO */\n"),
]


def lint(tree):
    run = subprocess.run([sys.executable, os.path.join(HERE, "lint.py")],
                         env={**os.environ, "UCR_SRCDIR": tree}, capture_output=True,
                         text=True, check=False)
    return run.returncode, run.stdout


def is_blind_to_builds():
    """What ./configure makes, in the tree or in a folder of it, is nobody's writing."""
    with tempfile.TemporaryDirectory() as tree:
        os.mkdir(os.path.join(tree, "b"))
        for name in ("config.h", "b/config.h", "b/config.status"):
            with open(os.path.join(tree, name), "w", encoding="utf-8") as f:
                f.write("/* made */\n")
        return lint(tree)[0] == 0


def main():
    print(f"1..{len(BROKEN) + 1}")
    for number, (rule, path, text) in enumerate(BROKEN, 1):
        with tempfile.TemporaryDirectory() as tree:
            os.makedirs(os.path.join(tree, os.path.dirname(path)))
            with open(os.path.join(tree, path), "w", encoding="utf-8") as f:
                f.write(text)
            status, said = lint(tree)
        found = status == 1 and any(
            line.startswith("not ok") and line.endswith(rule) for line in said.split("\n"))
        print(f"{'ok' if found else 'not ok'} {number} - {rule}: {path}")
    print(f"{'ok' if is_blind_to_builds() else 'not ok'} {len(BROKEN) + 1} - builds are not read")


if __name__ == "__main__":
    main()
