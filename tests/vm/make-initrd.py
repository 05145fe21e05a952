#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make-initrd.py KERNEL-TREE RELEASE INIT OUT: an initramfs of busybox, the modules that the
root file system needs, and /init."""

import lzma
import os
import shutil
import subprocess
import sys
import tempfile

MODULES = ["virtio_pci", "9p", "9pnet_virtio", "overlay", "virtio_console", "virtio_blk",
           "virtio_rng", "ext4", "crc32c_generic"]
COMMANDS = ["sh", "mount", "cat", "echo", "reboot", "insmod", "switch_root", "mkdir", "mkfifo",
            "ip", "hostname", "uname", "ln", "sleep", "cp"]
FOLDERS = ["bin", "dev", "proc", "sys", "root", "lower", "upper", "control", "modules"]


def index_modules(base):
    found = {}
    for folder, _, names in os.walk(base):
        for name in names:
            if ".ko" in name:
                found[name.split(".ko")[0].replace("-", "_")] = os.path.join(folder, name)
    return found


def with_dependencies(name, index, order):
    """Appends the file of a module after those it depends on; a built-in one has no file."""
    path = index.get(name.replace("-", "_"))
    if not path or path in order:
        return
    run = subprocess.run(["modinfo", "-F", "depends", path], capture_output=True, text=True,
                         check=True)
    for dependency in filter(None, run.stdout.strip().split(",")):
        with_dependencies(dependency, index, order)
    order.append(path)


def copy_module(path, folder):
    name = os.path.basename(path)
    if name.endswith(".xz"):
        name = name[:-3]
        with lzma.open(path) as packed, open(os.path.join(folder, name), "wb") as plain:
            shutil.copyfileobj(packed, plain)
    else:
        shutil.copy(path, folder)
    return name


def main():
    tree, release, init, out = sys.argv[1:]
    index = index_modules(os.path.join(tree, "lib/modules", release))
    order = []
    for name in MODULES:
        with_dependencies(name, index, order)
    with tempfile.TemporaryDirectory() as root:
        for folder in FOLDERS:
            os.mkdir(os.path.join(root, folder))
        shutil.copy("/bin/busybox", os.path.join(root, "bin"))
        for command in COMMANDS:
            os.symlink("busybox", os.path.join(root, "bin", command))
        names = [copy_module(path, os.path.join(root, "modules")) for path in order]
        with open(os.path.join(root, "modules/order"), "w", encoding="ascii") as f:
            f.write("\n".join(names) + "\n")
        shutil.copy(init, os.path.join(root, "init"))
        os.chmod(os.path.join(root, "init"), 0o755)
        files = subprocess.run(["find", "."], cwd=root, stdout=subprocess.PIPE, check=True)
        with open(out, "wb") as f:
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, stdout=f,
                           input=files.stdout, check=True)


if __name__ == "__main__":
    main()
