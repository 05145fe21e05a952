#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hooks: when each runs, in which namespaces, with which state, and what a failure does."""
import json
import os

import tap
import ucrtest

ucrtest.need_root()

POINTS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart",
          "poststop")


def script(b, text, name="hook"):
    path = os.path.join(b.path, name)
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def recorder(b):
    """A hook that appends its point, its namespaces and the state it got to a file."""
    return script(b, f'''read -r state
ns=$(readlink /proc/self/ns/mnt /proc/self/ns/net | tr '\\n' ' ')
echo "$1|$ns|$HOOK|$state" >> {b.path}/record
''')


def record(b):
    with open(os.path.join(b.path, "record"), encoding="utf-8") as f:
        return [line.rstrip("\n").split("|", 3) for line in f]


def test_order(work):
    """each point once, in order, with the state that the specification says"""
    with ucrtest.bundle(work) as b:
        path = recorder(b)
        # startContainer runs inside, where there is no shell: the payload stands in.
        b.config["hooks"] = {p: [{"path": path, "args": ["hook", p], "env": [
            "PATH=/bin:/usr/bin", "HOOK=" + p]}] for p in POINTS if p != "startContainer"}
        b.config["hooks"]["startContainer"] = [
            {"path": "/payload", "args": ["payload", "write", "/tmp/started", "x"]}]
        b.args("cat", "/tmp/started")
        b.create("a")
        b.ucr("start", "a")
        b.wait_stopped("a")
        b.ucr("delete", "a")
        assert b.out("a") == "x"
        rows = record(b)
        points = [row[0] for row in rows]
        assert points == [p for p in POINTS if p != "startContainer"], points
        states = [json.loads(row[3]) for row in rows]
        assert [s["status"] for s in states] == \
            ["creating", "creating", "creating", "running", "stopped"], states
        assert len({s["pid"] for s in states[:4]}) == 1 and states[0]["pid"] > 0
        assert all(s["id"] == "a" and s["bundle"] == b.path for s in states)
        assert [row[2] for row in rows] == points
        outside = " ".join(os.readlink("/proc/self/ns/" + n) for n in ("mnt", "net")) + " "
        assert rows[0][1] == rows[1][1] == rows[3][1] == outside
        inside = rows[2][1].split()
        assert all(n not in outside for n in inside), "createContainer runs in the container's"


def test_failure(work):
    """a hook that fails stops everything, says why, and leaves nothing"""
    for point in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart"):
        with ucrtest.bundle(work) as b:
            path = script(b, "echo what went wrong >&2\nexit 3\n")
            b.config["hooks"] = {point: [{"path": path}]}
            if point == "startContainer":
                b.config["hooks"][point] = [{"path": "/payload", "args": ["x", "exit", "3"]}]
            b.args("wait")
            told = b.ucr("run", "a", status=1).stderr
            assert f"the {point} hook" in told and "exited with status 3" in told, told
            assert point == "startContainer" or "what went wrong" in told


def test_poststop_failure(work):
    """a poststop hook that fails is only noted, and the others still run"""
    with ucrtest.bundle(work) as b:
        bad = script(b, "exit 3\n", "bad")
        good = script(b, f"touch {b.path}/good\n", "good")
        b.config["hooks"] = {"poststop": [{"path": bad}, {"path": good}]}
        assert "poststop" in b.ucr("run", "a").stderr
        assert os.path.exists(os.path.join(b.path, "good"))


def test_unwinding(work):
    """poststop hooks run when a createRuntime hook fails"""
    with ucrtest.bundle(work) as b:
        bad = script(b, "exit 3\n", "bad")
        good = script(b, f"touch {b.path}/good\n", "good")
        b.config["hooks"] = {"createRuntime": [{"path": bad}], "poststop": [{"path": good}]}
        b.ucr("run", "a", status=1)
        assert os.path.exists(os.path.join(b.path, "good"))


def test_timeout(work):
    """a hook that takes too long is killed with what it started"""
    with ucrtest.bundle(work) as b:
        path = script(b, "sleep 30 & sleep 30\n")
        b.config["hooks"] = {"createRuntime": [{"path": path, "timeout": 1}]}
        assert "took more than 1 s" in b.ucr("run", "a", status=1).stderr


def test_missing(work):
    """a hook that cannot be executed"""
    with ucrtest.bundle(work) as b:
        b.config["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}
        assert "No such file" in b.ucr("run", "a", status=1).stderr


def test_confined(work):
    """a startContainer hook has no more capabilities than the program"""
    with ucrtest.bundle(work) as b:
        b.config["process"]["capabilities"] = {}
        # A hook's output is only shown when it fails: asking for a missing file makes it.
        b.config["hooks"] = {"startContainer": [
            {"path": "/payload", "args": ["x", "caps"]}]}
        told = b.ucr("run", "a", status=1).stderr
        assert "effective=0000000000000000" in told, told


tap.main(globals())
