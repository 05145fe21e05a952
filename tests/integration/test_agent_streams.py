#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What flows through the agent's socket: attached containers, files, logs, events."""
import base64
import concurrent.futures
import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import time
import urllib.parse

from agent import JSON, Agent, Connection
import cli
import tap

RECORDIO = {"Content-Type": "application/recordio", "Message-Content-Type": "application/json"}
OUTPUT = {**JSON, "Accept": "application/recordio", "Message-Accept": "application/json"}


def shell(text, **more):
    return {"value": text, **more}


class Output:
    """An ATTACH_CONTAINER_OUTPUT: its records, as they come."""

    def __init__(self, agent, name, **fields):
        self.connection = Connection(agent.path)
        body = {"type": "ATTACH_CONTAINER_OUTPUT",
                "attach_container_output": {"container_id": {"value": name}, **fields}}
        self.connection.request("POST", "/api/v1", json.dumps(body), OUTPUT)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    def record(self):
        length = self.answer.readline()
        return json.loads(self.answer.read(int(length))) if length else None

    def data(self, want=None):
        """The bytes by stream: until `want` is among them, or until the end."""
        found = {"STDOUT": b"", "STDERR": b""}
        while want is None or want not in found["STDOUT"] + found["STDERR"]:
            record = self.record()
            if record is None:
                assert want is None, (want, found)
                return found
            if record["type"] == "DATA":
                found[record["data"]["type"]] += base64.b64decode(record["data"]["data"])
        return found

    def close(self):
        self.answer.close()
        self.connection.close()


def record(**fields):
    text = json.dumps({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": fields}).encode()
    return b"%d\n%s" % (len(text), text)


def container_id(name):
    return record(type="CONTAINER_ID", container_id={"value": name})


def data(text):
    return record(type="PROCESS_IO", process_io={
        "type": "DATA", "data": {"type": "STDIN", "data": base64.b64encode(text).decode()}})


def control(**fields):
    return record(type="PROCESS_IO", process_io={"type": "CONTROL", "control": fields})


HEARTBEAT = control(type="HEARTBEAT", heartbeat={"interval": {"nanoseconds": 30000000000}})


class Input:
    """An ATTACH_CONTAINER_INPUT, chunk by chunk."""

    def __init__(self, agent, name):
        self.connection = Connection(agent.path)
        self.connection.putrequest("POST", "/api/v1")
        for header, value in {**RECORDIO, "Transfer-Encoding": "chunked"}.items():
            self.connection.putheader(header, value)
        self.connection.endheaders()
        self.send(container_id(name))

    def send(self, text):
        self.connection.send(b"%x\r\n%s\r\n" % (len(text), text))

    def end(self, last=None):
        """With the last record at once, where that ends the container and this request with it."""
        chunk = b"%x\r\n%s\r\n" % (len(last), last) if last else b""
        self.connection.send(chunk + b"0\r\n\r\n")
        answer = self.connection.getresponse()
        text = answer.read()
        self.connection.close()
        return answer.status, json.loads(text) if text else None


def interactive(agent, name, *command, options=("-i",)):
    """One whose input stays open, and maybe with a terminal."""
    cli.good("run", "-d", *options, "--name", name, "host:", *command, root=agent.root)


def test_output(work):
    """both streams as they come, until the container ends"""
    with Agent(work) as agent:
        interactive(agent, "a", "sh", "-c", "read x; echo to-out; echo to-err >&2; read y; echo end")
        output = Output(agent, "a")
        assert output.answer.headers["Content-Type"] == "application/recordio", output.answer.headers
        assert output.answer.headers["Message-Content-Type"] == "application/json"
        assert output.answer.headers["Transfer-Encoding"] == "chunked"
        source = Input(agent, "a")
        source.send(data(b"go\n"))
        found = output.data(b"to-err")
        assert found["STDERR"] == b"to-err\n", found
        source.send(HEARTBEAT + data(b"go\n"))
        assert output.data()["STDOUT"].endswith(b"end\n")
        assert cli.good("wait", "a", root=agent.root).out == "0\n"
        body = {"type": "ATTACH_CONTAINER_OUTPUT",
                "attach_container_output": {"container_id": {"value": "a"}}}
        status, text, _ = agent.request("POST", "/api/v1", json.dumps(body), OUTPUT)
        assert status == 409 and "not running" in json.loads(text)["error"], (status, text)
        assert agent.call("ATTACH_CONTAINER_OUTPUT", container_id={"value": "none"})[0] == 404


def test_input(work):
    """much of it, in records cut anywhere; the empty one ends it"""
    with Agent(work) as agent:
        interactive(agent, "sum", "sha256sum")
        output, source = Output(agent, "sum"), Input(agent, "sum")
        text = os.urandom(3 << 20)
        stream = b"".join(data(text[at:at + 50000]) for at in range(0, len(text), 50000))
        for at in range(0, len(stream), 77777):
            source.send(stream[at:at + 77777])
        assert source.end(data(b"")) == (200, None)
        found = output.data()["STDOUT"].split()[0].decode()
        assert found == hashlib.sha256(text).hexdigest(), found


def test_terminal(work):
    """a window size, and what is typed"""
    with Agent(work) as agent:
        interactive(agent, "tty", "sh", "-c", "while read x; do stty size; echo got-$x; done",
                    options=("-i", "-t"))
        output, source = Output(agent, "tty"), Input(agent, "tty")
        source.send(control(type="TTY_INFO", tty_info={"window_size": {"rows": 33, "columns": 77}}))
        source.send(data(b"x\n"))
        assert b"33 77" in output.data(b"got-x")["STDOUT"]
        output.close()
        again = Output(agent, "tty")
        source.send(data(b"later\n"))
        again.data(b"got-later")
        assert source.end(data(b"\x04")) == (200, None)
        again.data()


def test_slow_input(work):
    """what a task does not read stops the client, and nothing grows"""
    with Agent(work) as agent:
        interactive(agent, "deaf", "sleep", "1000")
        source = Input(agent, "deaf")
        source.connection.sock.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            for _ in range(2000):
                source.send(data(b"x" * 40000))
                sent += 40000
        assert sent < 8 << 20, sent
        with open(f"/proc/{agent.api_pid()}/status", encoding="ascii") as file:
            rss = [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]
        assert rss < 32 << 10, rss
        source.connection.close()
        assert agent.call("GET_HEALTH")[0] == 200
        assert agent.kill("deaf")[0] == 200


def deaf_input(agent):
    """One that waits for room at a task that reads nothing."""
    source = Input(agent, "deaf")
    source.connection.sock.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        while True:
            source.send(data(b"x" * 40000))
    return source


def test_slow_input_left(work):
    """a client that leaves while its input waits is noticed"""
    with Agent(work) as agent:
        interactive(agent, "deaf", "sleep", "1000")
        agent.call("GET_HEALTH")
        time.sleep(0.1)
        before = descriptors(agent.api_pid())
        deaf_input(agent).connection.close()
        for _ in range(200):
            if descriptors(agent.api_pid()) <= before:
                break
            time.sleep(0.02)
        assert descriptors(agent.api_pid()) <= before
        assert agent.kill("deaf")[0] == 200


def test_wrong_input(work):
    """each is refused in words"""
    with Agent(work) as agent:
        interactive(agent, "cat", "cat")
        first = container_id("cat")
        for text, status, word in (
                (b"", 400, "JSON"), (b"x\n", 400, "length"), (b"\n", 400, "length"),
                (b"99999999\n", 400, "larger"), (b"2\n{}", 400, "type"),
                (data(b"x"), 400, "CONTAINER_ID"), (data(b"x" * 60000), 413, "48 KiB"),
                (container_id("none"), 404, "none"),
                (first + first, 400, "attach_container_input.type"),
                (first + b"1\n[", 400, ""), (first + b"-1\n", 400, "length"),
                (first + data(b"x").replace(b'"STDIN"', b'"OTHER"'), 400, "data.type"),
                (first + data(b"xxx").replace(b"eHh4", b"!!!!"), 400, "base64"),
                (first + control(type="TTY_INFO", tty_info={"window_size": {"rows": 1, "columns": -1}}),
                 400, "columns"),
                (first + control(type="TTY_INFO"), 400, "window_size")):
            code, answer, _ = agent.request("POST", "/api/v1", text, RECORDIO)
            assert code == status and word in json.loads(answer)["error"], (text, code, answer)
        status, answer = agent.call("ATTACH_CONTAINER_INPUT", type="CONTAINER_ID",
                                    container_id={"value": "cat"})
        assert status == 400 and "recordio" in answer["error"], answer
        text = json.dumps({"type": "GET_HEALTH"})
        code, answer, _ = agent.request("POST", "/api/v1", f"{len(text)}\n{text}", RECORDIO)
        assert code == 400 and "recordio" in json.loads(answer)["error"], answer
        assert agent.call("GET_HEALTH")[0] == 200 and "ended" not in agent.said(), agent.said()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_hang_up(work):
    """clients that go, in both directions, leave nothing behind"""
    with Agent(work) as agent:
        interactive(agent, "cat", "cat")
        agent.call("GET_HEALTH")
        time.sleep(0.1)
        before = descriptors(agent.api_pid())
        for _ in range(20):
            output, source = Output(agent, "cat"), Input(agent, "cat")
            source.send(data(b"one\n"))
            output.data(b"one")
            output.close()
            source.connection.close()
        for _ in range(200):
            if descriptors(agent.api_pid()) <= before:
                break
            time.sleep(0.02)
        assert descriptors(agent.api_pid()) <= before
        # Nor did the input end with them.
        output, source = Output(agent, "cat"), Input(agent, "cat")
        source.send(data(b"last\n"))
        output.data(b"last")
        assert source.end(data(b""))[0] == 200
        output.data()


def test_ended(work):
    """the container's end ends whoever only sends"""
    with Agent(work) as agent:
        interactive(agent, "cat", "cat")
        output, source = Output(agent, "cat"), Input(agent, "cat")
        source.send(data(b"x\n"))
        output.data(b"x")
        assert agent.kill("cat")[0] == 200
        output.data()
        source.connection.sock.settimeout(20)
        assert source.connection.sock.recv(1) == b""


# ---- files ----

def sandbox_of(agent, name):
    found = json.loads(cli.good("inspect", name, root=agent.root).out)[0]
    return f"{agent.root}/containers/{found['Id']}/sandbox"


def read_file(agent, path, **fields):
    status, answer = agent.call("READ_FILE", path=path, **{"offset": 0, **fields})
    if status != 200:
        return status, answer["error"]
    return base64.b64decode(answer["read_file"]["data"]), answer["read_file"]["size"]


def test_files(work):
    """a sandbox is listed, read and downloaded; so is what its task wrote"""
    with Agent(work) as agent:
        assert agent.launch("web", shell("echo to-out; echo to-err >&2; mkdir d; echo abc >d/f; "
                                         "head -c 100000 /dev/zero >big; printf 'no newline'"))[0] == 200
        assert agent.wait("web") == {"exit_status": 0}
        listed = agent.call("LIST_FILES", path="/web/")[1]["list_files"]["file_infos"]
        assert {f["path"] for f in listed} >= {"/web/d", "/web/big", "/web/stdout", "/web/stderr"}, listed
        big, = (f for f in listed if f["path"] == "/web/big")
        assert big["size"] == 100000 and big["uid"].isdigit() and stat.S_ISREG(big["mode"]), big
        assert read_file(agent, "web/d/f") == (b"abc\n", 4)
        assert read_file(agent, "web/d/f", offset=1, length=2) == (b"bc", 4)
        assert read_file(agent, "web/d/f", offset=100) == (b"", 4)
        assert read_file(agent, "web/stdout") == (b"to-out\nno newline", 17)
        assert read_file(agent, "web/stderr") == (b"to-err\n", 7)
        status, text, _ = agent.request("GET", "/files/browse?path=web/d")
        found, = json.loads(text)
        assert status == 200 and found["path"] == "web/d/f" and found["mode"] == "-rw-r--r--", found
        status, text, headers = agent.request("GET", "/files/download?path=web/d/f")
        assert (status, text) == (200, "abc\n") and headers["Content-Length"] == "4", headers
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Content-Disposition"] == "attachment"
        assert agent.request("GET", "/files/download?path=web/stdout")[:2] == (200, "to-out\nno newline")


def test_ranges(work):
    """parts of a file, as RFC 9110 has them"""
    with Agent(work) as agent:
        assert agent.launch("web", shell("printf 0123456789 >f; : >empty"))[0] == 200
        assert agent.wait("web") == {"exit_status": 0}
        for asked, status, text, told in (
                ("bytes=2-4", 206, "234", "bytes 2-4/10"), ("bytes=7-", 206, "789", "bytes 7-9/10"),
                ("bytes=-3", 206, "789", "bytes 7-9/10"), ("bytes=5-500", 206, "56789", "bytes 5-9/10"),
                ("bytes=-500", 206, "0123456789", "bytes 0-9/10"), ("bytes=3-2", 200, "0123456789", None),
                ("bytes=0-1,3-4", 200, "0123456789", None), ("lines=1-2", 200, "0123456789", None),
                ("bytes=x-", 200, "0123456789", None), ("bytes=", 200, "0123456789", None),
                ("bytes=99999999999999999999-", 200, "0123456789", None)):
            code, body, headers = agent.request("GET", "/files/download?path=web/f", headers={"Range": asked})
            assert (code, body, headers.get("Content-Range")) == (status, text, told), (asked, code, body)
        for path, asked in (("f", "bytes=10-"), ("empty", "bytes=0-"), ("f", "bytes=-0")):
            code, body, headers = agent.request("GET", f"/files/download?path=web/{path}", headers={"Range": asked})
            assert code == 416 and "bytes" in json.loads(body)["error"], (asked, code, body)
            assert headers["Content-Range"].startswith("bytes */"), headers


def test_sandbox_is_left(work):
    """no path leads out of a sandbox, nor to what is no file"""
    with Agent(work) as agent:
        assert agent.launch("web", shell("ln -s /etc/passwd l; ln -s .. up; ln -s /proc/self/root root; mkfifo p; "
                                         "mkdir d; ln -s ../d/x d/y; echo x >d/x"))[0] == 200
        assert agent.wait("web") == {"exit_status": 0}
        with open(f"{os.path.dirname(sandbox_of(agent, 'web'))}/secret", "w", encoding="ascii") as file:
            file.write("secret")
        for path, status in (("web/l", 403), ("web/up/secret", 403), ("web/root/etc/passwd", 403),
                             ("web/../secret", 403), ("web/d/../../secret", 403), ("web/p", 400),
                             ("web//secret", 404), ("web/none", 404), ("web/d/x/y", 404), ("web", 400),
                             ("web/d", 400), ("none/x", 404), ("../web/d/x", 400), ("", 400), ("/", 400),
                             ("web/d/y", 403), ("web/" + "a/" * 3000, 500), ("web/" + "a" * 300, 500)):
            answer = read_file(agent, path)
            assert answer[0] == status and isinstance(answer[1], str), (path, answer)
            code, text, _ = agent.request("GET", "/files/download?" + urllib.parse.urlencode({"path": path}))
            assert code == status and json.loads(text)["error"], (path, code, text)
        assert agent.request("GET", "/files/browse?path=web/up")[0] == 403
        assert agent.request("GET", "/files/browse?path=web/d/x")[0] == 400
        assert agent.request("GET", "/files/browse")[0] == 400
        assert agent.call("READ_FILE", path="web/d/x")[0] == 400
        assert "offset" in agent.call("READ_FILE", path="web/d/x")[1]["error"]


# ---- logs ----

def test_logs(work):
    """what was written, or a part of it, with its times where they are asked for"""
    with Agent(work) as agent:
        assert agent.launch("web", shell("for i in 1 2 3 4 5; do echo out$i; done; sleep 0.2; echo err >&2"))[0] == 200
        assert agent.wait("web") == {"exit_status": 0}

        def logs(arguments=""):
            status, text, _ = agent.request("GET", f"/containers/web/logs{arguments}")
            return text if status == 200 else (status, json.loads(text)["error"])
        whole = "out1\nout2\nout3\nout4\nout5\nerr\n"
        assert logs() == whole and logs("?follow=1") == whole and logs("?tail=all") == whole
        assert logs("?tail=2") == "out5\nerr\n" and logs("?stdout=1") == whole[:-4]
        assert logs("?stderr=true&follow=false") == "err\n" and logs("?stdout=0&stderr=0") == ""
        timed = logs("?timestamps=1&tail=1")
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:.]{18}Z err\n", timed), timed
        assert logs(f"?since={timed.split()[0]}") == "err\n"
        assert logs(f"?since={int(time.time()) + 1000}") == "" and logs("?until=1") == ""
        for arguments, word in (("?tail=x", "tail"), ("?follow=maybe", "follow"), ("?since=yesterday", "since"),
                                ("?stdout=2", "stdout"), ("?tail=-1", "tail")):
            assert logs(arguments)[0] == 400 and word in logs(arguments)[1], arguments
        assert agent.request("GET", "/containers/none/logs")[0] == 404
        assert agent.request("GET", "/containers/a%2Fb/logs")[0] == 404
        assert agent.request("POST", "/containers/web/logs")[0] == 405


def test_followed_log(work):
    """across rotation, without a gap, until the container ends"""
    with Agent(work) as agent:
        cli.good("run", "-d", "-i", "--name", "web", "--log-max-size", "64k", "--log-max-files", "20", "host:", "sh", "-c",
                 "read x; seq 1 20000; read x; echo last", root=agent.root)
        connection = Connection(agent.path)
        connection.request("GET", "/containers/web/logs?follow=1")
        answer = connection.getresponse()
        assert answer.headers["Content-Type"].startswith("text/plain"), answer.headers
        source = Input(agent, "web")
        source.send(data(b"x\n"))
        assert answer.readline() == b"1\n"
        last = 1
        while last < 20000:
            line = answer.readline()
            assert line == b"%d\n" % (last + 1), (last, line)
            last += 1
        source.send(data(b"x\n"))
        assert answer.read() == b"last\n"


# ---- events ----

class Events:
    """GET /events, one after the other."""

    def __init__(self, agent, arguments="", headers=None):
        self.connection = Connection(agent.path)
        self.connection.request("GET", f"/events{arguments}", headers=headers or {})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.headers["Content-Type"] == "text/event-stream", self.answer.headers

    def next(self):
        lines = []
        while not lines or lines[-1]:
            lines.append(self.answer.readline().decode().rstrip("\n"))
            assert lines[0], "the end"
        number, text = (line.split(": ", 1)[1] for line in lines[:2])
        event = json.loads(text)
        assert event["seq"] == int(number), lines
        return event

    def until(self, kind):
        found = [self.next()]
        while found[-1]["type"] != kind:
            found.append(self.next())
        return found


def test_events(work):
    """each has a number; who was cut off goes on where it was, also after a restart"""
    with Agent(work) as agent:
        assert agent.launch("one", shell("true"))[0] == 200
        assert agent.wait("one") == {"exit_status": 0}
        late, early = Events(agent), Events(agent, "?since=0")
        found = early.until("die")
        assert [e["seq"] for e in found] == list(range(1, len(found) + 1)), found
        assert [e["type"] for e in found] == ["create", "start", "die"], found
        time.sleep(0.2)
        assert agent.remove("one")[0] == 200
        assert late.next()["type"] == "remove" and early.next()["type"] == "remove"
        assert Events(agent, headers={"Last-Event-ID": "2"}).next()["seq"] == 3
        assert Events(agent, "?since=3").next()["type"] == "remove"
        for path, headers in (("/events?since=x", {}), ("/events", {"Last-Event-ID": "-1"})):
            assert agent.request("GET", path, headers=headers)[0] == 400
    with agent:
        assert agent.launch("two", shell("true"))[0] == 200
        after = Events(agent, headers={"Last-Event-ID": "4"}).until("die")
        assert [e["seq"] for e in after] == [5, 6, 7], after
    printed = cli.good("events", "--stream=false", "--since-seq", "5", "--format", "{{.Seq}} {{.Type}}",
                       root=agent.root).lines
    assert printed == ["6 start", "7 die"], printed


def test_event_numbers(work):
    """they go on in the next file, whoever appends; what was dropped is told"""
    with Agent(work) as agent:
        assert agent.launch("one", shell("true"))[0] == 200
        assert agent.wait("one") == {"exit_status": 0}
        path = f"{agent.root}/events"
        with open(path, "a", encoding="ascii") as file:
            for number in range(4, 40000):
                file.write('{"seq":%d,"time":"2026-01-01T00:00:00.000000000Z","type":"kill","id":"%s"}\n'
                           % (number, "a" * 64))
            file.write('{"seq":40000,"time":"20')  # torn by a power cut
        following = Events(agent, "?since=39990")
        assert following.next()["seq"] == 39991
        assert agent.remove("one")[0] == 200
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda n: agent.launch(f"c{n}", shell("true"))[0], range(16))) == {200}
            list(pool.map(lambda n: agent.wait(f"c{n}"), range(16)))
        assert os.path.exists(path + ".1")
        numbers = [following.next()["seq"] for _ in range(50)]
        assert numbers == list(range(39992, 39992 + 50)), numbers
        os.unlink(path + ".1")
        resumed = Events(agent, "?since=5")
        gap = resumed.next()
        first = resumed.next()
        assert gap["type"] == "missed" and gap["seq"] == first["seq"] - 1, (gap, first)
        assert gap["attributes"]["events"] == str(gap["seq"] - 5), gap


def test_many_followers(work):
    """those that wait take no time, and leave nothing"""
    with Agent(work) as agent:
        before = descriptors(agent.api_pid()), len(agent.workers())
        following = [Events(agent) for _ in range(60)]

        def spent():
            total = 0
            for pid in [agent.process.pid, agent.api_pid(), *agent.workers()]:
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    total += sum(int(n) for n in file.read().split()[13:15])
            return total
        start = spent()
        time.sleep(2)
        assert spent() - start <= 2, spent() - start
        assert agent.launch("one", shell("true"))[0] == 200
        for one in following:
            one.until("die")
            one.answer.close()
            one.connection.close()
        for _ in range(400):
            after = descriptors(agent.api_pid()), len(agent.workers())
            if after[0] <= before[0] and not after[1]:
                break
            time.sleep(0.02)
        assert after[0] <= before[0] and not after[1], (before, after)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())
