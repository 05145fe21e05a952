#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl run as a normal user with subordinate ids."""
import os
import shutil
import subprocess

import cli
import tap

USER = 12345
CGROUPS = "/sys/fs/cgroup"


class Tester:
    """A user with a root directory of its own."""

    def __init__(self, work):
        if os.geteuid() != 0:
            raise tap.Skip("needs root")
        if not shutil.which("newuidmap"):
            raise tap.Skip("needs newuidmap")
        self.prefix = cli.rootless_prefix(work)
        self.root = os.path.join(work, "root")
        self.archive = os.path.join(work, "busybox.tar")
        os.mkdir(self.root, 0o700)
        os.chown(self.root, USER, USER)
        shutil.copy(cli.busybox_archive(), self.archive)

    def good(self, *args, before=""):
        """What ucrctl says to this user, without a word about cgroups nobody asked for."""
        done = self.done(*args, before=before)
        assert "cgroup" not in done.stderr, done
        return done.stdout

    def done(self, *args, before=""):
        """How ucrctl succeeds; `before` is a line of shell that root runs first."""
        command = [*self.prefix, cli.UCRCTL, "--root", self.root, *args]
        done = subprocess.run(["sh", "-ec", before + '\nexec "$@"', "sh", *command], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=60 * float(os.environ.get("UCR_TEST_SLOW", "1")))
        assert done.returncode == 0, done
        return done


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def delegated_cgroup():
    """A cgroup that was handed to the user, with its own place in it; None without cgroup v2."""
    if not os.path.exists(CGROUPS + "/cgroup.subtree_control"):
        return None
    top = f"{CGROUPS}/ucr-test-{os.getpid()}"
    session = top + "/session"
    write(CGROUPS + "/cgroup.subtree_control", "+pids +memory")
    os.makedirs(session)
    write(top + "/cgroup.subtree_control", "+pids +memory")
    for path in top, session:
        for name in "", "/cgroup.procs", "/cgroup.subtree_control":
            os.chown(path + name, USER, USER)
    return top


def test_run(work):
    """a command runs as root of the image, who is nobody here"""
    tester = Tester(work)
    assert tester.good("run", "--rm", tester.archive, "id", "-u") == "0\n"
    assert tester.good("ps", "-aq") == ""


def test_stats(work):
    """a container without a cgroup has a row all the same, and the reason is told once"""
    tester = Tester(work)
    container = tester.good("run", "-d", "--name", "bare", tester.archive, "sleep", "100").strip()
    try:
        done = tester.done("stats", "--no-stream")
        row = done.stdout.splitlines()[1]
        assert row.split() == [container[:12], "bare", *"-- -- -- / -- -- 0B / 0B -- / -- --".split()], done
        assert done.stderr.count("has no cgroup of its own") == 1, done
        assert "ucrctl info" in done.stderr, done
    finally:
        tester.done("rm", "-f", "bare")


def test_default_limit(work):
    """processes are limited as root's are, where a cgroup was delegated"""
    tester = Tester(work)
    top = delegated_cgroup()
    if not top:
        raise tap.Skip("needs cgroup v2 alone")
    limits = {"usual": "1024", "own": "33", "none": "max"}
    try:
        for name, limit in limits.items():
            options = {"own": ["--pids-limit", "33"], "none": ["--pids-limit", "-1"]}
            container = tester.good("run", "-d", "--name", name, *options.get(name, []),
                                    tester.archive, "sleep", "100",
                                    before=f"echo $$ >{top}/session/cgroup.procs").strip()
            with open(f"{top}/ucr-{container}/pids.max", encoding="ascii") as f:
                assert f.read().strip() == limit, name
        tester.good("rm", "-f", *limits)
    finally:
        os.rmdir(top + "/session")
        os.rmdir(top)


if __name__ == "__main__":
    tap.main(globals())
