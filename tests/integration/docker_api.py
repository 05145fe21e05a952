# SPDX-License-Identifier: Apache-2.0
"""Docker's Engine API on the socket of an agent: by hand, and by the docker command."""
import json
import os
import shutil
import subprocess
import urllib.parse

from agent import JSON, Agent
import cli
import networks

HOST_CONFIG = {"NetworkMode": "default", "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
               "Binds": None, "ContainerIDFile": "", "LogConfig": {"Type": "", "Config": {}},
               "PortBindings": {}, "VolumesFrom": None, "CapAdd": None, "Privileged": False,
               "MemorySwappiness": -1, "PidsLimit": 0, "Devices": [], "Ulimits": None}


class DockerAgent(Agent):
    """An agent that has busybox, with short words for Docker's API. Its containers are on a bridge
    unless they say otherwise, so the host is one that the test made."""

    def start(self):
        become_host()
        os.makedirs(self.root, exist_ok=True)
        cli.good("load", cli.busybox_archive(), root=self.root)
        return super().start()

    def api(self, method, path, body=None, timeout=60, **query):
        """The status, and the JSON of the answer (None: there is none)."""
        words = {k: v if isinstance(v, str) else json.dumps(v) for k, v in query.items()}
        tail = "?" + urllib.parse.urlencode(words) if words else ""
        text = json.dumps(body) if isinstance(body, (dict, list)) else body
        status, answer, _ = self.request(method, path + tail, text, JSON if text else None, timeout)
        return status, json.loads(answer) if answer else None

    def create(self, name, *command, **more):
        return self.api("POST", "/containers/create",
                        {"Image": "busybox", "Cmd": list(command), **more}, name=name)

    def docker(self, *args, stdin=None, timeout=120, env=None):
        """The docker command, told where this agent is."""
        return subprocess.run([docker_program(), "-H", f"unix://{self.path}", *args], check=False,
                              input=stdin, capture_output=True, encoding="utf-8", timeout=timeout,
                              env={**os.environ, "DOCKER_CONFIG": os.path.dirname(self.path),
                                   **(env or {})},
                              **({} if stdin is not None else {"stdin": subprocess.DEVNULL}))

    def docker_good(self, *args, **kw):
        done = self.docker(*args, **kw)
        assert done.returncode == 0, (args, done)
        return done.stdout


def become_host():
    """What a test starts besides the agent has to be on the same host."""
    if os.geteuid() == 0:
        networks.become_host()


def registries_of(work, *servers):
    """The agent's settings for registries of this host, which speak plain http."""
    path = f"{work}/registries.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump({"registries": {server.host: {"insecure": True} for server in servers}}, file)
    return path


def docker_program():
    return os.environ.get("UCR_DOCKER") or shutil.which("docker")
