# SPDX-License-Identifier: Apache-2.0
"""Calls from inside a container: over the socket that it has, by a process that is executed in it."""
import contextlib
import json

import cli

# The host's Python, which a task without an image has, too.
CLIENT = """
import http.client, json, socket, sys
class C(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/ucr/agent.sock")
answers = []
for method, path, document in json.loads(sys.argv[1]):
    c = C("agent", timeout=60)
    body = None if document is None else json.dumps(document)
    c.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    r = c.getresponse()
    answers.append([r.status, r.read().decode()])
print(json.dumps(answers))
"""


def call(kind, **fields):
    """A call of Mesos or of our own, as a request."""
    return "POST", "/api/v1", {"type": kind, **({kind.lower(): fields} if fields else {})}


class Inside:
    """Speaks to the socket of a container, which the agent's root directory knows by `reference`."""

    def __init__(self, agent, reference):
        self.agent, self.reference = agent, reference

    def requests(self, *requests):
        """One after the other: of each the status and the answer (None: there is none)."""
        done = cli.good("exec", self.reference, "python3", "-c", CLIENT, json.dumps(requests),
                        root=self.agent.root)
        return [(status, json.loads(text) if text else None) for status, text in json.loads(done.out)]

    def call(self, kind, **fields):
        return self.requests(call(kind, **fields))[0]

    def launch(self, name, text="sleep 1000", **more):
        return self.call("LAUNCH_CONTAINER", container_id={"value": name},
                         command={"value": text}, **more)

    def wait(self, name):
        return self.call("WAIT_CONTAINER", container_id={"value": name})[1]["wait_container"]

    def names(self, **fields):
        answer = self.call("GET_CONTAINERS", **fields)[1]["get_containers"]["containers"]
        return {c["container_id"]["value"] for c in answer}


def container_of(agent, name):
    """The directory of the (only) container of this name, and its full id."""
    for container_id in cli.good("ps", "-aq", "--no-trunc", root=agent.root).lines:
        path = f"{agent.root}/containers/{container_id}"
        with open(f"{path}/container.json", encoding="utf-8") as file:
            if json.load(file).get("name") == name:
                return path, container_id
    raise AssertionError(f"there is no container {name}")


def log_of(agent, name):
    return cli.good("logs", container_of(agent, name)[1], root=agent.root).out


def inside(agent, name):
    return Inside(agent, container_of(agent, name)[1])


def clear(agent):
    for container_id in cli.good("ps", "-aq", "--no-trunc", root=agent.root).lines:
        cli.run("rm", "--force", container_id, root=agent.root)


@contextlib.contextmanager
def serving(agent):
    """The agent, of which nothing is left running."""
    with agent:
        try:
            yield agent
        finally:
            clear(agent)
