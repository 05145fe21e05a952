# SPDX-License-Identifier: Apache-2.0
"""How the peers are started, each with a state of its own below one working directory."""

import json
import os
import shutil
import subprocess
import tempfile

CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=10000:10000", "nproc=30000:30000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""

# Debian's crun refuses a hybrid host: it is started where the v2 tree is not mounted.
WITHOUT_V2 = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
              'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"', "sh"]


def have(name):
    return shutil.which(name) is not None


class Podman:
    """podman with its storage, its configuration and nothing of the host's."""

    def __init__(self, work):
        self.work = os.path.join(work, "podman")
        os.makedirs(self.work, exist_ok=True)
        self.conf = os.path.join(self.work, "containers.conf")
        with open(self.conf, "w", encoding="ascii") as f:
            f.write(CONTAINERS_CONF)
        self.env = {**os.environ, "CONTAINERS_CONF": self.conf}
        self.runtime = shutil.which("runc") or "runc"

    def command(self, *args, runtime=None):
        return ["podman", "--root", f"{self.work}/root", "--runroot", f"{self.work}/run",
                "--tmpdir", f"{self.work}/tmp", "--runtime", runtime or self.runtime,
                "--storage-driver", "overlay", *args]

    def run(self, *args, runtime=None):
        return subprocess.run(self.command(*args, runtime=runtime), env=self.env, check=False,
                              capture_output=True, text=True)

    def reset(self):
        self.run("system", "reset", "--force")
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work, exist_ok=True)
        with open(self.conf, "w", encoding="ascii") as f:
            f.write(CONTAINERS_CONF)

    def bundle_config(self, image):
        """The config.json that podman gives its runtime: a runtime that only copies it."""
        with tempfile.NamedTemporaryFile("w", suffix="-runtime", delete=False) as f:
            copy = f.name + ".json"
            f.write("#!/bin/sh\nwhile [ $# -gt 0 ]; do\n"
                    f'case $1 in --bundle|-b) cp "$2/config.json" {copy};; esac\nshift\n'
                    "done\nexit 1\n")
        os.chmod(f.name, 0o755)
        self.run("run", "--rm", "--network", "none", "--memory", "256m", "--cpus", "0.5",
                 "--pids-limit", "512", image, "true", runtime=f.name)
        try:
            with open(copy, encoding="utf-8") as config:
                return json.load(config)
        finally:
            for name in (f.name, copy):
                if os.path.exists(name):
                    os.unlink(name)


def make_bundle(work, config, program):
    """A bundle of podman's own configuration around one static program."""
    bundle = os.path.join(work, "bundle")
    rootfs = os.path.join(bundle, "rootfs")
    for folder in ("bin", "proc", "sys", "dev", "tmp", "run", "etc"):
        os.makedirs(os.path.join(rootfs, folder), exist_ok=True)
    shutil.copy(program, os.path.join(rootfs, "bin/true"))
    config["root"] = {"path": "rootfs"}
    config["process"]["args"] = ["/bin/true"]
    config["process"]["cwd"] = "/"
    config["process"]["terminal"] = False
    config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}]
    config["process"].pop("oomScoreAdj", None)
    config.pop("hooks", None)
    config.get("linux", {}).pop("intelRdt", None)
    config["mounts"] = [m for m in config["mounts"] if m["type"] != "bind"]
    config["linux"]["namespaces"] = [{"type": t} for t in
                                     ("pid", "network", "ipc", "uts", "mount", "cgroup")]
    config["linux"]["cgroupsPath"] = "/ucr-bench"
    config["annotations"] = {}
    with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f)
    return bundle
