# SPDX-License-Identifier: Apache-2.0
"""Speaks images/unpack-proto.h to ucr-unpack, in the place of the store."""
import array
import ctypes
import json
import os
import socket
import struct

REQUEST, IMAGE, LAYER, PROGRESS, LAYER_DONE, DONE, ERROR = range(1, 8)
ERR_TEXT_MAX, ERR_HINT_MAX = 768, 256


class UnpackError(Exception):
    """What ucr-unpack answered with ERROR."""

    def __init__(self, code, text, hint):
        super().__init__(text)
        self.code, self.text, self.hint = code, text, hint


def in_user_namespace(ids):
    """Moves this process to a new user namespace; the parent writes its maps, then answers."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000):  # CLONE_NEWUSER
        os._exit(125)
    os.write(ids[1], b"x")
    os.read(ids[0], 1)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    os.setgroups([])


def write_maps(pid, base, count):
    for name in "gid_map", "uid_map":
        with open(f"/proc/{pid}/{name}", "w") as out:
            out.write(f"0 {base} {count}")


class Unpacker:
    """One run of the program; `id_range` = (first, count) of the host puts it into a user
    namespace where these are 0 and up."""

    def __init__(self, program, id_range=None):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        up, down = os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                if id_range:
                    in_user_namespace((down[0], up[1]))
                os.dup2(theirs.fileno(), 3)
                os.execv(program, [program])
            finally:
                os._exit(125)
        theirs.close()
        os.close(up[1])
        if id_range and os.read(up[0], 1):
            write_maps(self.pid, *id_range)
            os.write(down[1], b"x")
        for fd in up[0], *down:
            os.close(fd)

    def close(self):
        self.socket.close()
        return os.waitpid(self.pid, 0)[1]

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


def mount_erofs(image, devices, point):
    """Mounts an EROFS image from its file, as the kernel does from Linux 6.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    data = ",".join(f"device={path}" for path in devices)
    read_only_nodev_nosuid = 1 | 2 | 4
    if libc.mount(os.fsencode(image), os.fsencode(point), b"erofs", read_only_nodev_nosuid,
                  os.fsencode(data)):
        code = ctypes.get_errno()
        raise OSError(code, f"mount {image}: {os.strerror(code)}")


class ErofsLayers:
    """Has layers written as EROFS images, which are mounted then; `may_index`: over the source
    where that can be."""

    def __init__(self, may_index=False):
        self.may_index, self.mounted, self.indexed = may_index, [], 0

    def request(self, path):
        """What LAYER says, and its descriptors."""
        fd = os.open(path + ".data", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        return {"form": "erofs", "may_index": self.may_index}, fd

    def done(self, path, said, fds, source):
        with open(path + ".erofs", "wb") as out:
            out.write(read_memfd(fds[0]))
        devices = [path + ".data"] + ([source] if said["has_archive"] else [])
        self.indexed += said["has_archive"]
        mount_erofs(path + ".erofs", devices, path)
        self.mounted.append(path)

    def unmount(self):
        libc = ctypes.CDLL(None)
        while self.mounted:
            libc.umount(os.fsencode(self.mounted.pop()))


class Result:
    def __init__(self):
        self.image = self.config = self.manifest = self.layers = self.notes = None
        self.dirs = []


def import_image(program, source, work, have=(), id_range=None, erofs=None, **request):
    """Unpacks every layer of `source` (a path or a descriptor) to work/0, work/1, …; with
    `erofs` that is where they are mounted."""
    fd = source if isinstance(source, int) else os.open(source, os.O_RDONLY)
    spool = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    peer = Unpacker(program, id_range)
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
                if id_range:
                    os.chown(path, id_range[0], id_range[0])
            state = "have" if n < len(have) else "unpack"
            form, place = {}, os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            if erofs:
                os.close(place)
                form, place = erofs.request(path)
            peer.send(LAYER, {"index": n, "state": state, **form}, [place])
            os.close(place)
            result.dirs.append(path)
            if state == "unpack":
                kind, layer, fds = peer.receive()
                assert kind == LAYER_DONE
                result.layers.append(layer)
            if erofs:
                erofs.done(path, layer, fds, source)
                place = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
                peer.send(LAYER, {"index": n, "state": "have"}, [place])
                os.close(place)
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


def copy(program, layers, destination, id_range=None):
    """Merges unpacked layers, lowest first, into an empty directory."""
    fds = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (destination, *layers)]
    peer = Unpacker(program, id_range)
    try:
        peer.send(REQUEST, {"op": "copy"}, fds)
        kind, done, _ = peer.receive()
        assert kind == DONE
        return done["notes"]
    finally:
        peer.close()
        for fd in fds:
            os.close(fd)


def remove(program, directory, name, id_range=None):
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    peer = Unpacker(program, id_range)
    try:
        peer.send(REQUEST, {"op": "remove", "name": name}, [fd])
        peer.receive()
    finally:
        peer.close()
        os.close(fd)


def extract(program, source, directory, **request):
    """Puts a file, and by "format" what is in it, into a directory."""
    fds = [os.open(directory, os.O_RDONLY | os.O_DIRECTORY), os.open(source, os.O_RDONLY)]
    peer = Unpacker(program)
    try:
        peer.send(REQUEST, {"op": "extract", **request}, fds)
        assert peer.receive()[0] == DONE
    finally:
        peer.close()
        for fd in fds:
            os.close(fd)
