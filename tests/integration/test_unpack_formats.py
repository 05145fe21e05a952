#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucr-unpack against every kind of archive, compression and image format."""
import bz2
import gzip
import json
import lzma
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile

import tap
import unpacker
import unpack_trees
from image_files import (Layout, archive, block, config_of, digest, docker_archive, f, layer,
                         raw_header)
from unpack_trees import CLOSED, ONE, PROGRAM, describe, names, refuses, sandbox, tree_of

# ---- kinds of tar -----------------------------------------------------------------------

def test_tar_dialects(work):
    """v7, ustar with prefix, base-256 numbers, a global PAX header, no end mark"""
    v7 = raw_header(b"old", 3, b"\0", magic=b"") + block(b"old") + raw_header(b"olddir/", magic=b"")
    far = raw_header(b"name", 1, prefix=b"some/prefix") + block(b"p")
    huge_id = raw_header(b"id", fill={108: (0x80 << 56 | 70000).to_bytes(8, "big")})
    negative = raw_header(b"neg", fill={136: ((1 << 96) - 9).to_bytes(12, "big")})
    tree = tree_of(v7 + far + huge_id + negative)
    assert tree["old"]["data"] == b"old" and tree["olddir"]["type"] == stat.S_IFDIR
    assert tree["some/prefix/name"]["data"] == b"p" and tree["id"]["uid"] == 70000
    assert tree["neg"]["mtime"] == -9 * 10**9
    assert names(tree_of(layer(f("a"), headers={"comment": "1234"}))) == ["a"]


def test_sparse_files(work):
    """sparse files of all three PAX forms and of GNU keep holes and data"""
    with sandbox() as box:
        path = os.path.join(box.path, "s")
        with open(path, "wb") as s:
            s.seek(1 << 20)
            s.write(b"middle")
            s.truncate(3 << 20)
        for arguments in (["--format=gnu"], ["--format=pax", "--sparse-version=0.0"],
                          ["--format=pax", "--sparse-version=0.1"],
                          ["--format=pax", "--sparse-version=1.0"]):
            data = subprocess.run(["tar", "-S", *arguments, "-C", box.path, "-cf", "-", "s"],
                                  check=True, stdout=subprocess.PIPE).stdout
            assert len(data) < 1 << 20
            with sandbox() as inner:
                result = inner.unpack(docker_archive([data]))
                for root in result.dirs[0], inner.merged(result):
                    got = os.path.join(root, "s")
                    assert open(got, "rb").read() == open(path, "rb").read(), arguments
                    assert os.stat(got).st_blocks * 512 < 1 << 20, "holes were filled"


def test_empty_layers(work):
    """layers without members: the end mark alone, and nothing at all"""
    tree = tree_of(layer(f("a")), b"\0" * 1024, b"")
    assert names(tree) == ["a"] and tree["."]["mode"] == 0o755
    with sandbox() as box:
        assert box.unpack(docker_archive([])).layers == []


def test_compressions(work):
    """gzip, bzip2, xz, zstd, lz4; several members, padding, skippable frames"""
    data = layer(f("a", "data" * 5000))

    def tool(*command):
        return lambda x: subprocess.run(command, input=x, stdout=subprocess.PIPE,
                                        check=True).stdout

    def pieces(x):
        return [x[i:i + 999] for i in range(0, len(x), 999)]
    skip = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"12345"
    zstd = tool("zstd", "-c")
    ways = {
        "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd,
        "lz4": tool("lz4", "-c"), "none": lambda x: x,
        "gzip members": lambda x: b"".join(gzip.compress(p) for p in pieces(x)),
        "gzip padded": lambda x: gzip.compress(x) + b"\0" * 1000,
        "zstd frames": lambda x: b"".join(zstd(p) for p in pieces(x)),
        "zstd with a frame to skip": lambda x: zstd(x) + skip,
    }
    for way, compress in ways.items():
        try:
            with sandbox() as box:
                packed = compress(data)  # gzip writes the time: not twice the same
                result = box.unpack(docker_archive([data], compress=lambda _: packed))
                assert result.layers[0]["diff_id"] == digest(data)
                assert result.layers[0]["digest"] == digest(packed)
            with sandbox() as box:  # and around everything
                image = box.unpack(compress(docker_archive([data]))).image
                assert image["names"] == ["test:1"], (way, image)
            with sandbox() as box:
                assert box.unpack(compress(data)).image["format"] == "tar"
        except unpacker.UnpackError as e:
            raise AssertionError(f"{way}: {e.text}")


# ---- formats ----------------------------------------------------------------------------

def test_docker_several(work):
    """several images in one archive: told by tag, listed when it is missing"""
    configs = [config_of([ONE], author=a) for a in ("x", "y")]
    manifest = [{"Config": f"{i}.json", "RepoTags": [f"repo/app:{i}"], "Layers": ["l.tar"]}
                for i in range(2)]
    data = archive({"l.tar": ONE, "0.json": configs[0], "1.json": configs[1],
                    "manifest.json": json.dumps(manifest).encode()})
    refuses(data, "2 images", "repo/app:0", "repo/app:1", "FILE:TAG")
    refuses(data, "no image named nope", "repo/app:0", tag="nope")
    for tag in "1", "repo/app:1":
        with sandbox() as box:
            assert box.unpack(data, tag=tag).config == configs[1]


def test_docker_short_names(work):
    """the names that podman gives are found by what follows localhost/"""
    def saved(*names):
        files = {f"{i}.json": config_of([ONE], author=name) for i, name in enumerate(names)}
        manifest = [{"Config": f"{i}.json", "RepoTags": [name], "Layers": ["l.tar"]}
                    for i, name in enumerate(names)]
        return archive({"l.tar": ONE, **files, "manifest.json": json.dumps(manifest).encode()})

    def chosen(data, tag):
        with sandbox() as box:
            return json.loads(box.unpack(data, tag=tag).config)["author"]

    data = saved("localhost/aa:1", "localhost/bb:1", "localhost/bb:latest")
    assert chosen(data, "aa:1") == "localhost/aa:1"
    assert chosen(data, "bb") == "localhost/bb:latest"
    refuses(data, "2 images", tag="1")
    data = saved("aa:1", "localhost/aa:1", "docker.io/library/bb:1", "localhost/bb:1")
    assert chosen(data, "aa:1") == "aa:1"
    refuses(data, "2 images", tag="bb:1")
    assert chosen(data, "localhost/bb:1") == "localhost/bb:1"


def test_docker_links(work):
    """layer.tar as a link to another layer's, a compressed layer, no tags"""
    two = layer(f("two"))
    manifest = [{"Config": "c.json", "RepoTags": None,
                 "Layers": ["a/layer.tar", "b/layer.tar", "c/layer.tar"]}]
    with sandbox() as box:
        result = box.unpack(archive({
            "a/layer.tar": "../b/layer.tar", "b/layer.tar": ONE, "c/layer.tar": gzip.compress(two),
            "c.json": config_of([ONE, ONE, two]), "manifest.json": json.dumps(manifest).encode()}))
        assert "two" in names(describe(box.merged(result)))
        assert result.image["names"] == [] and result.image["format"] == "docker-archive"
    refuses(archive({"a": "b", "b": "a", "c.json": config_of([ONE]), "manifest.json":
                     b'[{"Config":"c.json","Layers":["a"]}]'}), "circle")


def test_docker_v1(work):
    """the layout before docker 1.10: json and layer.tar by parent"""
    ids = ["%064x" % n for n in (1, 2)]
    files = {}
    for n, data in enumerate([ONE, layer(f("two"))]):
        doc = {"id": ids[n], "os": "linux", "architecture": "amd64",
               "config": {"Cmd": ["/bin/true", str(n)]}}
        if n:
            doc["parent"] = ids[n - 1]
        files[ids[n] + "/json"] = json.dumps(doc).encode()
        files[ids[n] + "/VERSION"] = b"1.0"
        files[ids[n] + "/layer.tar"] = data
    for extra in {}, {"repositories": json.dumps({"old": {"7": ids[1]}}).encode()}:
        with sandbox() as box:
            result = box.unpack(archive({**files, **extra}))
            config = json.loads(result.config)
            assert config["config"]["Cmd"] == ["/bin/true", "1"]
            assert config["rootfs"]["diff_ids"] == [x["diff_id"] for x in result.layers]
            assert names(describe(box.merged(result))) == ["bin", "bin/true", "two"]
            assert result.image["names"] == (["old:7"] if extra else [])


def test_oci_layouts(work):
    """an OCI layout in an archive and as a directory, index and platforms included"""
    layout = Layout()
    arm = layout.manifest([layer(f("arm"))])
    amd = layout.manifest([layer(f("amd"))])
    fast = layout.manifest([layer(f("fast"))])
    nothing = layout.blob(b"{}", "application/vnd.in-toto+json")
    linux = {"os": "linux"}
    index = layout.index([
        {**nothing, "platform": {"os": "unknown", "architecture": "unknown"}},
        {**amd, "platform": {"os": "unknown", "architecture": "unknown"},
         "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {**arm, "platform": {**linux, "architecture": "arm", "variant": "v7"}},
        {**fast, "platform": {**linux, "architecture": "amd64", "variant": "v9"}},
        {**amd, "platform": {**linux, "architecture": "amd64"}}])
    layout.add(index, "multi")
    data = layout.tar()
    for want, got in (({"os": "linux", "architecture": "amd64"}, "amd"),
                      ({"os": "linux", "architecture": "amd64", "variant": "v9"}, "fast"),
                      ({"os": "linux", "architecture": "arm"}, "arm")):
        with sandbox() as box:
            result = box.unpack(data, platform=want)
            assert names(describe(box.merged(result))) == [got], (want, got)
            assert result.image["format"] == "oci-archive"
            assert digest(result.manifest) == result.image["manifest_digest"]
    refuses(data, "linux/s390x", "linux/arm/v7", platform={"architecture": "s390x"})
    refuses(data, "linux/arm/v5", platform={"architecture": "arm", "variant": "v5"})
    with sandbox() as box:
        os.mkdir(box.path + "/layout")
        with tarfile.open(box.write(data)) as tar:
            tar.extractall(box.path + "/layout")
        result = unpacker.import_image(PROGRAM, box.path + "/layout", box.work,
                                       platform={"architecture": "amd64"})
        assert result.image["format"] == "oci" and result.image["names"] == ["multi"]


def test_oci_refusals(work):
    """contradictions, artifacts, missing and wrong blobs of a layout, each in words"""
    def bad(*words, change=None, spoil=None, **kw):
        layout = Layout()
        layout.add(layout.manifest([ONE], change=change, **kw))
        if spoil:
            spoil(layout)
        refuses(layout.tar(), *words)

    bad("both an index and a manifest", change=lambda doc: doc.update(manifests=[]))
    bad("calls itself", change=lambda doc: doc.update(
        mediaType="application/vnd.oci.image.index.v1+json"))
    bad("artifact", change=lambda doc: doc.update(artifactType="application/x-thing"))
    bad("artifact", change=lambda doc: doc["config"].update(
        mediaType="application/vnd.oci.empty.v1+json"))
    bad("encrypted", media="application/vnd.oci.image.layer.v1.tar+gzip+encrypted")
    bad("unknown kind", media="application/x-thing")
    bad("schemaVersion", change=lambda doc: doc.update(schemaVersion=3))
    bad("1 layers", "speaks of 2", config=config_of([ONE, ONE]))
    bad("diff_id", "expected", "got", config=config_of([layer(f("else"))]))
    bad("not a valid digest", change=lambda doc: doc["layers"][0].update(
        digest="sha256:../../../etc/passwd"))
    bad("only sha256", change=lambda doc: doc["layers"][0].update(digest="sha512:" + "0" * 128))
    bad("not the", "descriptor", change=lambda doc: doc["layers"][0].update(size=5))

    def without_layer(layout):
        for name in list(layout.files):
            if layout.files[name][:2] == b"\x1f\x8b":
                del layout.files[name]
    bad("layer 0", "not in the layout", spoil=without_layer)
    bad("kept elsewhere", spoil=without_layer,
        media="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")

    def corrupt(layout):
        for name in layout.files:
            if b"rootfs" in layout.files[name]:
                layout.files[name] = layout.files[name].replace(b"amd64", b"amd46")
    bad("corrupt", spoil=corrupt)

    def other_layer(layout):
        for name in layout.files:
            if layout.files[name][:2] == b"\x1f\x8b":
                layout.files[name] = layout.files[name][:4] + b"\1" + layout.files[name][5:]
    bad("layer 0", "digest is wrong", "expected", spoil=other_layer)

    def spoil_at(start, junk):
        def spoil(layout):
            for name, data in layout.files.items():
                if data[:2] == b"\x1f\x8b":
                    layout.files[name] = data[:start] + junk + data[start + len(junk):]
        return spoil
    bad("layer 0", "digest is wrong: expected sha256:", "got sha256:", spoil=spoil_at(0, b"JUNK"))
    bad("layer 0", "digest is wrong: expected sha256:", "got sha256:",
        spoil=spoil_at(12, b"\xff" * 8))
    bad("imageLayoutVersion", spoil=lambda x: x.files.update({"oci-layout": b"{}"}))
    nested = Layout()
    inner = nested.manifest([ONE])
    for _ in range(6):
        inner = nested.index([inner])
    refuses(nested.add(inner).tar(), "nested")


def test_unknown_formats(work):
    """what is no image is told as such"""
    refuses(b"hello, world\n" * 100, "not a tar archive")
    refuses(b"", "empty")
    refuses(gzip.compress(b"text"), "not a tar archive")
    refuses(ONE, "no docker-archive", format="docker-archive")
    refuses(ONE, "oci-layout", format="oci-archive")
    refuses(docker_archive([ONE])[:3000], "")
    refuses(archive({"manifest.json": b"[]"}), "no image")
    layout = Layout()
    layout.add(layout.manifest([ONE])).tar()
    del layout.files["index.json"]
    refuses(archive(layout.files), "parts of an image", "tar:FILE")
    refuses(gzip.compress(archive(layout.files)), "parts of an image")
    refuses(archive({"manifest.json": b"null"}), "manifest.json: must be an array")
    refuses(archive({"manifest.json": b'[{"Config":"x","Layers":[]}]'}), "configuration")
    refuses(archive({"manifest.json": b'[{"Config":"c","Layers":["gone"]}]',
                     "c": config_of([ONE])}), "layer 0", "gone")
    refuses(archive({"manifest.json": b"[" * 100000}), "manifest.json")


def test_damaged(work):
    """truncated and corrupt data of every compression"""
    data = layer(f("a", os.urandom(200000)), f("b", "x"))
    for compress in gzip.compress, bz2.compress, lzma.compress, lambda x: x:
        whole = compress(data)
        refuses(whole[:len(whole) // 2], "")
        if whole != data:
            broken = bytearray(whole)
            broken[len(whole) // 2] ^= 0xff
            refuses(bytes(broken), "corrupt")
    broken = bytearray(layer(f("a"), f("b"), f("c")))
    broken[512 * 2 + 3] ^= 0xff
    refuses(bytes(broken), "damaged")


def test_trailing_garbage(work):
    """what follows the compressed data is padding or an error, wherever it begins"""
    def tool(*command):
        return lambda x: subprocess.run(command, input=x, stdout=subprocess.PIPE,
                                        check=True).stdout
    ways = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
    ways |= {name: tool(name, "-c") for name in ("zstd", "lz4") if shutil.which(name)}
    for name, compress in ways.items():
        for size in 0, 100000, 262100, 524200:
            data = layer(f("a", os.urandom(size)), f("b", "x"))
            whole = compress(data)
            # Where one read of the file ends and the next begins.
            for pad in 0, -len(whole) % 65536 + 65536 - 3:
                if pad and name in ("zstd", "xz"):
                    continue  # these take no padding, or only by fours
                refuses(whole + bytes(pad) + b"x", name)
                refuses(whole + bytes(pad) + os.urandom(300000), name)
        if name != "zstd":
            assert names(tree_of(data, compress=lambda _: whole + bytes(4096))) == ["a", "b"]
        both = whole + compress(bytes(10240))
        with sandbox() as box:
            assert names(describe(box.merged(box.unpack(both)))) == ["a", "b"]


# ---- against others ---------------------------------------------------------------------

def umoci_layout(path):
    """A real image of two layers, made by umoci and copied on by skopeo."""
    for tool in "umoci", "skopeo":
        if not shutil.which(tool):
            raise tap.Skip(tool + " is not installed")

    def do(*command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    layout, bundle = path + "/layout", path + "/bundle"
    do("umoci", "init", "--layout", layout)
    do("umoci", "new", "--image", layout + ":base")
    do("umoci", "unpack", "--image", layout + ":base", bundle)
    root = bundle + "/rootfs"
    for name in "etc", "usr/bin", "var/cache", "srv":
        os.makedirs(f"{root}/{name}")
    do("cp", "-a", "/bin/ls", "/usr/bin/env", "/bin/sh", root + "/usr/bin/")
    os.symlink("usr/bin", root + "/bin")
    os.chmod(root + "/srv", 0o2770)
    os.setxattr(root + "/usr/bin/env", "user.note", b"kept")
    for n in range(50):
        with open(f"{root}/var/cache/{n}", "w") as out:
            out.write(str(n) * n)
    os.link(root + "/var/cache/7", root + "/etc/seven")
    do("umoci", "repack", "--refresh-bundle", "--image", layout + ":base", bundle)
    shutil.rmtree(root + "/srv")
    for n in range(0, 50, 2):
        os.unlink(f"{root}/var/cache/{n}")
    os.unlink(root + "/usr/bin/ls")
    os.mkdir(root + "/usr/bin/ls")
    os.chown(root + "/etc", 3, 4)
    # Within a second of the first layer umoci would take these for unchanged, and round the
    # time of the first.
    for name in "usr/bin", "var/cache":
        os.utime(f"{root}/{name}", (CLOSED, CLOSED))
    do("umoci", "repack", "--refresh-bundle", "--image", layout + ":top", bundle)
    return layout, root


def test_same_as_umoci(work):
    """an image that umoci made, through skopeo's formats: the same files as it began with"""
    with sandbox() as box:
        made = tempfile.mkdtemp(dir=box.path, prefix="made")
        layout, root = umoci_layout(made)
        expected = describe(root)
        for facts in expected.values():  # umoci rounds to seconds
            facts["mtime"] = (facts["mtime"] + 10**9 // 2) // 10**9
        images = {"docker-archive": made + "/d.tar:x/y:1", "oci-archive": made + "/o.tar:top",
                  "oci": made + "/other:top"}
        for n, (form, target) in enumerate(images.items()):
            subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout}:top",
                            f"{form}:{target}"], check=True)
            work = f"{box.path}/work{n}"
            os.mkdir(work)
            result = unpacker.import_image(PROGRAM, target.split(":")[0], work)
            assert result.image["format"] == form and len(result.dirs) == 2, result.image
            os.mkdir(work + "/merged")
            unpacker.copy(PROGRAM, result.dirs, work + "/merged")
            got = describe(work + "/merged")
            assert got.keys() == expected.keys(), got.keys() ^ expected.keys()
            for facts in got.values():
                facts["mtime"] = (facts["mtime"] + 10**9 // 2) // 10**9
            for name in set(got) - {"."}:
                assert got[name] == expected[name], (form, name, got[name], expected[name])


def test_same_as_tar(work):
    """a tree of this machine, as GNU tar unpacks it"""
    with sandbox() as box:
        os.mkdir(box.path + "/expected")
        tar = subprocess.run(["tar", "--xattrs", "-C", "/", "-czf", box.path + "/t.tar.gz",
                              "etc/alternatives", "etc/init.d", "usr/lib/python3/dist-packages"],
                             check=False, stderr=subprocess.DEVNULL)
        assert tar.returncode in (0, 1)
        subprocess.run(["tar", "--xattrs", "--numeric-owner", "-xzpf", box.path + "/t.tar.gz",
                        "-C", box.path + "/expected"], check=True)
        result = unpacker.import_image(PROGRAM, box.path + "/t.tar.gz", box.work)
        got, expected = describe(result.dirs[0]), describe(box.path + "/expected")
        assert got.keys() == expected.keys()
        implied = {".", "etc", "usr", "usr/lib", "usr/lib/python3"}
        for name in set(got) - implied:
            assert got[name] == expected[name], (name, got[name], expected[name])

if __name__ == "__main__":
    unpack_trees.main(globals())
