#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A seccomp filter that asks a supervisor: the descriptor and the state reach its socket."""
import array
import contextlib
import fcntl
import json
import os
import socket
import struct
import threading

import tap
import ucrtest

ucrtest.need_root()

GETPRIORITY = {"x86_64": "140", "aarch64": "141"}[os.uname().machine]
NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101


class Supervisor(threading.Thread):
    """Answers one call with errno 77 and remembers what it was told."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen()
        self.server.settimeout(30 * ucrtest.SLOW)
        self.told = None

    def run(self):
        with self.server.accept()[0] as peer:
            data, control, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(4))
        self.told = json.loads(data)
        fds = array.array("i")
        fds.frombytes(control[0][2])
        request = bytearray(80)
        with contextlib.suppress(FileNotFoundError):  # the container ended without a call
            fcntl.ioctl(fds[0], NOTIF_RECV, request)
            ident = struct.unpack_from("Q", request)[0]
            fcntl.ioctl(fds[0], NOTIF_SEND, struct.pack("QqiI", ident, 0, -77, 0))
        os.close(fds[0])


def supervise(b, name):
    path = os.path.join(b.path, name)
    b.config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": path, "listenerMetadata": "meta",
        "syscalls": [{"names": ["getpriority"], "action": "SCMP_ACT_NOTIFY"}]}
    supervisor = Supervisor(path)
    supervisor.start()
    return supervisor


def check(supervisor, name):
    supervisor.join(30 * ucrtest.SLOW)
    supervisor.server.close()
    told = supervisor.told
    assert told["metadata"] == "meta" and told["state"]["id"] == name, told
    assert told["fds"] == ["seccompFd"] and told["pid"] > 0, told


def test_run(work):
    """run and create hand the listener over"""
    with ucrtest.bundle(work) as b:
        supervisor = supervise(b, "one")
        b.args("syscall", GETPRIORITY)
        assert b.ucr("run", "a").stdout == "77\n"
        check(supervisor, "a")
        supervisor = supervise(b, "two")
        b.create("b")
        b.ucr("start", "b")
        b.wait_stopped("b")
        assert b.out("b") == "77\n"
        check(supervisor, "b")
        b.ucr("delete", "b")


def test_exec(work):
    """exec has a filter and a listener of its own"""
    with ucrtest.bundle(work) as b:
        supervisor = supervise(b, "sock")
        b.args("wait")
        b.start("a")  # its supervisor waits for a call that never comes
        os.unlink(os.path.join(b.path, "sock"))
        supervisor = Supervisor(os.path.join(b.path, "sock"))
        supervisor.start()
        assert b.ucr("exec", "a", "/payload", "syscall", GETPRIORITY).stdout == "77\n"
        check(supervisor, "a")
        b.ucr("delete", "-f", "a")


def test_nobody(work):
    """nobody to ask: the start fails and nothing is left"""
    with ucrtest.bundle(work) as b:
        b.args("wait")
        supervise(b, "there")
        b.config["linux"]["seccomp"]["listenerPath"] = os.path.join(b.path, "gone")
        assert "gone" in b.ucr("run", "a", status=1).stderr
        del b.config["linux"]["seccomp"]["listenerPath"]
        assert "listenerPath" in b.ucr("run", "a", status=1).stderr


tap.main(globals())
