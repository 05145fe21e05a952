# SPDX-License-Identifier: Apache-2.0
"""Writes image archives for tests, as docker save does: small, and exactly as asked."""
import hashlib
import io
import json
import tarfile


def add(tar, name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))


def layer(files, **fields):
    """The bytes of a layer's tar: {name: content}, None for a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            kind = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            add(tar, name, content or b"", type=kind, **fields)
    return out.getvalue()


def docker_archive(path, layers, names=(), **config):
    """Writes `path` and returns the image's id."""
    diff_ids = ["sha256:" + hashlib.sha256(data).hexdigest() for data in layers]
    document = json.dumps({"os": "linux", "architecture": "amd64", "config": config,
                           "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
    image_id = hashlib.sha256(document).hexdigest()
    members = [f"{i}/layer.tar" for i in range(len(layers))]
    manifest = [{"Config": image_id + ".json", "RepoTags": list(names), "Layers": members}]
    with tarfile.open(path, "w") as tar:
        add(tar, "manifest.json", json.dumps(manifest).encode())
        add(tar, image_id + ".json", document)
        for member, data in zip(members, layers):
            add(tar, member, data)
    return "sha256:" + image_id
