# SPDX-License-Identifier: Apache-2.0
"""Containers of busybox, run by ucrctl, and what they leave."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import cli
from cli import good, run

IMAGE = None
CGROUPS = "/sys/fs/cgroup"


def image():
    """The busybox image, loaded once."""
    global IMAGE  # pylint: disable=global-statement
    if not IMAGE:
        out = good("load", "-q", "-i", cli.busybox_archive()).out
        IMAGE = out.split()[-1]
    return IMAGE


def box(*args, options=(), **kw):
    return run("run", "--rm", *options, image(), *args, **kw)


def box_good(*args, options=(), **kw):
    result = box(*args, options=options, **kw)
    assert result.status == 0 and result.err == "", result
    return result.out


def shell(script, *options, **kw):
    return box("sh", "-c", script, options=options, **kw)


def background(*args, **kw):
    """ucrctl as a process to talk to."""
    return subprocess.Popen([cli.UCRCTL, "--root", cli.ROOT, *args], **kw)


def status_of(name):
    return json.loads(good("inspect", name).out)[0]["State"]["Status"]


def running(name, command="sleep 1000", *options):
    good("run", "-d", "--name", name, *options, image(), "sh", "-c", command)


def end(name):
    run("rm", "-f", name)


def leftovers():
    """Cgroups, mounts and processes of ours that the kernel still has."""
    cgroups = [d for where, dirs, _ in os.walk(CGROUPS) for d in dirs
               if re.fullmatch("ucr-[0-9a-f]{64}", d)
               and os.path.isdir(os.path.join(cli.ROOT, "containers", d[4:]))]
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        mounted = [line for line in mounts if cli.ROOT in line]
    return cgroups + mounted


def containers():
    return sorted(os.listdir(os.path.join(cli.ROOT, "containers")))


# ---- the terminal ---------------------------------------------------------------------


class Terminal:
    """ucrctl on a pty of its own."""

    def __init__(self, *args, rows=40, columns=100, env=None):
        """With an environment it is that which says whom ucrctl speaks to."""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.fd = 0
            self.resize(rows, columns)
            os.execve(*self.program(args, env), env or os.environ)
        self.text = ""

    def program(self, args, env):
        return cli.UCRCTL, [cli.UCRCTL, *([] if env else ["--root", cli.ROOT]), *args]

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def expect(self, pattern, seconds=60):
        end_at = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            ready = select.select([self.fd], [], [], max(0, end_at - time.monotonic()))[0]
            assert ready, f"{pattern!r} did not come: {self.text!r}"
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            assert data, f"ended without {pattern!r}: {self.text!r}"
            self.text += data.decode(errors="replace")
        self.text = self.text[re.search(pattern, self.text).end():]

    def wait(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def is_raw(self):
        return not termios.tcgetattr(self.fd)[3] & termios.ICANON
