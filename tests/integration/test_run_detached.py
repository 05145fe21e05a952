#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Containers in the background: stop, wait, logs, and exec into them."""
import os
import re
import subprocess
import time

from boxes import image, box, box_good, status_of, running, end, leftovers, Terminal
import cli
from cli import good, run
import tap

# ---- detached -------------------------------------------------------------------------


def test_detached(_work):
    result = good("run", "-d", "--name", "web", image(), "sh", "-c", "echo started; sleep 1000")
    assert re.fullmatch("[0-9a-f]{64}\n", result.out), result
    try:
        tap.eventually(lambda: good("logs", "web").out == "started\n")
        assert status_of(result.out[:6]) == "running"
        taken = run("run", "-d", "--name", "web", image(), "true")
        assert taken.status == 125 and "web" in taken.err, taken
        good("stop", "-t", "1", "web")
        assert status_of("web") == "exited"
    finally:
        end("web")
    assert not leftovers()


def test_stop_escalates(_work):
    running("stubborn", "trap '' TERM; while :; do sleep 0.05; done")
    try:
        began = time.monotonic()
        good("stop", "-t", "1", "stubborn")
        assert 0.9 < time.monotonic() - began < 9  # 10 s are the usual time
        assert good("wait", "stubborn").out.strip() == "137"
    finally:
        end("stubborn")


def test_wait_logs_and_rotation(_work):
    good("run", "-d", "--name", "chatty", "--log-max-size", "8k", "--log-max-files", "3",
         image(), "sh", "-c", "for i in $(seq 1000); do echo line $i; done; exit 3")
    assert good("wait", "chatty").out.strip() == "3"
    lines = good("logs", "chatty").lines
    assert lines[-1] == "line 1000" and 100 < len(lines) < 1000, len(lines)
    assert lines == [f"line {n}" for n in range(1001 - len(lines), 1001)]
    assert good("logs", "--tail", "2", "chatty").lines == ["line 999", "line 1000"]
    end("chatty")


def test_cidfile(work):
    cidfile = os.path.join(work, "cid")
    box_good("true", options=["--cidfile", cidfile])
    with open(cidfile, encoding="utf-8") as cid:
        assert re.fullmatch("[0-9a-f]{64}", cid.read())
    assert box("true", options=["--cidfile", cidfile]).status == 125


# ---- exec -----------------------------------------------------------------------------


def test_exec(_work):
    running("target", "sleep 1000", "-e", "A=b", "-w", "/tmp")
    try:
        result = run("exec", "target", "sh", "-c", "echo $A; pwd; exit 8")
        assert (result.status, result.out) == (8, "b\n/tmp\n"), result
        assert good("exec", "-e", "A=c", "-w", "/", "-u", "7", "target", "sh", "-c",
                    "echo $A; pwd; id -u").out == "c\n/\n7\n"
        done = subprocess.run([cli.UCRCTL, "--root", cli.ROOT, "exec", "-i", "target", "cat"],
                              input=b"through", capture_output=True, check=True)
        assert done.stdout == b"through"
        assert run("exec", "target", "no-such").status == 127
        assert run("exec", "target", "/etc/passwd").status == 126
        status = good("exec", "target", "cat", "/proc/self/status").out
        assert "CapBnd:\t00000000000005fb" in status and re.search(r"Seccomp:\s+2", status)
        good("exec", "-d", "target", "sh", "-c", "echo done >/tmp/mark; sleep 1000")
        tap.eventually(lambda: run("exec", "target", "cat", "/tmp/mark").out == "done\n")
        terminal = Terminal("exec", "-it", "target", "sh")
        terminal.type("stty size; exit 2\r")
        terminal.expect("40 100")
        assert terminal.wait() == 2
    finally:
        end("target")
    assert run("exec", "target", "true").status == 125
    assert not leftovers()


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    else:
        tap.main(globals())
