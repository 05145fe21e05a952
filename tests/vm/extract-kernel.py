#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""extract-kernel.py BZIMAGE VMLINUX: the ELF kernel inside a bzImage, which qemu boots by PVH
without firmware. The setup header (Documentation/arch/x86/boot.rst) says where the payload is."""

import struct
import subprocess
import sys

DECOMPRESSORS = {
    b"\x1f\x8b": ["gzip", "-dc"],
    b"\xfd7": ["xz", "-dc", "--single-stream"],
    b"\x28\xb5": ["zstd", "-dc"],
    b"\x02!": ["lz4", "-dc"],
}


def main():
    with open(sys.argv[1], "rb") as f:
        image = f.read()
    if image[0x202:0x206] != b"HdrS":
        sys.exit(f"{sys.argv[1]} is no bzImage")
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start:start + length]
    command = DECOMPRESSORS[payload[:2]]
    # The last four bytes are the size, which only gzip's own trailer also holds.
    data = payload if command[0] == "gzip" else payload[:-4]
    run = subprocess.run(command, input=data, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False)
    if run.stdout[:4] != b"\x7fELF":
        sys.exit(f"{command[0]} did not yield a kernel from {sys.argv[1]}")
    with open(sys.argv[2], "wb") as f:
        f.write(run.stdout)


if __name__ == "__main__":
    main()
