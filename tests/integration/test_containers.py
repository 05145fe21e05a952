#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verbs of ucrctl on living and ended containers."""
import functools
import json
import os
import re
import signal
import subprocess
import threading
import time

import cli
from cli import good, refused, run
from tap import Skip
import tap


def alone(test):
    """A test that starts and ends without containers, and without a way to hang."""
    @functools.wraps(test)
    def guarded(work):
        try:
            test(work)
        finally:
            left = run("ps", "-aq").lines
            if left:
                run("rm", "-f", *left)
    return guarded


def start(name, *command, options=()):
    """Runs a command in a container of the background: its id."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    result = good("run", "-d", "--name", name, *options, cli.busybox_archive(), *command)
    assert re.fullmatch("[0-9a-f]{64}\n", result.out), result
    return result.out.strip()


def remove(*names):
    good("rm", "-f", *names)
    assert good("ps", "-aq").out == ""


def inspect(name, template):
    return good("inspect", "-f", template, name).out.strip()


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@alone
def test_ps(_work):
    """ps lists what runs, -a what ended too; by prefix, name and filter"""
    one = start("one", "sleep", "100", options=["--label", "app=web"])
    two = start("two", "sh", "-c", "exit 3")
    wait_for(lambda: inspect("two", "{{.State.Running}}") == "false")
    assert good("ps", "-q").out.strip() == one[:12]
    assert good("ps", "-q", "--no-trunc").out.strip() == one
    assert good("ps", "-aq").lines == [two[:12], one[:12]]
    rows = {r["Names"]: r for r in map(json.loads, good("ps", "-a", "--format", "json").lines)}
    assert rows["one"]["Status"].startswith("Up "), rows
    assert rows["one"]["Labels"] == "app=web" and rows["one"]["Pid"] > 0, rows
    assert rows["two"]["Status"].startswith("Exited (3) "), rows
    assert rows["two"]["State"] == "exited" and rows["two"]["ExitCode"] == 3, rows
    for name, filters in (("one", ["label=app"]), ("one", ["status=running"]),
                          ("two", ["exited=3"]), ("two", ["status=exited", "name=tw"])):
        args = [word for f in filters for word in ("--filter", f)]
        assert good("ps", *args, "--format", "{{.Names}}").lines == [name], filters
    assert good("ps", "--filter", "exited=4", "-q").out == ""
    assert inspect(one[:5], "{{.Name}}") == "one"
    header = good("ps").lines[0].split()
    assert header == ["CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    assert "running" in refused("rm", "one")
    remove("one", "two")


@alone
def test_name_is_taken(_work):
    """a name can be had once, and again when its container is gone"""
    start("mine", "true")
    error = refused("run", "--name", "mine", "-d", cli.busybox_archive(), "true")
    assert "mine" in error, error
    remove("mine")
    start("mine", "true")
    remove("mine")


@alone
def test_stop(_work):
    """stop ends by the stop signal, by force after the time; rm needs it ended"""
    start("polite", "sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.1; done")
    start("deaf", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    wait_for(lambda: "sleep" in good("top", "polite").out and "sleep" in good("top", "deaf").out)
    before = time.monotonic()
    assert good("stop", "-t", "20", "polite").out == "polite\n"
    assert time.monotonic() - before < 10
    assert good("wait", "polite").out == "7\n"
    before = time.monotonic()
    good("stop", "-t", "500ms", "deaf")
    assert 0.4 < time.monotonic() - before < 10
    assert good("wait", "deaf").out == "137\n"
    # One that has ended already is stopped.
    good("stop", "polite")
    assert good("rm", "polite", "deaf").lines == ["polite", "deaf"]
    assert good("ps", "-aq").out == ""


@alone
def test_stop_several(_work):
    """each of several containers is stopped, whatever becomes of the others"""
    names = ["deaf0", "deaf1"]
    for name in names:
        start(name, "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    wait_for(lambda: all("sleep" in good("top", n).out for n in names))
    result = run("stop", "-t", "200ms", "nobody", *names)
    assert result.status == 125 and "nobody" in result.err, result
    assert sorted(result.lines) == names, result
    remove(*names)


@alone
def test_stop_side_by_side(_work):
    """several containers use their grace periods at the same time, each its own"""
    names = ["slow0", "slow1", "slow2", "brief"]
    for name in names:
        start(name, "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done",
              options=["--stop-timeout", "500ms" if name == "brief" else "4"])
    wait_for(lambda: all("sleep" in good("top", n).out for n in names))
    before = time.monotonic()
    lines = good("stop", *names).lines
    took = time.monotonic() - before
    assert 3.9 < took < 11, took
    assert lines[0] == "brief" and sorted(lines) == sorted(names), lines
    remove(*names)


@alone
def test_kill(_work):
    """kill sends what it is asked to, by default KILL to all of the container"""
    start("k", "sh", "-c", "trap 'exit 9' USR1; while :; do sleep 0.1; done")
    wait_for(lambda: "sleep" in good("top", "k").out)
    good("kill", "-s", "USR1", "k")
    assert good("wait", "k").out == "9\n"
    assert "k" in refused("kill", "k")
    remove("k")
    start("k", "sh", "-c", "sleep 100 & sleep 100")
    good("kill", "k")
    assert good("wait", "k").out == "137\n"
    assert inspect("k", "{{.State.ExitSignal}}") == str(int(signal.SIGKILL))
    remove("k")


@alone
def test_logs(_work):
    """logs gives both streams back, the last lines, with times, and follows"""
    start("talker", "sh", "-c",
          "echo one; echo two >&2; echo three; sleep 1; echo four; printf five")
    followed = run("logs", "-f", "talker")
    assert followed.status == 0, followed
    assert followed.out == "one\nthree\nfour\nfive", followed
    assert followed.err == "two\n", followed
    assert good("logs", "--tail", "2", "talker").out == "four\nfive"
    assert good("logs", "--tail", "1", "talker").out == "five"
    assert good("logs", "-n", "0", "talker").out == ""
    stamped = run("logs", "-t", "talker")
    assert all(re.match(r"20\d\d-\d\d-\d\dT[\d:.]+Z \w", x) for x in stamped.lines), stamped
    middle = good("logs", "-t", "--tail", "2", "talker").lines[0].split()[0]
    assert good("logs", "--since", middle, "talker").out == "four\nfive"
    assert run("logs", "--until", middle, "talker").out == "one\nthree\n"
    assert good("logs", "--since", "2100-01-01", "talker").out == ""
    remove("talker")


@alone
def test_inspect(_work):
    """inspect tells the state, the limits and the configuration"""
    ident = start("seen", "sleep", "100",
                  options=["--memory", "64m", "-e", "A=b", "-w", "/tmp", "-u", "user"])
    [c] = json.loads(good("inspect", "seen").out)
    assert c["Id"] == ident and c["Name"] == "seen"
    assert [c["Path"], *c["Args"]] == ["sleep", "100"]
    assert c["State"]["Running"] is True and c["State"]["FinishedAt"] is None
    assert c["HostConfig"]["Memory"] == 64 << 20
    assert "A=b" in c["Config"]["Env"] and c["Config"]["WorkingDir"] == "/tmp"
    assert os.path.exists(c["OCIConfigPath"]) and c["LogPath"].endswith("/log")
    with open(f"/proc/{c['State']['Pid']}/status", encoding="ascii") as f:
        assert re.search(r"^Uid:\t1000\b", f.read(), re.M)
    both = json.loads(good("inspect", "seen", "busybox").out)
    assert [x["Id"] for x in both] == [ident, c["Image"]]
    assert "no image" in refused("inspect", "--type", "image", "seen")
    remove("seen")


@alone
def test_stats_and_top(_work):
    """stats measures, top lists the processes"""
    start("busy", "sh", "-c", "while :; do :; done", options=["--memory", "64m"])
    row = json.loads(good("stats", "--no-stream", "--format", "json").out)
    assert row["Name"] == "busy", row
    assert float(row["CPUPerc"].rstrip("%")) > 1, row
    assert row["MemUsage"].endswith(" / 64.0MiB"), row
    assert row["PIDs"] == 1, row
    lines = good("top", "busy").lines
    assert lines[0].split()[:3] == ["UID", "PID", "PPID"], lines
    assert lines[1].split()[1] == inspect("busy", "{{.State.Pid}}"), lines
    assert "while" in lines[1], lines
    good("kill", "busy")
    good("wait", "busy")
    assert "not running" in refused("top", "busy")
    remove("busy")


@alone
def test_events(_work):
    """a container's life can be followed as it happens"""
    if os.geteuid() != 0:
        raise Skip("needs root")
    with subprocess.Popen([cli.UCRCTL, "--root", cli.ROOT, "events", "--since", "1m", "--filter",
                           "container=short", "--format", "{{.Type}}"],
                          stdout=subprocess.PIPE, encoding="utf-8") as follower:
        # Ends a follower that waits in vain, so that the test fails instead of hanging.
        watchdog = threading.Timer(60, follower.kill)
        watchdog.start()
        start("short", "true")
        remove("short")
        seen = []
        while "remove" not in seen:
            line = follower.stdout.readline()
            assert line, seen
            seen.append(line.strip())
        watchdog.cancel()
        follower.kill()
    assert [e for e in seen if e in ("create", "start", "die", "remove")] == \
        ["create", "start", "die", "remove"], seen


@alone
def test_image_in_use(_work):
    """an image that a container uses stays, unless by force, and gc leaves it whole"""
    start("user", "sleep", "100")
    assert "used" in refused("rmi", "busybox") or "container" in refused("rmi", "busybox")
    good("rmi", "-f", "busybox")
    good("gc", "-a")
    assert "sleep" in good("top", "user").out
    remove("user")
    good("gc", "-a")
    assert good("images", "-q").out == ""


@alone
def test_hostile_names(_work):
    """what a container brings along does not reach the terminal as it is"""
    start("plain", "sh", "-c", "sleep 100; : '\033[2J'",
          options=["--label", "a=\033[2J"])
    for args in (["ps", "--no-trunc"], ["ps", "--format", "{{.Labels}}"], ["top", "plain"],
                 ["inspect", "plain"], ["events", "--stream=false"]):
        assert "\033" not in good(*args).out, args
    remove("plain")


if __name__ == "__main__":
    tap.main(globals())
