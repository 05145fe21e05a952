#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl export and import: a container's files as a tar archive, and an image of it."""
import http.server
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import threading

import cli
from cli import good, refused
from image_files import d, digest, entry, f, layer
import tap
from tap import Skip
from test_rootless import Tester


def written(work, data, name="in.tar"):
    path = f"{work}/{name}"
    with open(path, "wb") as out:
        out.write(data)
    return path


def ended(image, *command):
    """A container of the image, after its command."""
    name = f"c{len(good('ps', '-aq').lines)}"
    good("run", "--name", name, image, *command)
    return name


def exported(work, container):
    """The archive as a file, and {name: member}."""
    path = f"{work}/out.tar"
    good("export", "-o", path, container)
    with tarfile.open(path) as tar:
        return path, {m.name: m for m in tar}


def content(path, name):
    with tarfile.open(path) as tar:
        return tar.extractfile(name).read()


def shown(image):
    return json.loads(good("inspect", image).out)[0]


def busybox():
    return cli.busybox_archive()


def image_of(work, *members):
    """An image of busybox with these members."""
    with tarfile.open(busybox()) as outer:
        name = json.load(outer.extractfile("manifest.json"))[0]["Layers"][0]
        base = outer.extractfile(name).read()
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(base)) as old, \
            tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as new:
        for m in old:
            new.addfile(m, old.extractfile(m) if m.isfile() else None)
        for info, data in members:
            new.addfile(info, io.BytesIO(data))
    return good("import", written(work, out.getvalue(), "image.tar")).out.strip()


def test_changes_are_seen(work):
    """what the container added, changed, deleted and replaced, and nothing of overlayfs"""
    image = image_of(work, d("etc/keep"), f("etc/keep/a", "old"), f("etc/gone", "x"),
                     d("etc/fresh"), f("etc/fresh/old", "x"), f("etc/kind", "file"))
    container = ended(image, "sh", "-c", "echo new > /etc/keep/a; rm /etc/gone; rm -r /etc/fresh; "
                      "mkdir /etc/fresh; echo y > /etc/fresh/new; rm /etc/kind; mkdir /etc/kind; "
                      "ln /etc/keep/a /etc/keep/b; ln -s ../keep /etc/link; mkfifo /etc/pipe; "
                      "chown 3:4 /etc/kind; chmod 2751 /etc/kind")
    path, got = exported(work, container)
    assert content(path, "etc/keep/a") == b"new\n" and content(path, "etc/fresh/new") == b"y\n"
    assert "etc/gone" not in got and "etc/fresh/old" not in got
    assert got["etc/kind"].isdir() and got["etc/kind"].mode == 0o2751
    assert (got["etc/kind"].uid, got["etc/kind"].gid) == (3, 4)
    assert got["etc/keep/b"].islnk() and got["etc/keep/b"].linkname == "etc/keep/a"
    assert got["etc/link"].linkname == "../keep" and got["etc/pipe"].isfifo()
    assert "." in got and not [n for n in got if ".wh." in n or n.startswith("/")]
    assert not [m for m in got.values() if any("overlay" in key for key in m.pax_headers)]
    mounted = [n for n in got if n.startswith(("proc/", "sys/", "dev/"))]
    assert not [n for n in mounted if not got[n].isdir() and got[n].size], mounted


def test_exact(work):
    """long names, odd bytes, large ids, fractions, attributes, devices, links: all come back"""
    long = "/".join(["deep" * 20] * 4) + "/" + "n" * 200
    image = image_of(
        work, d("d", mode=0o1777, mtime=7),
        f("d/a", os.urandom(70000), mode=0o4755, uid=4000000000, gid=70000),
        entry("d/h", "h", link="d/a"), f(long, "x"), entry("sl", "l", link="t" * 150),
        entry("hl", "h", link=long), f("e\u0301 \udcff", "bytes"), f("new\nline", ""),
        f("t1", pax={"mtime": "-1.5"}), f("t2", pax={"mtime": "5.123456789"}),
        f("x", "x", pax={"SCHILY.xattr.user.k": "v = \n1"}), entry("c", "c", dev=(1, 3)),
        entry("b", "b", dev=(7, 300), mode=0o660), entry("p", "p", mode=0o600),
        entry("lx", "l", link="x", uid=9, mtime=12))
    path, _ = exported(work, ended(image, "true"))
    again = good("import", path).out.strip()
    for number, which in enumerate((image, again)):
        good("unpack", which, f"{work}/{number}")
    compare(f"{work}/0", f"{work}/1")


def facts(path):
    st = os.lstat(path)
    said = {"mode": st.st_mode, "uid": st.st_uid, "gid": st.st_gid, "mtime": st.st_mtime_ns,
            "rdev": st.st_rdev, "links": st.st_nlink if not stat.S_ISDIR(st.st_mode) else 0,
            "xattrs": {k: os.getxattr(path, k, follow_symlinks=False)
                       for k in os.listxattr(path, follow_symlinks=False)}}
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as data:
            said["data"] = data.read()
    if stat.S_ISLNK(st.st_mode):
        said["target"] = os.readlink(path)
    return said


def names_below(top):
    return {os.path.relpath(os.path.join(base, n), top)
            for base, dirs, files in os.walk(top) for n in dirs + files}


def compare(image, exported_tree):
    """Two trees that must not differ, but for where the container had something mounted."""
    names = names_below(image)
    added = names_below(exported_tree) ^ names
    assert len(names) > 15
    assert all(n.split("/")[0] in ("dev", "proc", "sys", "etc", "run") for n in added), added
    touched = {os.path.dirname(n) for n in added}
    for name in sorted(names):
        left, right = facts(f"{image}/{name}"), facts(f"{exported_tree}/{name}")
        if name in touched:
            left["mtime"] = right["mtime"]
        assert left == right, (name, left, right)


def test_round_trip(work):
    """export, import, run"""
    container = ended(busybox(), "sh", "-c", "echo made > /made; chmod 700 /made")
    path, _ = exported(work, container)
    image = good("import", "-c", 'CMD ["cat", "/made"]', "-c", "ENV A=1 B='2 3'", "-c",
                 "WORKDIR /etc", "-m", "by hand", path, "localhost/made:1").out.strip()
    assert good("run", "--rm", "localhost/made:1").out == "made\n"
    assert good("run", "--rm", image, "sh", "-c", "echo $A $B; pwd").out == "1 2 3\n/etc\n"
    assert shown(image)["Created"].startswith("20")


def test_pipe(work):
    """to standard output, and from standard input, compressed or not"""
    container = ended(busybox(), "touch", "/piped")
    data = subprocess.run([cli.UCRCTL, "--root", cli.ROOT, "export", container], check=True,
                          capture_output=True).stdout
    for compress in ["cat"], ["gzip", "-c"], ["xz", "-0c"]:
        packed = subprocess.run(compress, input=data, capture_output=True, check=True).stdout
        done = subprocess.run([cli.UCRCTL, "--root", cli.ROOT, "import", "-q", "-"], input=packed,
                              capture_output=True, check=True)
        assert good("run", "--rm", done.stdout.decode().strip(), "ls", "/piped").out


def test_running(work):
    """a running container is read as it is, and goes on"""
    good("run", "-d", "--name", "busy", busybox(), "sh", "-c",
         "while :; do date > /clock; rm -f /blink; : > /blink; done")
    try:
        for _ in range(3):
            result = cli.run("export", "-o", f"{work}/out.tar", "busy")
            assert result.status == 0, result
            with tarfile.open(f"{work}/out.tar") as tar:
                assert "bin/sh" in tar.getnames() or "bin/busybox" in tar.getnames()
        assert "busy" in good("ps", "--format", "{{.Names}}").out
    finally:
        good("rm", "-f", "busy")


def test_refusals(work):
    """no terminal, no absent container, no broken pipe, no full disk, nothing left"""
    container = ended(busybox(), "true")
    leader, follower = os.openpty()
    result = cli.run("export", container, stdout=follower)
    assert result.status == 125 and "is a terminal" in result.err, result
    assert "is a terminal" in refused("export", "-o", os.ttyname(follower), container)
    os.close(leader)
    os.close(follower)
    assert "nosuch" in refused("export", "-o", f"{work}/out.tar", "nosuch")
    with open("/dev/full", "wb") as full:
        result = cli.run("export", container, stdout=full)
    assert result.status == 125 and "No space left" in result.err, result
    reader, writer = os.pipe()
    os.close(reader)
    result = cli.run("export", container, stdout=writer)
    os.close(writer)
    assert result.status == 125 and "Broken pipe" in result.err, result
    assert "no such file or directory" in refused("export", "-o", f"{work}/no/out", container) \
        .lower()
    assert os.listdir(work) == []


def test_import_is_files(work):
    """an archive that is an image is files as any other; the archive itself stays what it is"""
    saved = busybox()
    image = good("import", saved).out.strip()
    good("unpack", image, f"{work}/tree")
    assert "manifest.json" in os.listdir(f"{work}/tree")
    assert good("run", "--rm", saved, "echo", "still an image").out == "still an image\n"
    tar = written(work, layer(d("etc"), f("etc/x", "x")))
    plain = good("load", "-qi", "tar:" + tar).out.split()[-1]
    built = good("import", "-c", "USER 5", tar).out.strip()
    assert good("load", "-qi", "tar:" + tar).out.split()[-1] == plain != built
    assert shown(built)["Config"]["User"] == "5" and shown(plain)["Config"]["User"] == ""


def test_import_config(work):
    """every instruction is in the configuration, whose digest is the image's id"""
    tar = written(work, layer(f("a", "a")))
    changes = ["CMD echo $HOME", 'ENTRYPOINT ["/bin/x", "y z"]', "ENV=A=1", "env B 2 3",
               "LABEL l=1 \"m n\"=2", "EXPOSE 80 53/udp", 'VOLUME ["/v", "/w"]', "VOLUME /v",
               "USER 1:2", "WORKDIR /w", "STOPSIGNAL SIGINT"]
    image = good("import", "-m", "why", "--platform", "linux/arm64/v8",
                 *[word for c in changes for word in ("-c", c)], tar, "app:1").out.strip()
    config = shown(image)["Config"]
    assert config == {
        "User": "1:2", "Env": ["A=1", "B=2 3"], "Entrypoint": ["/bin/x", "y z"],
        "Cmd": ["/bin/sh", "-c", "echo $HOME"], "WorkingDir": "/w", "StopSignal": "SIGINT",
        "Volumes": {"/v": {}, "/w": {}}, "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Labels": {"l": "1", "m n": "2"}}, config
    assert shown("app:1")["Id"] == image and shown(image)["Architecture"] == "arm64"
    with open(f"{cli.ROOT}/images/blobs/sha256/{image[7:]}", "rb") as blob:
        text = blob.read()
    assert digest(text) == image and json.loads(text)["history"][0]["comment"] == "why"
    with open(tar, "rb") as data:
        assert json.loads(text)["rootfs"]["diff_ids"] == [digest(data.read())]


def test_import_from_url(work):
    """where it came from is in the history, but not the secret of a signed URL"""
    archive = layer(f("a", "a"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # pylint: disable=invalid-name
            self.send_response(200)
            self.send_header("Content-Length", str(len(archive)))
            self.end_headers()
            self.wfile.write(archive)

        def log_message(self, *_args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/files.tar"
        image = good("import", f"{url}?X-Signature=secret").out.strip()
        server.shutdown()
    with open(f"{cli.ROOT}/images/blobs/sha256/{image[7:]}", "rb") as blob:
        text = blob.read()
    assert url in json.loads(text)["history"][0]["comment"] and b"secret" not in text, text
    assert work


def test_import_refusals(work):
    """bad instructions and names are refused before anything is read"""
    tar = written(work, layer(f("a", "a")))
    before = good("images", "-q").lines
    for change, words in (("RUN make", "nothing that can be changed"), ("CMD", "takes a value"),
                          ('CMD ["a"', "CMD"), ("EXPOSE 0", "no port"), ("EXPOSE 5/x", "no port"),
                          ("VOLUME data", "slash"), ("WORKDIR x", "slash"), ("ENV A", "NAME=VALUE"),
                          ("USER a b", "one word"), ("LABEL 'a=1", "not closed"),
                          ("STOPSIGNAL SIGNO", "no signal")):
        said = refused("import", "-c", change, tar)
        assert words in said, (change, said)
    assert "no image name" in refused("import", tar, "Bad Name")
    assert "digest" in refused("import", tar, "a@sha256:" + "0" * 64)
    assert "no such file" in refused("import", f"{work}/absent")
    assert "not a tar archive" in refused("import", written(work, b"text" * 999, "t"))
    assert good("images", "-q").lines == before


def test_podman(work):
    """podman imports our export, and we import podman's"""
    if not shutil.which("podman"):
        raise Skip("podman is not installed")
    container = ended(busybox(), "sh", "-c", "echo ours > /ours; ln /ours /twin")
    path, _ = exported(work, container)
    podman = ["podman", "--root", f"{work}/podman", "--runroot", f"{work}/run", "--storage-driver",
              "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"]

    def do(*args):
        return subprocess.run([*podman, *args], check=True, capture_output=True).stdout.decode()
    try:
        do("import", "-q", path, "localhost/ours:1")
        do("create", "--name", "theirs", "--network", "none", "localhost/ours:1", "/bin/sh")
        do("export", "-o", f"{work}/theirs.tar", "theirs")
    except subprocess.CalledProcessError as e:
        raise AssertionError(e.stderr)
    with tarfile.open(path) as ours, tarfile.open(f"{work}/theirs.tar") as theirs:
        mine = {m.name.strip("./"): m for m in ours}
        for m in theirs:
            name = m.name.strip("./")
            if name in mine and m.isfile() and mine[name].isfile():
                left, right = ((x.mode & 0o7777, x.uid, x.size) for x in (mine[name], m))
                assert left == right, (name, left, right)
        assert {m.name.strip("./") for m in theirs} >= {"ours", "twin"}
    image = good("import", f"{work}/theirs.tar").out.strip()
    assert good("run", "--rm", image, "cat", "/twin").out == "ours\n"


def test_rootless(work):
    """a user's container has the owners it sees, not the host's"""
    user = Tester(work)
    user.good("run", "--name", "c", user.archive, "sh", "-c",
              "echo x > /x; chown 7:8 /x; mkdir -m 0 /closed")
    out = user.root + "/out.tar"
    user.good("export", "-o", out, "c")
    with tarfile.open(out) as tar:
        got = {m.name: m for m in tar}
    assert (got["x"].uid, got["x"].gid, got["closed"].mode) == (7, 8, 0)
    assert got["."].uid == 0
    image = user.good("import", out).strip()
    assert user.good("run", "--rm", image, "stat", "-c", "%u %g", "/x") == "7 8\n"


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    else:
        tap.main(globals())
