#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Terminals: handed to a socket, or relayed in the foreground."""
import array
import contextlib
import fcntl
import os
import pty
import select
import socket
import struct
import subprocess
import termios
import time

import tap
import ucrtest

ucrtest.need_root()


def read_until(fd, word, seconds=30):
    """What comes from a terminal, until it holds the word."""
    told, end = "", time.monotonic() + seconds * ucrtest.SLOW
    while word not in told and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                told += os.read(fd, 4096).decode()
            except OSError:
                break
    assert word in told, told
    return told


@contextlib.contextmanager
def console_socket(b):
    path = os.path.join(b.path, "console.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        def receive():
            server.settimeout(30 * ucrtest.SLOW)
            with server.accept()[0] as peer:
                data, control, _, _ = peer.recvmsg(64, socket.CMSG_SPACE(4))
                assert data, "the terminal comes with a name"
                fds = array.array("i")
                fds.frombytes(control[0][2])
                return fds[0]
        yield path, receive
    os.unlink(path)


def test_create(work):
    """create sends the master of a pty of the container's own devpts"""
    with ucrtest.bundle(work, terminal=True, consoleSize={"height": 33, "width": 77}) as b:
        b.args("tty")
        with console_socket(b) as (path, receive):
            b.create("a", "--console-socket", path)
            master = receive()
            b.ucr("start", "a")
            told = read_until(master, "controlling")
            assert "tty=/dev/pts/0 rows=33 columns=77 controlling=1" in told, told
            b.wait_stopped("a")
            os.close(master)
        b.ucr("delete", "a")


def test_exec(work):
    """exec --tty with a console socket, beside a container that has none"""
    with ucrtest.bundle(work) as b:
        b.start("a")
        with console_socket(b) as (path, receive):
            b.ucr("exec", "--tty", "--detach", "--console-socket", path, "a", "/payload", "tty")
            master = receive()
            assert "tty=/dev/pts/0 " in read_until(master, "controlling")
            os.close(master)
        b.ucr("delete", "-f", "a")


def test_foreground(work):
    """run and exec relay the caller's terminal, its size and its keys"""
    with ucrtest.bundle(work, terminal=True) as b:
        b.args("tty")
        b.write()
        for verb in (("run", "a"), ("exec", "--tty", "b", "/payload", "tty")):
            if verb[0] == "exec":
                b.config["process"]["terminal"] = False
                b.start("b")
            master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 99, 0, 0))
            run = subprocess.Popen(b.command(*verb), cwd=b.path, stdin=slave, stdout=slave,
                                   stderr=subprocess.PIPE, start_new_session=True)
            told = read_until(master, "controlling")
            assert run.wait(30 * ucrtest.SLOW) == 0, run.stderr.read()
            run.stderr.close()
            assert "tty=/dev/pts/" in told, told
            os.close(master)
            os.close(slave)
        b.ucr("delete", "-f", "b")


def test_keys(work):
    """Ctrl-C at the terminal becomes SIGINT inside"""
    with ucrtest.bundle(work, terminal=True) as b:
        b.args("wait")
        b.write()
        master, slave = pty.openpty()
        run = subprocess.Popen(b.command("run", "a"), cwd=b.path, stdin=slave, stdout=slave,
                               start_new_session=True)
        read_until(master, "ready")
        os.write(master, b"\x03")
        assert run.wait(30 * ucrtest.SLOW) == 2
        os.close(master)
        os.close(slave)


tap.main(globals())
