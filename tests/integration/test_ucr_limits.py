#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits that a container cannot exceed: cgroups and rlimits."""
import tap
import ucrtest

ucrtest.need_root()


def test_memory(work):
    """beyond its memory limit a process is killed; below it is not"""
    with ucrtest.bundle(work) as b:
        b.config["linux"]["resources"] = {"memory": {"limit": 32 << 20, "swap": 32 << 20}}
        b.args("alloc", "8")
        assert b.ucr("run", "a").stdout == "allocated\n"
        b.args("alloc", "64")
        assert b.ucr("run", "a", status=137).stdout == ""


def test_pids(work):
    """no more processes than the limit says"""
    with ucrtest.bundle(work) as b:
        b.config["linux"]["resources"] = {"pids": {"limit": 8}}
        b.args("forks", "100")
        assert b.ucr("run", "a").stdout == "7\n"


def test_rlimits(work):
    """rlimits of the program, in run and in exec"""
    with ucrtest.bundle(work) as b:
        b.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 33, "hard": 44}]
        b.args("limit")
        assert b.ucr("run", "a").stdout == "33 44\n"
        b.start("a")
        assert b.ucr("exec", "a", "/payload", "limit").stdout == "33 44\n"
        b.ucr("delete", "-f", "a")


def test_one_descriptor(work):
    """a limit so low that nothing can be opened any more does not hinder the start"""
    with ucrtest.bundle(work) as b:
        b.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 3, "hard": 3}]
        b.args("exit", "4")
        b.ucr("run", "a", status=4)


def test_readonly(work):
    """a read-only root, read-only and masked paths"""
    with ucrtest.bundle(work) as b:
        b.config["root"]["readonly"] = True
        b.args("write", "/tmp/x", "y")
        assert "Read-only" in b.ucr("run", "a", status=1).stderr
        b.config["root"]["readonly"] = False
        b.args("write", "/proc/sys/kernel/hostname", "y")
        assert "Read-only" in b.ucr("run", "a", status=1).stderr
        b.config["linux"]["maskedPaths"] = ["/proc/timer_list"]
        b.args("cat", "/proc/timer_list")
        assert b.ucr("run", "a").stdout == ""


tap.main(globals())
