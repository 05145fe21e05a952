# SPDX-License-Identifier: Apache-2.0
"""Makes layers and images for tests, the awkward and the hostile ones included."""
import gzip
import hashlib
import io
import json
import tarfile

MTIME = 1000000000
TYPES = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE,
         "c": tarfile.CHRTYPE, "b": tarfile.BLKTYPE, "p": tarfile.FIFOTYPE}


def entry(name, kind="f", data=b"", mode=None, uid=0, gid=0, mtime=MTIME, link="", dev=(0, 0),
          pax=None):
    """One member: (TarInfo, data)."""
    info = tarfile.TarInfo(name)
    info.type = TYPES[kind]
    info.mode = mode if mode is not None else (0o755 if kind == "d" else 0o644)
    info.uid, info.gid, info.mtime, info.linkname = uid, gid, mtime, link
    info.devmajor, info.devminor = dev
    info.pax_headers = dict(pax or {})
    data = data.encode() if isinstance(data, str) else data
    info.size = len(data)
    return info, data


def d(name, **kw):
    return entry(name, "d", **kw)


def f(name, data="", **kw):
    return entry(name, "f", data, **kw)


def layer(*entries, form=tarfile.PAX_FORMAT, headers=None):
    """The bytes of a tar archive. A member may be raw bytes instead."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, pax_headers=headers,
                      encoding="utf-8", errors="surrogateescape") as tar:
        for item in entries:
            if isinstance(item, bytes):
                tar.fileobj.write(item)
                tar.offset += len(item)
            else:
                tar.addfile(item[0], io.BytesIO(item[1]))
    return out.getvalue()


def block(data):
    return data + b"\0" * (-len(data) % 512)


def raw_header(name, size=0, kind=b"0", mode=0o644, magic=b"ustar\0" b"00", mtime=MTIME, uid=0,
               link=b"", prefix=b"", fill=None):
    """A header block written by hand; `fill` = {offset: bytes} is put in before the sum."""
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:108] = b"%07o\0" % mode
    h[108:116] = b"%07o\0" % uid
    h[116:124] = b"%07o\0" % 0
    h[124:136] = b"%011o\0" % size
    h[136:148] = b"%011o\0" % mtime
    h[156:157] = kind
    h[157:157 + len(link)] = link
    h[257:257 + len(magic)] = magic
    h[345:345 + len(prefix)] = prefix
    for offset, data in (fill or {}).items():
        h[offset:offset + len(data)] = data
    h[148:156] = b" " * 8
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def config_of(layers, **kw):
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                       "rootfs": {"type": "layers", "diff_ids": [digest(x) for x in layers]},
                       **kw}).encode()


def archive(files):
    """A tar archive of {name: bytes, or str for a symbolic link}."""
    return layer(*[entry(n, "l", link=x) if isinstance(x, str) else f(n, x)
                   for n, x in files.items()])


def docker_archive(layers, tags=("test:1",), config=None, compress=lambda x: x):
    config = config_of(layers) if config is None else config
    names = [f"{i:02}/layer.tar" for i in range(len(layers))]
    config_name = digest(config)[7:] + ".json"
    manifest = [{"Config": config_name, "RepoTags": list(tags), "Layers": names}]
    return archive({**{n: compress(x) for n, x in zip(names, layers)}, config_name: config,
                    "manifest.json": json.dumps(manifest).encode()})


class Layout:
    """The files of an OCI image layout, to be spoiled before they are written."""

    def __init__(self):
        self.files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}
        self.manifests = []

    def blob(self, data, media_type, **kw):
        name = digest(data)
        self.files["blobs/sha256/" + name[7:]] = data
        return {"mediaType": media_type, "digest": name, "size": len(data), **kw}

    def manifest(self, layers, config=None, compress=gzip.compress,
                 media="application/vnd.oci.image.layer.v1.tar+gzip", change=None):
        config = config_of(layers) if config is None else config
        doc = {"schemaVersion": 2,
               "mediaType": "application/vnd.oci.image.manifest.v1+json",
               "config": self.blob(config, "application/vnd.oci.image.config.v1+json"),
               "layers": [self.blob(compress(x), media) for x in layers]}
        if change:
            change(doc)
        return self.blob(json.dumps(doc).encode(),
                         "application/vnd.oci.image.manifest.v1+json")

    def index(self, manifests):
        doc = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
               "manifests": manifests}
        return self.blob(json.dumps(doc).encode(), "application/vnd.oci.image.index.v1+json")

    def add(self, descriptor, name=None, **kw):
        if name:
            descriptor = {**descriptor,
                          "annotations": {"org.opencontainers.image.ref.name": name}}
        self.manifests.append({**descriptor, **kw})
        return self

    def tar(self):
        self.files.setdefault("index.json", json.dumps(
            {"schemaVersion": 2, "manifests": self.manifests}).encode())
        return archive(self.files)
