# SPDX-License-Identifier: Apache-2.0
"""Runs the ucr-agentd of this build and speaks to it."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time

import tap

AGENTD = os.path.join(tap.build_dir(), "bin", "ucr-agentd")
JSON = {"Content-Type": "application/json"}
KEPT = ("ucr-api", "ucr-net", "ucr-dns")  # programs that live as long as the agent


class Connection(http.client.HTTPConnection):
    """HTTP over a path socket."""

    def __init__(self, path, timeout=60):
        super().__init__("agent", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Agent:
    """An agent with a root directory and a socket of its own."""

    def __init__(self, work, *options, env=None):
        self.root, self.path = f"{work}/root", f"{work}/socket/agent.sock"
        self.options, self.env, self.process = options, env, None
        self.log = f"{work}/log"
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [AGENTD, "--work-dir", self.root, "--socket", self.path, *self.options],
                stdin=subprocess.DEVNULL, stderr=log, env={**os.environ, **(self.env or {})})
        for _ in range(500):
            with contextlib.suppress(OSError):
                if self.request("GET", "/health")[0] == 200:
                    return self
            assert self.process.poll() is None, self.said()
            time.sleep(0.02)
        raise AssertionError("the agent does not answer: " + self.said())

    def said(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(30)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.end()

    def children(self, is_api, kept=KEPT):
        """The role that speaks HTTP, or the others that are not kept."""
        found = []
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as file:
            for pid in file.read().split():
                with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                    name = comm.read().strip()
                    if name == "ucr-api" if is_api else name not in kept:
                        found.append(int(pid))
        return found

    def api_pid(self):
        return self.children(True)[0]

    def workers(self):
        return self.children(False)

    def request(self, method, path, body=None, headers=None, timeout=60):
        with contextlib.closing(Connection(self.path, timeout)) as connection:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())

    def call(self, kind, timeout=60, **fields):
        """One call: the status, and what the JSON of the answer says (None: there is none)."""
        document = {"type": kind}
        if fields:
            document[kind.lower()] = fields
        status, text, _ = self.request("POST", "/api/v1", json.dumps(document), JSON, timeout)
        return status, json.loads(text) if text else None

    def launch(self, name, command, timeout=60, **fields):
        return self.call("LAUNCH_CONTAINER", timeout, container_id={"value": name},
                         command=command, **fields)

    def wait(self, name, timeout=60):
        status, answer = self.call("WAIT_CONTAINER", timeout, container_id={"value": name})
        return answer["wait_container"] if status == 200 else (status, answer)

    def kill(self, name, **fields):
        return self.call("KILL_CONTAINER", container_id={"value": name}, **fields)

    def remove(self, name):
        return self.call("REMOVE_CONTAINER", container_id={"value": name})

    def session(self, parent, name, text):
        """LAUNCH_NESTED_CONTAINER_SESSION: the connection, and the answer that flows."""
        connection = Connection(self.path)
        member = "launch_nested_container_session"
        document = {"type": member.upper(), member: {
            "container_id": {"value": name, "parent": {"value": parent}}, "command": {"value": text}}}
        connection.request("POST", "/api/v1", json.dumps(document), JSON)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return connection, answer

    def launch_task(self, name, command, **fields):
        """TaskInfo by itself."""
        return self.call("LAUNCH_TASK", task_info={"name": name, "task_id": {"value": name},
                                                   "command": command, **fields})

    def launch_group(self, *tasks, **fields):
        return self.call("LAUNCH_TASK_GROUP", task_group={"tasks": list(tasks)}, **fields)

    def kill_task(self, name, **fields):
        return self.call("KILL_TASK", task_id={"value": name}, **fields)

    def acknowledge(self, name, uuid):
        return self.call("ACKNOWLEDGE", task_id={"value": name}, uuid=uuid)

    def tasks(self):
        """All tasks by their id; of each also the list that it is in."""
        found = {}
        for kind, tasks in self.call("GET_TASKS")[1]["get_tasks"].items():
            found.update({t["task_id"]["value"]: {**t, "list": kind} for t in tasks})
        return found

    def task_until(self, name, *states, timeout=60):
        """Waits until it is in one of the states."""
        end = time.monotonic() + timeout
        while True:
            task = self.tasks().get(name)
            if task and task["state"] in states:
                return task
            assert time.monotonic() < end, (name, states, task, self.said())
            time.sleep(0.02)

    def updates(self):
        """The first status of each task that nobody acknowledged."""
        answer = self.call("RECONCILE", tasks=[])[1]["reconcile"]
        return {u["status"]["task_id"]["value"]: u["status"] for u in answer["updates"]}

    def containers(self):
        answer = self.call("GET_CONTAINERS")[1]["get_containers"]["containers"]
        return {c["container_id"]["value"]: c for c in answer}
