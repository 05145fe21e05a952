# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of unpacking and pulling: a part of bench.py."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time

from pairs import Subject, compare
from peers import have

FILES = 60000


def sh(*command, **more):
    return subprocess.run(command, check=True, **more)


class Registry:
    """docker-registry on loopback, with one image in it."""

    def __init__(self, work, image):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{s.getsockname()[1]}"
        config = os.path.join(work, "registry.yml")
        with open(config, "w", encoding="ascii") as f:
            f.write("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                    f"storage: {{filesystem: {{rootdirectory: {work}/registry}}}}\n"
                    f"http: {{addr: {self.host}}}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", config],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        self.name = f"{self.host}/bench/debian:1"
        sh("skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", image,
           f"docker://{self.name}")


class ImageBenches:
    """Needs debian_image(), ucrctl(), wait_for_flush(), store, work and rounds of a Bench."""

    def out_directory(self):
        out = os.path.join(self.work, "out")

        def clean():
            shutil.rmtree(out, ignore_errors=True)
            shutil.rmtree(self.store, ignore_errors=True)
            os.makedirs(out)
        return out, clean

    def many_files_layout(self):
        """The Debian and three layers of 20,000 small files each, gzipped; an OCI layout."""
        self.debian_image()
        layout = os.path.join(self.work, "files-oci")
        if os.path.exists(layout):
            return layout
        shutil.copytree(os.path.join(self.work, "debian-oci"), layout + ".new")
        for n in range(3):
            root = os.path.join(self.work, f"files-{n}")
            for i in range(FILES // 3):
                folder = f"{root}/{n}/{i // 200}"
                os.makedirs(folder, exist_ok=True)
                text = hashlib.sha256(f"{n} {i}".encode()).hexdigest() * (1 + i % 40)
                with open(f"{folder}/file-{i}.txt", "w", encoding="ascii") as f:
                    f.write(text)
            sh("umoci", "insert", "--image", f"{layout}.new:latest", root, f"/files{n}",
               stdout=subprocess.DEVNULL)
            shutil.rmtree(root)
        os.rename(layout + ".new", layout)
        return layout

    def layers(self, layout):
        def blob(digest):
            return os.path.join(layout, "blobs/sha256", digest[7:])

        with open(os.path.join(layout, "index.json"), encoding="utf-8") as f:
            manifest = json.load(f)["manifests"][-1]["digest"]
        with open(blob(manifest), encoding="utf-8") as f:
            return [blob(layer["digest"]) for layer in json.load(f)["layers"]]

    def files(self):
        layout = self.many_files_layout()
        out, clean = self.out_directory()
        tars = " && ".join(f"tar -xzf {layer} -C {out}" for layer in self.layers(layout))
        compare("files: a Debian and 60,000 small files, 4 layers", [
            Subject("ucrctl load", self.ucrctl("load", "-q", "-i", f"oci:{layout}:latest"),
                    before=clean, after=self.wait_for_flush),
            Subject("tar -xzf", ["sh", "-c", tars], before=clean),
            Subject("umoci unpack", ["umoci", "unpack", "--image", f"{layout}:latest",
                                     f"{out}/bundle"], before=clean),
        ], self.rounds, 1, goals={"tar -xzf": "0.80 (cpu)", "umoci unpack": "0.25 (cpu)"})

    def cores(self):
        for name, layout in (("a Debian", os.path.join(self.work, "debian-oci")),
                             ("60,000 files", self.many_files_layout())):
            load = self.ucrctl("load", "-q", "-i", f"oci:{layout}:latest")
            _, clean = self.out_directory()
            compare(f"cores: {name}", [
                Subject("two processors", load, before=clean, after=self.wait_for_flush),
                Subject("one", ["taskset", "-c", "0", *load], before=clean,
                        after=self.wait_for_flush),
            ], self.rounds, 1, goals={"one": "0.8 (wall)"})

    def pull(self):
        if not have("docker-registry"):
            print("pull: left out, docker-registry is not installed")
            return
        image = self.debian_image()
        registry = Registry(self.work, f"oci-archive:{image}")
        out, clean = self.out_directory()
        both = (f"skopeo --insecure-policy copy -q --src-tls-verify=false docker://{registry.name} "
                f"oci:{out}/oci:1 && umoci unpack --image {out}/oci:1 {out}/bundle")
        try:
            compare("pull: a Debian from a registry on loopback", [
                Subject("ucrctl pull", self.ucrctl("pull", "-q", registry.name), before=clean,
                        after=self.wait_for_flush),
                Subject("skopeo + umoci", ["sh", "-c", both], before=clean),
            ], self.rounds, 1, goals={"skopeo + umoci": "0.5 (wall)"})
            compare("pull: the same, already there", [
                Subject("ucrctl pull", self.ucrctl("pull", "-q", registry.name))],
                self.rounds, 1)
        finally:
            registry.process.terminate()
            registry.process.wait()
