#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py [--rounds N] [--work DIR] [WHAT…]: ucr beside its peers, in one run, as ratios.

  start    `ucr run` of a static program on podman's own bundle: crun, runc, bubblewrap, floor
  paced    the same at one start each 50 ms, where joining a cgroup shows its real price
  cached   `ucrctl run` of an image in the store, beside `podman run`
  verbs    `ucrctl ps`, `images`, `version` beside `crun --version`
  cold     `ucrctl run image.tar` of a Debian, beside `podman load` and `podman run`
  unpack   `ucrctl load` of a Debian, beside podman load, buildah, umoci and tar
  files    `ucrctl load` of a Debian and 60,000 small files, beside umoci and tar
  cores    `ucrctl load` on two processors and on one
  pull     `ucrctl pull` from a registry on loopback, beside skopeo and umoci
  index    the first run of an uncompressed tar by an EROFS index, beside tar and sha256sum
  leaks    1,000 runs: what they leave behind, and whether the last are as fast as the first
  calls    system calls of one start
  launches containers by the agent: how many a second, 1,000 and 2,000 of them, memory of each
  submit   from a call to the agent until the command runs
  idle     the agent at rest: memory, wake-ups, writes
  recover  the agent killed with 300 containers, until it serves again

Needs root, a built tree (UCR_BUILDDIR, or the current directory) and the packages of
contrib/packages/bench; a peer that is missing is left out. Never a pass or a fail."""

import argparse
import contextlib
import fcntl
import glob
import gzip
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from agents import AgentBenches
from images import ImageBenches
from pairs import Subject, compare
from peers import WITHOUT_V2, Podman, have, make_bundle

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("UCR_BUILDDIR") or os.getcwd()
UCR = os.path.join(BUILD, "bin/ucr")
UCRCTL = os.path.join(BUILD, "bin/ucrctl")


def sh(*command, **more):
    return subprocess.run(command, check=True, **more)


@contextlib.contextmanager
def open_dir(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


class Bench(ImageBenches, AgentBenches):
    def __init__(self, work, rounds):
        self.work = work
        self.rounds = rounds
        # Where the runtimes keep their containers: on a tmpfs, as by default.
        self.state = tempfile.mkdtemp(prefix="ucr-bench-", dir="/run")
        self.store = os.path.join(work, "ucr")
        Subject.spawn = self.compile("spawn")
        self.podman = Podman(work) if have("podman") else None
        self.holder = None  # keeps the namespace in which crun is started

    def ucrctl(self, *args):
        return [UCRCTL, "--root", self.store, *args]

    # ---- what the benchmarks need ------------------------------------------------

    def compile(self, name, *flags):
        out = os.path.join(self.work, name)
        if not os.path.exists(out):
            sh("cc", "-O2", "-static", "-D_GNU_SOURCE", *flags, "-o", out,
               os.path.join(HERE, name + ".c"))
        return out

    def small_image(self):
        image = os.path.join(self.work, "busybox.tar")
        if not os.path.exists(image):
            sh(os.path.join(HERE, "../../contrib/busybox-image"), image)
        return image

    def debian_image(self):
        """A Debian of the package manager's own making, as a gzipped docker archive."""
        image = os.path.join(self.work, "debian.tar")
        if not os.path.exists(image):
            root = os.path.join(self.work, "debian-root")
            sh("debootstrap", "--variant=minbase", "bookworm", root,
               stdout=subprocess.DEVNULL)
            shutil.rmtree(os.path.join(root, "var/cache/apt/archives"), ignore_errors=True)
            layout = os.path.join(self.work, "debian-oci")
            sh("umoci", "init", "--layout", layout)
            sh("umoci", "new", "--image", f"{layout}:latest")
            sh("umoci", "insert", "--image", f"{layout}:latest", root, "/",
               stdout=subprocess.DEVNULL)
            sh("umoci", "config", "--image", f"{layout}:latest", "--config.cmd", "/bin/true")
            sh("skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout}:latest",
               f"oci-archive:{image}:debian:bench")
            shutil.rmtree(root)
        return image

    def bundle(self):
        bundle = os.path.join(self.work, "bundle")
        if not os.path.exists(os.path.join(bundle, "config.json")):
            if not self.podman:
                raise SystemExit("podman is needed for its bundle; install podman")
            self.podman.run("load", "-i", self.small_image())
            config = self.podman.bundle_config("localhost/busybox:latest")
            make_bundle(self.work, config, self.compile("true", "-nostdlib"))
        return bundle

    # ---- the benchmarks -----------------------------------------------------------

    def starters(self):
        bundle = self.bundle()
        floor = self.compile("floor")
        rootfs = os.path.join(bundle, "rootfs")
        found = [Subject("ucr run", [UCR, "--root", f"{self.state}/ucr", "run",
                                     "--bundle", bundle, "bench-u"]),
                 Subject("floor", [floor, rootfs, "ucr-bench-floor", "/bin/true"])]
        hybrid = os.path.isdir("/sys/fs/cgroup/unified")
        if have("crun"):
            command = ["crun", "--root", f"{self.state}/crun", "run", "--bundle", bundle,
                       "bench-c"]
            found.append(Subject("crun", [self.enter(), *command] if hybrid else command))
        if have("runc"):
            found.append(Subject("runc", ["runc", "--root", f"{self.state}/runc", "run",
                                          "--bundle", bundle, "bench-r"]))
        if have("bwrap"):
            found.append(Subject("bubblewrap", [
                "bwrap", "--unshare-all", "--bind", rootfs, "/", "--proc", "/proc", "--dev",
                "/dev", "/bin/true"]))
        return found

    def enter(self):
        """A static program that joins a mount namespace without the v2 tree, then executes."""
        path = os.path.join(self.work, "without-v2")
        if not self.holder:
            self.holder = subprocess.Popen([*WITHOUT_V2, "sleep", "100000"])
            time.sleep(0.3)
            with open(path + ".c", "w", encoding="ascii") as f:
                f.write('#define _GNU_SOURCE\n#include <fcntl.h>\n#include <sched.h>\n'
                        '#include <unistd.h>\nint main(int c, char **v) {\n'
                        f'int fd = open("/proc/{self.holder.pid}/ns/mnt", O_RDONLY);\n'
                        'if (c < 2 || setns(fd, CLONE_NEWNS) < 0) return 125;\n'
                        'execvp(v[1], v + 1); return 127; }\n')
            sh("cc", "-O2", "-static", "-o", path, path + ".c")
        return path

    def start(self):
        compare("start: one bundle, back to back", self.starters(), self.rounds * 10, 3,
                goals={"crun": "0.25", "floor": "1.5"})

    def paced(self):
        compare("paced: one start each 50 ms", self.starters(), self.rounds * 4, 3, pause=.05)

    def cached(self):
        image = self.small_image()
        sh(*self.ucrctl("load", "-q", "-i", image), stdout=subprocess.DEVNULL)
        found = [Subject("ucrctl run", self.ucrctl("run", "--rm", "busybox", "true"))]
        if self.podman:
            self.podman.run("load", "-i", image)
            found.append(Subject("podman run", self.podman.command(
                "run", "--rm", "--network", "none", "localhost/busybox", "true"),
                self.podman.env))
        compare("cached: an image in the store", found, self.rounds * 2,
                goals={"podman run": "0.04"})

    def verbs(self):
        for verb in ("ps", "images", "version"):
            compare(f"verbs: ucrctl {verb}", [
                Subject(f"ucrctl {verb}", self.ucrctl(verb)),
                Subject("crun --version", ["crun", "--version"]),
            ], self.rounds * 10, 3, goals={"crun --version": "0.4"})

    def wait_for_flush(self):
        """Until what a load leaves to be flushed behind its back is on the disk: not timed, but
        not to be paid by whoever comes next either."""
        with open_dir(os.path.join(self.store, "images/layers")) as fd:
            fcntl.flock(fd, fcntl.LOCK_EX)

    def cold(self):
        image = self.debian_image()

        def forget():
            shutil.rmtree(self.store, ignore_errors=True)

        found = [Subject("ucrctl run", self.ucrctl("run", "--rm", image, "/bin/true"),
                         before=forget, after=self.wait_for_flush)]
        if self.podman:
            both = os.path.join(self.work, "load-and-run")
            load = " ".join(self.podman.command("load", "-q", "-i", image))
            run = " ".join(self.podman.command("run", "--rm", "--network", "none"))
            with open(both, "w", encoding="ascii") as f:
                f.write(f"#!/bin/sh -e\nimage=$({load} | sed 's/.*: //')\n"
                        f'exec {run} "$image" /bin/true\n')
            os.chmod(both, 0o755)
            found.append(Subject("podman load + run", [both], self.podman.env,
                                 before=self.podman.reset))
        compare("cold: a Debian archive, from nothing", found, self.rounds, 1,
                goals={"podman load + run": "0.3"})

    def unpack(self):
        image = self.debian_image()
        layout = os.path.join(self.work, "debian-oci")
        layer = max(glob.glob(f"{layout}/blobs/sha256/*"), key=os.path.getsize)
        out = os.path.join(self.work, "out")

        def clean():
            shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(self.store, ignore_errors=True)
            os.makedirs(out)

        found = [
            Subject("ucrctl load", self.ucrctl("load", "-q", "-i", image), before=clean,
                    after=self.wait_for_flush),
            Subject("tar -xzf", ["tar", "-xzf", layer, "-C", out], before=clean),
            Subject("umoci unpack", ["umoci", "unpack", "--image", f"{layout}:latest",
                                     f"{out}/bundle"], before=clean),
        ]
        if self.podman:
            found.append(Subject("podman load", self.podman.command("load", "-q", "-i", image),
                                 self.podman.env, before=self.podman.reset))
        if have("buildah"):
            storage = os.path.join(self.work, "buildah")
            buildah = ["buildah", "--root", f"{storage}/root", "--runroot", f"{storage}/run",
                       "--storage-driver", "overlay"]
            found.append(Subject(
                "buildah pull", [*buildah, "pull", "-q", f"oci:{layout}:latest"],
                before=lambda: subprocess.run([*buildah, "rmi", "--all", "--force"], check=False,
                                              capture_output=True)))
        compare("unpack: a Debian, gzip, one layer", found, self.rounds, 1,
                goals={"tar -xzf": "0.50 (cpu)", "umoci unpack": "0.30 (cpu)",
                       "buildah pull": "0.20 (cpu)"})

    def index(self):
        """Wants a --work on a disk: EROFS is not mounted from files of a tmpfs."""
        self.debian_image()
        layer = max(glob.glob(f"{self.work}/debian-oci/blobs/sha256/*"), key=os.path.getsize)
        archive, out = os.path.join(self.work, "rootfs.tar"), os.path.join(self.work, "out")
        if not os.path.exists(archive):
            with gzip.open(layer) as packed, open(archive, "wb") as plain:
                shutil.copyfileobj(packed, plain)

        def clean():
            shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(self.store, ignore_errors=True)
            os.makedirs(out)

        run = self.ucrctl("run", "--rm")
        compare("index: the first run of an uncompressed Debian tar, its digest included", [
            Subject("run, EROFS index",
                    [*run, "--rootfs-backend", "erofs", f"tar:{archive}", "true"], before=clean),
            Subject("run, unpacked", [*run, f"tar:{archive}", "true"], before=clean),
            Subject("tar -xf", ["tar", "-xf", archive, "-C", out], before=clean),
            Subject("sha256sum alone", ["sha256sum", archive]),
        ], self.rounds, 1, goals={"tar -xf": "0.10 (cpu)"})

    def leaks(self):
        image = self.small_image()
        sh(*self.ucrctl("load", "-q", "-i", image), stdout=subprocess.DEVNULL)
        command = self.ucrctl("run", "--rm", "busybox", "true")
        for _ in range(5):
            sh(*command)
        before, times = count_things(self.store), []
        for _ in range(1000):
            start = time.monotonic()
            sh(*command)
            times.append(time.monotonic() - start)
        time.sleep(1)
        after = count_things(self.store)
        print("\nleaks: 1,000 runs")
        for what, number in before.items():
            print(f"  {what:24}{number:8} before {after[what]:8} after")
        print(f"  last 100 / first 100: "
              f"{statistics.median(times[-100:]) / statistics.median(times[:100]):.3f}")

    def calls(self):
        print("\ncalls: system calls of one start, with its children")
        for subject in self.starters()[:4]:
            run = subprocess.run(["strace", "-f", "-c", "-o", f"{self.work}/strace",
                                  *subject.command], check=False, capture_output=True)
            with open(f"{self.work}/strace", encoding="ascii") as f:
                total = re.search(r"(\d+)(?:\s+\d+)? total", f.read())
            print(f"  {subject.name:24}{total.group(1) if total else run.returncode:>8}")


def link_of(path):
    """None for a process that has ended or does not show it."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def count_things(store):
    """What a run must leave as it was, on the whole host."""
    def entries(path):
        return sum(len(d) + len(f) for _, d, f in os.walk(path))

    cgroups = sum(len(d) for _, d, _ in os.walk("/sys/fs/cgroup"))
    with open("/proc/self/mounts", encoding="utf-8") as f:
        mounts = len(f.readlines())
    namespaces = {link_of(n) for n in glob.glob("/proc/[0-9]*/ns/*")} - {None}
    with open("/proc/sys/fs/file-nr", encoding="ascii") as f:
        files = int(f.read().split()[0])
    return {"cgroups": cgroups, "mounts": mounts, "namespaces": len(namespaces),
            "processes": len(glob.glob("/proc/[0-9]*")), "open files (about)": files,
            "files in the store": entries(store), "files in /tmp": len(os.listdir("/tmp")),
            "files in /run": len(os.listdir("/run"))}


WHAT = ["start", "paced", "cached", "verbs", "cold", "unpack", "files", "cores", "pull", "index", "leaks",
        "calls", "launches", "submit", "idle", "recover"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", help="a directory to keep, with the images already made")
    parser.add_argument("what", nargs="*", choices=[[], *WHAT])
    args = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("the benchmarks make namespaces and cgroups: run them as root")
    work = args.work or tempfile.mkdtemp(prefix="ucr-bench-", dir="/var/tmp")
    os.makedirs(work, exist_ok=True)
    bench = Bench(os.path.abspath(work), args.rounds)
    try:
        for what in args.what or WHAT:
            getattr(bench, what)()
    finally:
        if bench.holder:
            bench.holder.kill()
        if bench.podman:
            bench.podman.run("system", "reset", "--force")
        shutil.rmtree(bench.state, ignore_errors=True)
        if not args.work:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
