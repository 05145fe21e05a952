#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl save: a pulled image becomes an archive that every tool reads as the same image."""
import json
import os
import subprocess
import tarfile

import cli
import image_files
from registry import Registry, digest
import tap
from archives import docker_archive, layer

ENV = {"DOCKER_CONFIG": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent", "HOME": "/nonexistent",
       "REGISTRY_AUTH_FILE": "", "XDG_RUNTIME_DIR": "/nonexistent"}
FORMATS = ("docker-archive", "oci-archive")


class Pulled:
    """A store in work/root with one image of two layers."""

    def __init__(self, work):
        self.work, self.root = work, f"{work}/root"
        with Registry() as reg:
            layers = [image_files.layer(image_files.f("one", b"1\n")),
                      image_files.layer(image_files.f("two", os.urandom(300000)))]
            manifest = reg.put_image(layers=layers)
            self.name = f"{reg.host}/t/app:1"
            done = cli.run("pull", "-q", self.name, root=self.root, env=ENV)
            assert done.status == 0, done
        self.digest = digest(json.dumps(manifest).encode())
        self.id = manifest["config"]["digest"]
        self.blobs = [entry["digest"] for entry in manifest["layers"]]

    def save(self, form, file="saved.tar", name=None):
        path = os.path.join(self.work, file)
        cli.good("save", "--format", form, "-o", path, name or self.name, root=self.root)
        return path

    def rot(self, blob):
        path = os.path.join(self.root, "images/blobs/sha256", blob[7:])
        with open(path, "r+b") as f:
            byte = f.read(1)[0]
            f.seek(0)
            f.write(bytes([byte ^ 1]))


def skopeo(*args):
    if not cli.have("skopeo"):
        raise tap.Skip("needs skopeo")
    done = subprocess.run(["skopeo", *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    return done.stdout


def need_root():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")


def test_round_trip(work):
    """Loaded into another store, it has the same id, name and files."""
    need_root()
    pulled = Pulled(work)
    for form in FORMATS:
        path, root = pulled.save(form), f"{work}/{form}"
        assert os.stat(path).st_mode & 0o777 == 0o600
        cli.good("load", "-q", "-i", path, root=root)
        assert cli.good("images", "-q", "--no-trunc", root=root).lines == [pulled.id]
        dest = f"{work}/files-{form}"
        os.mkdir(dest)
        cli.good("unpack", pulled.id, dest, root=root)
        assert sorted(os.listdir(dest)) == ["one", "two"]
        assert cli.good("fsck", root=root).out.count("\n") == 1
    cli.good("inspect", pulled.name, root=f"{work}/docker-archive")


def test_same_bytes(work):
    """Two saves are equal, by name, by id and through a pipe."""
    need_root()
    pulled = Pulled(work)
    path = pulled.save("oci-archive", name=pulled.id[7:19])
    piped = subprocess.run(
        [cli.UCRCTL, "--root", pulled.root, "save", "--format", "oci-archive", pulled.id],
        stdout=subprocess.PIPE, check=True).stdout
    with open(path, "rb") as f:
        assert f.read() == piped
    with tarfile.open(path) as tar:
        members = {m.name: tar.extractfile(m).read() for m in tar}
    assert set(members) == {"oci-layout", "index.json"} | {
        "blobs/sha256/" + d[7:] for d in (pulled.digest, pulled.id, *pulled.blobs)}
    for name, content in members.items():
        if name.startswith("blobs/"):
            assert digest(content)[7:] == os.path.basename(name)


def test_skopeo_reads_it(work):
    need_root()
    pulled = Pulled(work)
    path = pulled.save("oci-archive")
    assert pulled.digest in skopeo("inspect", f"oci-archive:{path}")
    path = pulled.save("docker-archive")
    skopeo("copy", "--preserve-digests", f"oci-archive:{path}", f"oci:{work}/oci:1")
    seen = json.loads(skopeo("inspect", "--config", f"docker-archive:{path}"))
    assert len(seen["rootfs"]["diff_ids"]) == 2
    skopeo("copy", f"docker-archive:{path}:{pulled.name}", f"dir:{work}/dir")


def test_several_images_share_layers(work):
    need_root()
    pulled = Pulled(work)
    cli.good("tag", pulled.name, "other:2", root=pulled.root)
    path = os.path.join(work, "both.tar")
    cli.good("save", "-o", path, pulled.name, "other:2", root=pulled.root)
    with tarfile.open(path) as tar:
        names = tar.getnames()
        manifest = json.load(tar.extractfile("manifest.json"))
    assert len(names) == len(set(names))
    assert [entry["RepoTags"] for entry in manifest] == [[pulled.name], ["other:2"]]


def test_damage_leaves_nothing(work):
    """A layer that rotted is named, and the file that was there stays."""
    need_root()
    pulled = Pulled(work)
    out = os.path.join(work, "out")
    os.mkdir(out)
    path = pulled.save("docker-archive", "out/a.tar")
    with open(path, "rb") as f:
        before = f.read()
    pulled.rot(pulled.blobs[1])
    said = cli.refused("save", "-o", path, pulled.name, root=pulled.root)
    assert pulled.blobs[1][7:] in said and "ucrctl fsck" in said, said
    with open(path, "rb") as f:
        assert f.read() == before
    assert os.listdir(out) == ["a.tar"]


if __name__ == "__main__":
    tap.main(globals())
