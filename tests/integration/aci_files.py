# SPDX-License-Identifier: Apache-2.0
"""Makes App Container Images for tests."""
import hashlib
import json
import shutil

from image_files import d, entry, f, layer

LABELS = {"version": "1.0.0", "os": "linux", "arch": "amd64"}
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:100:101::/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:101:\nextra:x:300:\n"


def pairs(values):
    return [{"name": name, "value": value} for name, value in values.items()]


def manifest(name="example.com/app", labels=None, app=None, **more):
    """The document; app={}: with what every app has, app=None: an image that is no app."""
    document = {"acKind": "ImageManifest", "acVersion": "0.8.11", "name": name,
                "labels": pairs(LABELS if labels is None else labels)}
    if app is not None:
        document["app"] = {"user": "0", "group": "0", **app}
    document.update(more)
    return document


def busybox():
    """The members that make commands work."""
    with open(shutil.which("busybox"), "rb") as program:
        members = [d("rootfs"), d("rootfs/bin"), d("rootfs/etc"), d("rootfs/tmp", mode=0o1777),
                   f("rootfs/bin/busybox", program.read(), mode=0o755),
                   f("rootfs/etc/passwd", PASSWD), f("rootfs/etc/group", GROUP)]
    applets = "sh echo id cat ls sleep true false pwd grep env stat kill touch find sort test readlink"
    return members + [entry(f"rootfs/bin/{applet}", "l", link="busybox")
                      for applet in applets.split()]


def aci(path, document, *members, compress=None):
    """Writes the archive and returns its imageID."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    data = layer(f("manifest", text), *members)
    with open(path, "wb") as out:
        out.write(compress(data) if compress else data)
    return "sha512-" + hashlib.sha512(data).hexdigest()


def app(path, exec_, *members, name="example.com/app", compress=None, **fields):
    """An app on busybox: its command, more members, and what else its "app" says."""
    document = manifest(name, app={"exec": exec_, **fields})
    return aci(path, document, *busybox(), *members, compress=compress)
