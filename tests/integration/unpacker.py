# SPDX-License-Identifier: Apache-2.0
"""Speaks images/unpack-proto.h to ucr-unpack, in the place of the store."""
import array
import json
import os
import socket
import struct
import subprocess

REQUEST, IMAGE, LAYER, PROGRESS, LAYER_DONE, DONE, ERROR = range(1, 8)
ERR_TEXT_MAX, ERR_HINT_MAX = 768, 256


class UnpackError(Exception):
    """What ucr-unpack answered with ERROR."""

    def __init__(self, code, text, hint):
        super().__init__(text)
        self.code, self.text, self.hint = code, text, hint


class Unpacker:
    def __init__(self, program, wrapper=()):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        os.set_inheritable(theirs.fileno(), True)
        # The program wants its socket as descriptor 3.
        self.process = subprocess.Popen(
            [*wrapper, "/bin/sh", "-c", f"exec {program} 3<&{theirs.fileno()}"]
            if theirs.fileno() != 3 else [*wrapper, program],
            pass_fds=[theirs.fileno()])
        theirs.close()
        self.socket = ours

    def close(self):
        self.socket.close()
        return self.process.wait()

    def send(self, kind, payload, fds=()):
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([struct.pack("=I", kind) + json.dumps(payload).encode()], control)

    def receive(self):
        """The next message but PROGRESS: kind, payload, descriptors."""
        while True:
            room = socket.CMSG_SPACE(200 * array.array("i").itemsize)
            data, control, _, _ = self.socket.recvmsg(70000, room)
            fds = array.array("i")
            for _, _, value in control:
                fds.frombytes(value)
            if not data:
                raise EOFError("ucr-unpack ended without a word")
            kind, = struct.unpack_from("=I", data)
            if kind == ERROR:
                code, = struct.unpack_from("=i", data, 4)
                text = data[8:8 + ERR_TEXT_MAX].split(b"\0")[0].decode(errors="replace")
                hint = data[8 + ERR_TEXT_MAX:][:ERR_HINT_MAX].split(b"\0")[0].decode()
                raise UnpackError(code, text, hint)
            if kind != PROGRESS:
                return kind, json.loads(data[4:]), list(fds)


def read_memfd(fd):
    with os.fdopen(fd, "rb") as f:
        return f.read()


class Result:
    def __init__(self):
        self.image = self.config = self.manifest = self.layers = self.notes = None
        self.dirs = []


def import_image(program, source, work, have=(), wrapper=(), **request):
    """Unpacks every layer of `source` (a path or a descriptor) to work/0, work/1, …"""
    fd = source if isinstance(source, int) else os.open(source, os.O_RDONLY)
    spool = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    peer = Unpacker(program, wrapper)
    result = Result()
    try:
        peer.send(REQUEST, {"op": "import", "format": "auto", **request}, [fd, spool])
        kind, result.image, fds = peer.receive()
        assert kind == IMAGE
        if result.image["has_config"]:
            result.config = read_memfd(fds.pop(0))
        if result.image["manifest_digest"]:
            result.manifest = read_memfd(fds.pop(0))
        result.layers = []
        for n in range(len(result.image["layers"])):
            path = have[n] if n < len(have) else os.path.join(work, str(n))
            if n >= len(have):
                os.mkdir(path, 0o700)
            directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            state = "have" if n < len(have) else "unpack"
            peer.send(LAYER, {"index": n, "state": state}, [directory])
            os.close(directory)
            result.dirs.append(path)
            if state == "unpack":
                kind, layer, _ = peer.receive()
                assert kind == LAYER_DONE
                result.layers.append(layer)
        kind, done, fds = peer.receive()
        assert kind == DONE
        result.notes = done["notes"]
        result.config = read_memfd(fds[0])
        return result
    finally:
        peer.close()
        os.close(spool)
        if not isinstance(source, int):
            os.close(fd)


def copy(program, layers, destination, wrapper=()):
    """Merges unpacked layers, lowest first, into an empty directory."""
    fds = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (destination, *layers)]
    peer = Unpacker(program, wrapper)
    try:
        peer.send(REQUEST, {"op": "copy"}, fds)
        kind, done, _ = peer.receive()
        assert kind == DONE
        return done["notes"]
    finally:
        peer.close()
        for fd in fds:
            os.close(fd)


def remove(program, directory, name, wrapper=()):
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    peer = Unpacker(program, wrapper)
    try:
        peer.send(REQUEST, {"op": "remove", "name": name}, [fd])
        peer.receive()
    finally:
        peer.close()
        os.close(fd)
