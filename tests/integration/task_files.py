# SPDX-License-Identifier: Apache-2.0
"""Archives that tasks are made of: zips, right and wrong, and a jar."""
import io
import struct
import tarfile
import warnings
import zipfile


def zip_bytes(members, **kw):
    """A zip of {name: bytes}, or of [(ZipInfo or name, bytes)]."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **kw) as z:
        for name, data in members.items() if isinstance(members, dict) else members:
            z.writestr(name, data)
    return out.getvalue()


def member(name, mode, data=b""):
    """A zip member with a Unix mode, type included."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info, data


def tar_bytes(members, mode="w:gz"):
    """A tar of TarInfo or (name, bytes, mode)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        for item in members:
            if isinstance(item, tarfile.TarInfo):
                t.addfile(item)
                continue
            info = tarfile.TarInfo(item[0])
            info.size, info.mode = len(item[1]), item[2]
            t.addfile(info, io.BytesIO(item[1]))
    return out.getvalue()


def exit_class():
    """The class Main, whose main() ends java with the number of its arguments as status."""
    def text(s):
        return b"\x01" + struct.pack(">H", len(s)) + s
    pool = [text(b"Main"), b"\x07\0\1", text(b"java/lang/Object"), b"\x07\0\3", text(b"main"),
            text(b"([Ljava/lang/String;)V"), text(b"Code"), text(b"java/lang/System"),
            b"\x07\0\x08", text(b"exit"), text(b"(I)V"), b"\x0c\0\x0a\0\x0b",
            b"\x0a\0\x09\0\x0c"]
    code = b"\x2a\xbe\xb8\x00\x0d\xb1"  # aload_0, arraylength, invokestatic exit, return
    attribute = struct.pack(">HHI", 2, 1, len(code)) + code + struct.pack(">HH", 0, 0)
    method = struct.pack(">HHHHHI", 9, 5, 6, 1, 7, len(attribute)) + attribute
    return (b"\xca\xfe\xba\xbe" + struct.pack(">HHH", 0, 49, len(pool) + 1) + b"".join(pool) +
            struct.pack(">HHHHHH", 0x21, 2, 4, 0, 0, 1) + method + struct.pack(">H", 0))


def jar_bytes():
    return zip_bytes({"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\nMain-Class: Main\n\n",
                      "Main.class": exit_class()})


def patched(data, find, put, last=False):
    """With one place changed, so that two records that said the same no longer do."""
    at = data.rfind(find) if last else data.find(find)
    assert at >= 0
    return data[:at] + put + data[at + len(put):]


def flagged(data, flags):
    """The general purpose flags of the only member, in both records."""
    local, central = data.find(b"PK\3\4"), data.find(b"PK\1\2")
    data = data[:local + 6] + struct.pack("<H", flags) + data[local + 8:]
    return data[:central + 8] + struct.pack("<H", flags) + data[central + 10:]


def overlapping():
    """Two entries of the directory for one member."""
    data = zip_bytes({"a": b"x" * 1000})
    central, end = data.find(b"PK\1\2"), data.find(b"PK\5\6")
    entry = data[central:end]
    count = struct.pack("<HHI", 2, 2, 2 * len(entry))
    return data[:end] + entry + data[end:end + 8] + count + data[end + 16:]


class Pipe(io.RawIOBase):
    """Takes bytes and cannot be sought in: zips written there have data descriptors."""

    def __init__(self):
        super().__init__()
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def awkward_zips():
    """Legal ones, each with a member "f" of b"hello\\n" * 100."""
    hello = b"hello\n" * 100
    pipe, big, plain = Pipe(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("f", hello)
    with zipfile.ZipFile(big, "w") as z:
        with z.open("f", "w", force_zip64=True) as f:
            f.write(hello)
        z.comment = b"a comment"
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_STORED) as z:
        z.writestr("f", b"an earlier one")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            z.writestr("f", hello)
    return {"descriptor": pipe.data, "zip64": big.getvalue(), "twice": plain.getvalue()}


def bad_zips():
    """name: (bytes, a word of the complaint)"""
    good = zip_bytes({"name-one": b"hello" * 100})
    return {
        "empty": (b"", "not a zip"),
        "cut": (good[:-30], "not a zip"),
        "encrypted": (flagged(good, 1), "encrypted"),
        "backslash": (zip_bytes({"a\\b": b"x"}), "backslash"),
        "dots": (zip_bytes({"../../out": b"x"}), ".."),
        "absolute": (zip_bytes({"/tmp/out": b"x"}), "absolute"),
        "two names": (patched(good, b"name-one", b"name-two"), "two ways"),
        "two methods": (patched(good, b"PK\3\4\x14\0\0\0\x08", b"PK\3\4\x14\0\0\0\x00"),
                        "two ways"),
        "two ends": (good[:-2] + struct.pack("<H", 30) + good[-22:] + b"trailing", "two ways"),
        "something in front": (b"#!/bin/sh\n" + good, "two ways"),
        "overlap": (overlapping(), "overlap"),
        "crc": (good[:40] + bytes([good[40] ^ 255]) + good[41:], "damaged"),
        "through a link": (zip_bytes([member("l", 0o120777, b"/tmp"), member("l/f", 0o100644, b"x")]),
                           "l/f"),
    }
