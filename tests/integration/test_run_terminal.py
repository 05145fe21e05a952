#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What reaches a container that runs: signals and the terminal."""
import os
import re
import signal
import subprocess
import time

from boxes import image, background, status_of, leftovers, containers, Terminal
from cli import good
import tap

# ---- signals --------------------------------------------------------------------------


def test_signals_are_forwarded(_work):
    process = background("run", "--rm", image(), "sh", "-c",
                         "trap 'echo term; exit 5' TERM; echo ready; while :; do sleep 0.05; done",
                         stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 5 and process.stdout.read() == "term\n"


def is_pending(pid, number):
    """A signal that is sent again before it was taken arrives once."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        masks = re.findall(r"^(?:SigPnd|ShdPnd):\t(\w+)", status.read(), re.M)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def test_second_interrupt_kills(_work):
    process = background("run", "--rm", image(), "sh", "-c",
                         "trap '' INT; echo ready; while :; do sleep 0.05; done",
                         stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    tap.eventually(lambda: not is_pending(process.pid, signal.SIGINT))
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 137
    assert not containers()


def test_survives_its_command(_work):
    """kill -9 of ucrctl leaves a container running, and its shim cleans up after it"""
    process = background("run", "--rm", "--name", "orphan", image(), "sleep", "1000")
    tap.eventually(lambda: "orphan" in good("ps").out and status_of("orphan") == "running")
    process.kill()
    process.wait()
    time.sleep(0.2)
    assert status_of("orphan") == "running"
    good("stop", "-t", "0", "orphan")
    tap.eventually(lambda: not containers())
    assert not leftovers()


def test_terminal(_work):
    terminal = Terminal("run", "-it", "--rm", image(), "sh")
    terminal.type("test -t 0 && echo is-a-t''ty\r")
    terminal.expect("is-a-tty\r\n")
    assert terminal.is_raw()
    terminal.resize(50, 132)
    terminal.type('while [ "$(stty size)" = "40 100" ]; do sleep 0.1; done; stty size\r')
    terminal.expect("50 132")
    terminal.type("exit 3\r")
    assert terminal.wait() == 3


def test_interrupt_key_goes_inside(_work):
    terminal = Terminal("run", "-it", "--rm", image(), "sh", "-c",
                        "trap 'echo caught; exit 4' INT; echo ready; while :; do sleep 0.05; done")
    terminal.expect("ready")
    terminal.type("\x03")
    terminal.expect("caught")
    assert terminal.wait() == 4


def test_detach_and_attach(_work):
    terminal = Terminal("run", "-it", "--name", "tty", image(), "sh")
    terminal.type("echo one$((1+1))\r")
    terminal.expect("one2\r\n")
    terminal.type("\x10\x11")
    assert terminal.wait() == 0
    assert status_of("tty") == "running"
    terminal = Terminal("attach", "tty")
    terminal.type("echo again$((1+1))\r")
    terminal.expect("again2\r\n")
    terminal.type("exit 6\r")
    assert terminal.wait() == 6
    good("rm", "tty")


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    else:
        tap.main(globals())
