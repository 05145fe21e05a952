# SPDX-License-Identifier: Apache-2.0
"""Containers for tests: bundles around the static payload, the command `ucr`, and a check
that nothing is left behind."""
import contextlib
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import tap

BUILD = tap.build_dir()
UCR = os.path.join(BUILD, "bin/ucr")
PAYLOAD = os.path.join(BUILD, "tests/integration/payload")
SLOW = float(os.environ.get("UCR_TEST_SLOW", "1"))  # times as slow as a usual machine

CONFIG = {
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs"},
    "hostname": "inside",
    "process": {
        "terminal": False, "user": {"uid": 0, "gid": 0}, "cwd": "/",
        "args": ["/payload", "exit", "0"], "env": ["PATH=/bin", "A=1"],
        "noNewPrivileges": True,
        "capabilities": {s: ["CAP_KILL", "CAP_CHOWN"]
                         for s in ("bounding", "effective", "permitted")},
    },
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "mode=755", "size=64k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["newinstance", "ptmxmode=0666", "mode=0620"]},
    ],
    "linux": {
        "namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "network",
                                             "cgroup")],
        "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"],
    },
}


def need_root():
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
        sys.exit(77)


def wait_for(condition, what, seconds=30):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited in vain for {what}")


class Bundle:
    """A bundle and a place for states of its own."""

    def __init__(self, work, **process):
        self.path = tempfile.mkdtemp(prefix="ucr-bundle-", dir=work)
        os.chmod(work, 0o755)
        os.chmod(self.path, 0o755)
        self.root = os.path.join(self.path, "states")
        self.rootfs = os.path.join(self.path, "rootfs")
        for name in ("bin", "proc", "dev", "etc", "tmp"):
            os.makedirs(os.path.join(self.rootfs, name))
        shutil.copy(PAYLOAD, os.path.join(self.rootfs, "payload"))
        self.config = copy.deepcopy(CONFIG)
        self.config["process"].update(process)
        # A name that no other test uses at the same time.
        self.cgroup = "/" + os.path.basename(self.path)
        self.config["linux"]["cgroupsPath"] = self.cgroup
        self.wrapper = []

    def args(self, *args):
        self.config["process"]["args"] = ["/payload", *args]

    def write(self):
        with open(os.path.join(self.path, "config.json"), "w", encoding="ascii") as f:
            json.dump(self.config, f)

    def command(self, *args):
        return [*self.wrapper, UCR, "--root", self.root, *args]

    def ucr(self, *args, status=0, **options):
        """Runs ucr in the bundle; fails when it exits otherwise than expected."""
        self.write()
        options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(self.command(*args), cwd=self.path, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60 * SLOW, **options)
        if status is not None:
            assert done.returncode == status, \
                f"ucr {' '.join(args)}: exit {done.returncode}, not {status}: {done.stderr}"
        return done

    def create(self, name, *options):
        """ucr create; the container's output goes to a file that out() reads."""
        self.write()
        with open(os.path.join(self.path, name + ".out"), "w", encoding="ascii") as out:
            done = subprocess.run(self.command("create", *options, name), cwd=self.path,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                  check=False, timeout=60 * SLOW)
        assert done.returncode == 0, self.out(name)

    def out(self, name):
        with open(os.path.join(self.path, name + ".out"), encoding="utf-8") as f:
            return f.read()

    def start(self, name, *args):
        """Creates and starts the payload and waits until it says that it is ready."""
        self.args(*(args or ("wait",)))
        self.create(name)
        self.ucr("start", name)
        wait_for(lambda: "ready" in self.out(name), "the payload")

    def state(self, name):
        return json.loads(self.ucr("state", name).stdout)

    def wait_stopped(self, name):
        wait_for(lambda: self.state(name)["status"] == "stopped", f"{name} to stop")

    def processes(self):
        """What still runs this bundle's payload."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                    if f.read().rpartition(")")[2].split()[0] == "Z":
                        continue  # whoever adopted it has not reaped it yet
                with open(f"/proc/{pid}/cgroup", encoding="ascii") as f:
                    if self.cgroup in f.read():
                        found.append(int(pid))
        return found

    def cgroups(self):
        found = []
        for folder, names, _ in os.walk("/sys/fs/cgroup"):
            found += [os.path.join(folder, n) for n in names
                      if n == os.path.basename(self.cgroup)]
            if folder.count("/") > 6:
                names.clear()
        return found

    def leaks(self):
        found = [f"process {p}" for p in self.processes()]
        found += [f"cgroup {c}" for c in self.cgroups()]
        if os.path.isdir(self.root):
            found += [f"state {n}" for n in os.listdir(self.root)]
        with open("/proc/self/mounts", encoding="utf-8") as f:
            found += [f"mount {line}" for line in f if self.path in line]
        return found


@contextlib.contextmanager
def bundle(work, **process):
    """A bundle that must leave nothing behind."""
    b = Bundle(work, **process)
    try:
        yield b
        left = b.leaks()
        assert not left, f"left behind: {left}"
    finally:
        if os.path.isdir(b.root):
            for name in os.listdir(b.root):
                b.ucr("delete", "--force", name, status=None)
        shutil.rmtree(b.path, ignore_errors=True)
