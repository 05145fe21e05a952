# SPDX-License-Identifier: Apache-2.0
"""Integration tests as plain functions, reported as TAP."""
import contextlib
import errno
import os
import shutil
import sys
import tempfile
import time
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here, with the reason."""


def build_dir():
    return os.environ.get("UCR_BUILDDIR", os.getcwd())


def source_dir():
    return os.environ.get("UCR_SRCDIR", os.path.join(os.path.dirname(__file__), "../.."))


def is_sanitized(program):
    """Built with sanitizers: cannot work confined, and keeps freed memory for a while."""
    with open(os.path.join(build_dir(), "bin", program), "rb") as file:
        return b"__asan_init" in file.read()


def need_fail_points():
    with open(os.path.join(build_dir(), "bin", "ucr-agentd"), "rb") as file:
        if b"UCR_FAIL" not in file.read():
            raise Skip("built without --enable-fail-points")


def eventually(holds, seconds=60, why="it did not happen"):
    """Waits until it does; `why` is a text, or gives one."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, why() if callable(why) else why
        time.sleep(0.02)


@contextlib.contextmanager
def scratch():
    """A directory of the test's own. The supervisor of a command that was killed with its
    container may still be writing down how it ended while the files go: tried again then."""
    work = tempfile.mkdtemp(prefix="ucr-test-")
    try:
        yield work
    finally:
        for attempts_left in reversed(range(50)):
            try:
                shutil.rmtree(work)
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.ENOENT) or not attempts_left:
                    raise
                time.sleep(0.1)


def main(namespace):
    """Runs every test_* of a module with a temporary directory; the words of the command line select by name."""
    words = sys.argv[1:] or [""]
    tests = [(name[5:].replace("_", " "), fn) for name, fn in namespace.items()
             if name.startswith("test_") and any(word in name for word in words)]
    failures = 0
    print(f"1..{len(tests)}", flush=True)
    for number, (name, fn) in enumerate(tests, 1):
        verdict = f"ok {number} - {name}"
        try:
            with scratch() as work:
                fn(work)
        except Skip as reason:
            verdict += f" # SKIP {reason}"
        except Exception:  # pylint: disable=broad-except
            failures += 1
            verdict = "not " + verdict
            for line in traceback.format_exc().splitlines():
                print("#", line)
        print(verdict, flush=True)
    sys.exit(1 if failures else 0)
