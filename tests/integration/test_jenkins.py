#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contrib/jenkins, driven as Jenkins does it: by the commands of its plugin "Docker Pipeline"."""
import io
import json
import os
import subprocess
import tarfile
import threading
import time

import cli
from docker_api import DockerAgent, docker_program
import image_files
import nested
import tap

WORKSPACE = "/tmp/workspace"
USER = "65534:65534"  # of a task without an image
IMAGES = ("compile", "check", "package")
SOURCES = {
    "ci/compile": "test -e /compile && mkdir -p out && tr a-z A-Z < source > out/object",
    "ci/test": "test -e /check && grep -q HELLO out/object && echo passed > out/report",
    "ci/package": "test -e /package && cat out/object out/report > out/package",
    "source": "hello\n",
}


def layers_of(archive):
    with tarfile.open(archive) as tar:
        manifest, = json.load(tar.extractfile("manifest.json"))
        return [tar.extractfile(name).read() for name in manifest["Layers"]]


def load_images(agent, work):
    """Three that differ: each has a file by its name."""
    for name in IMAGES:
        mark = image_files.layer(image_files.f(name, name))
        path = f"{work}/{name}.tar"
        with open(path, "wb") as file:
            file.write(image_files.docker_archive([*layers_of(cli.busybox_archive()), mark],
                                                  tags=(f"{name}:1",)))
        cli.good("load", path, root=agent.root)


class Builder:
    """The build agent's container, and what Jenkins has it do."""

    def __init__(self, agent, name="builder"):
        if not docker_program():
            raise tap.Skip("docker is not installed (Debian: docker.io)")
        self.agent, self.name = agent, name
        subprocess.run([f"{tap.source_dir()}/contrib/jenkins/start-agent", name, "sleep", "1000"],
                       check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                       env={**os.environ, "UCRCTL": cli.UCRCTL, "BUILD_MEMORY": "256m",
                            "UCR_HOST": f"unix://{agent.path}"})
        self.reference = nested.container_of(agent, name)[1]

    def do(self, *command, stdin=subprocess.DEVNULL, good=True):
        done = cli.run("exec", "-i", "--user", USER, "--env", "HOME=/tmp", self.reference, *command,
                       stdin=stdin, root=self.agent.root)
        assert done.status == 0 or not good, (command, done)
        return done

    def checkout(self, work):
        with open(f"{work}/sources.tar", "wb") as file:
            data = io.BytesIO()
            with tarfile.open(fileobj=data, mode="w") as tar:
                for name, text in SOURCES.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(text)
                    tar.addfile(info, io.BytesIO(text.encode()))
            file.write(data.getvalue())
        with open(f"{work}/sources.tar", "rb") as file:
            self.do("sh", "-c", f"mkdir {WORKSPACE} && tar -x --no-same-owner -C {WORKSPACE}", stdin=file)

    def docker(self, *args, **kw):
        return self.do(docker_program(), *args, **kw).out.strip()

    def begin(self, image):
        """A stage: its container idles while steps are executed in it."""
        container = self.docker("run", "-t", "-d", "-u", USER, "-w", WORKSPACE,
                                "-v", f"{WORKSPACE}:{WORKSPACE}:rw,z", "-e", "BUILD_ID=1", f"{image}:1", "cat")
        assert "cat" in self.docker("top", container, "-eo", "pid,comm"), container
        return container

    def step(self, container, text, good=True):
        return self.do(docker_program(), "exec", container, "sh", "-xe", "-c", text, good=good)

    def finish(self, container):
        self.docker("stop", "--time=1", container)
        self.docker("rm", "-f", "--volumes", container)


def test_pipeline(work):
    """checkout, three stages in three images, and what one makes the next one finds"""
    with nested.serving(DockerAgent(work)) as agent:
        load_images(agent, work)
        builder = Builder(agent)
        builder.checkout(work)
        for image, script in zip(IMAGES, ("compile", "test", "package")):
            container = builder.begin(image)
            builder.step(container, f"sh ci/{script}")
            builder.finish(container)
        assert builder.do("cat", f"{WORKSPACE}/out/package").out == "HELLO\npassed\n"
        assert builder.docker("ps", "-aq") == ""
        assert list(agent.containers()) == ["builder"]


def test_failure(work):
    """a step that fails fails the build, with its status and its words"""
    with nested.serving(DockerAgent(work)) as agent:
        load_images(agent, work)
        builder = Builder(agent)
        builder.checkout(work)
        container = builder.begin("check")
        done = builder.step(container, "ls no-such-file; exit 3", good=False)
        assert done.status != 0 and "no-such-file" in done.err, done
        builder.finish(container)


def test_abort(work):
    """a build that is aborted in a step leaves nothing, and the build agent builds on"""
    with nested.serving(DockerAgent(work)) as agent:
        load_images(agent, work)
        builder, other = Builder(agent), Builder(agent, "other")
        builder.checkout(work)
        container = builder.begin("compile")
        said = []
        step = threading.Thread(target=lambda: said.append(
            builder.step(container, "echo begun > out-begun; sleep 1000", good=False)))
        step.start()
        end = time.monotonic() + 60
        while builder.do("cat", f"{WORKSPACE}/out-begun", good=False).out != "begun\n":
            assert time.monotonic() < end, "the step does not begin"
        assert other.docker("ps", "-aq") == ""
        builder.finish(container)
        step.join(60)
        assert said and said[0].status != 0, said
        assert builder.docker("ps", "-aq") == ""
        again = builder.begin("compile")
        builder.step(again, "sh ci/compile")
        # The build agent goes, and its stage with it.
        agent.kill("builder")
        agent.wait("builder")
        end = time.monotonic() + 60
        while agent.call("GET_CONTAINERS", show_nested=True)[1]["get_containers"]["containers"][1:]:
            assert time.monotonic() < end, "something is left of the build"
            time.sleep(0.05)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    else:
        tap.main(globals())
