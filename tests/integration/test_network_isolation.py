#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl run --network bridge: what neither a container nor ucr-net can do."""
import contextlib
import ctypes
import errno
import json
import os
import re
import socket
import struct
import subprocess

import cli
from networks import (GATEWAY4, GATEWAY6, HOST4, HOST6, Container, added, ask, become_host,
                      bridged_frames_are_filtered, elements, frames, image, ip, leave, link_local,
                      macs, nothing_is_left, parameter, server)
import networks
import tap
import unpacker

HELPER_SOCKET = 3


# ---- containers -------------------------------------------------------------------------


def test_isolation(_work):
    """only containers that both are shared reach each other"""
    become_host()
    for is_on in True, False:
        with bridged_frames_are_filtered(is_on):
            isolation()


def isolation():
    with Container("a") as a, Container("b") as b, \
            Container("s", network="bridge:shared") as s, \
            Container("t", network="bridge:shared") as t, \
            b.server("tcp", 80, "b"), t.server("tcp", 80, "t"), t.server("udp", 80, "t"):
        for caller, target in (a, b), (s, b), (a, t):
            assert caller.ask("tcp", target.ip, 80) == "timeout", (caller.name, target.name)
            assert caller.ask("tcp", target.ip6, 80) == "timeout", (caller.name, target.name)
        assert s.ask("tcp", t.ip, 80) == f"t {s.ip}"
        assert s.ask("tcp", t.ip6, 80) == f"t {s.ip6}"
        assert s.ask("udp", t.ip, 80) == f"t {s.ip}"
        # Nor by way of the host: as if the other were behind the gateway.
        for c, other in (a, b), (a, t):
            ip("route", "add", other.ip + "/32", "via", GATEWAY4, pid=c.pid)
            assert c.ask("tcp", other.ip, 80) == "timeout"


def test_host_services(_work):
    """the host's own services are out of reach, but for name service and ICMP"""
    become_host()
    with Container("c") as c, server(None, "tcp", 9999, "host"), server(None, "udp", 53, "host"), \
            server(None, "tcp", 53, "host"):
        for address in GATEWAY4, GATEWAY6:
            assert c.ask("udp", address, 53).startswith("host"), address
        for address in GATEWAY4, GATEWAY6, HOST4, HOST6:
            assert c.ask("tcp", address, 9999) == "timeout", address
            assert c.ask("tcp", address, 53).startswith("host"), address
        # The host's loopback, by the gateway.
        ip("addr", "del", "127.0.0.1/8", "dev", "lo", pid=c.pid)
        ip("route", "add", "127.0.0.0/8", "via", GATEWAY4, "dev", "eth0", "src", c.ip, pid=c.pid)
        subprocess.run(["nsenter", "-t", str(c.pid), "-n", "sysctl", "-qw",
                        "net.ipv4.conf.all.route_localnet=1"], check=True)
        assert c.ask("tcp", "127.0.0.1", 9999) == "timeout"
        assert c.ask("udp", "127.0.0.1", 53) == "timeout"
        done = subprocess.run(["nsenter", "-t", str(c.pid), "-n", "busybox", "ping", "-c1", "-W2",
                               GATEWAY4], capture_output=True, check=False)
        assert done.returncode == 0, done


def test_routed_access(_work):
    """nobody outside gets to a container's own address by routing there"""
    become_host()
    world = networks.WORLD.pid
    with Container("c", "-p", "8080:80") as c, c.server("tcp", 80, "c"), \
            added("route", "10.99.0.0/16", "via", HOST4, pid=world):
        assert ask(world, "tcp", c.ip, 80) == "timeout"


def arp_reply(sender_mac, sender_ip, target_mac, target_ip, frame_mac=None):
    return (target_mac + (frame_mac or sender_mac) + "0806" + "0001080006040002" + sender_mac +
            socket.inet_aton(sender_ip).hex() + target_mac + socket.inet_aton(target_ip).hex())


def neighbours():
    return {n["dst"]: n.get("lladdr") for n in json.loads(ip("-j", "neigh", "show", "dev", "ucr0"))}


def test_spoofing(_work):
    """no frame goes out under another's address, and none takes it over"""
    become_host()
    with Container("victim", "-p", "8080:80") as victim, Container("thief") as thief, \
            victim.server("tcp", 80, "victim"):
        gateway = bytes([2, 0x63, 10, 99, 0, 1]).hex()
        assert ask(networks.WORLD.pid, "tcp", HOST4, 8080).startswith("victim")
        before = neighbours()[victim.ip]
        # ARP in the victim's name, from the thief's and from the victim's hardware address, and
        # frames that no bridge forwards but that a learning one would learn from.
        frames(thief.pid,
               arp_reply(macs(thief), victim.ip, gateway, GATEWAY4),
               arp_reply(macs(thief), victim.ip, gateway, GATEWAY4, macs(victim)),
               arp_reply(macs(victim), victim.ip, gateway, GATEWAY4),
               "0180c200000e" + macs(victim) + "88cc" + "00" * 50)
        # An address of the victim's, taken by the thief.
        ip("addr", "add", victim.ip + "/32", "dev", "eth0", pid=thief.pid)
        ip("addr", "add", victim.ip6 + "/128", "dev", "eth0", "nodad", pid=thief.pid)
        subprocess.run(["nsenter", "-t", str(thief.pid), "-n", "busybox", "ping", "-c1", "-W1",
                        "-I", victim.ip, GATEWAY4], capture_output=True, check=False)
        assert neighbours()[victim.ip] == before
        fdb = json.loads(subprocess.run(["bridge", "-j", "fdb", "show", "br", "ucr0"], check=True,
                                        capture_output=True, text=True).stdout)
        where = {e["ifname"] for e in fdb if e["mac"].replace(":", "") == macs(victim)}
        assert where == {"ucr-" + macs(victim)[4:]}, fdb
        assert ask(networks.WORLD.pid, "tcp", HOST4, 8080).startswith("victim")
        assert ask(networks.WORLD.pid, "tcp", HOST6, 8080).startswith("victim")


def test_router_advertisements(_work):
    """the host takes no route from a container's advertisement"""
    become_host()
    # The bridge listens to none; here it does, so that nothing but the rule keeps this one out.
    with Container("c") as c, parameter("ipv6/conf/ucr0/accept_ra", "2"):
        source = socket.inet_pton(socket.AF_INET6, link_local(c))
        body = bytes.fromhex("86000000" "40000708" "0000000000000000")
        target = socket.inet_pton(socket.AF_INET6, "ff02::1")
        pseudo = source + target + len(body).to_bytes(4, "big") + bytes([0, 0, 0, 58])
        total = sum(int.from_bytes((pseudo + body)[i:i + 2], "big")
                    for i in range(0, len(pseudo + body), 2))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        body = body[:2] + (0xffff ^ total).to_bytes(2, "big") + body[4:]
        packet = bytes.fromhex("60000000") + len(body).to_bytes(2, "big") + bytes([58, 255])
        frames(c.pid, "333300000001" + macs(c) + "86dd" + (packet + source + target + body).hex())
        routes = ip("-6", "route", "show", "default")
        assert "ucr0" not in routes, routes


# ---- the program beside it --------------------------------------------------------------


class Helper:
    """One run of ucr-net in the place of the engine: agentd/net-proto.h."""
    ATTACH, DETACH, DONE, ERROR = range(1, 5)

    def __init__(self):
        self.peer = unpacker.Unpacker(os.path.join(cli.BUILD, "bin", "ucr-net"))
        self.pid = self.peer.pid

    def ask(self, kind, payload, fds=()):
        """None, or (code, text) of the error."""
        self.peer.send(kind, payload, fds)
        data = self.peer.socket.recv(70000)
        answer, = struct.unpack("=I", data[:4])
        assert answer in (self.DONE, self.ERROR), data
        if answer == self.DONE:
            return None
        return struct.unpack("=i", data[4:8])[0], data[8:].split(b"\0", 1)[0].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert self.peer.close() == 0


def place(number, **more):
    return {"address": f"10.99.{number >> 8}.{number & 255}", "prefix": 16, "gateway": GATEWAY4,
            "address6": f"fd75:6372:99::{number:x}", "prefix6": 64, "gateway6": GATEWAY6, **more}


@contextlib.contextmanager
def namespaces(count):
    """Descriptors of network namespaces in which nothing runs."""
    fds, own = [], os.open("/proc/self/ns/net", os.O_RDONLY)
    libc = ctypes.CDLL(None)
    try:
        try:
            for _ in range(count):
                assert libc.unshare(networks.CLONE_NEWNET) == 0
                fds.append(os.open("/proc/self/ns/net", os.O_RDONLY))
        finally:
            assert libc.setns(own, 0) == 0
        yield fds
    finally:
        for fd in [own, *fds]:
            os.close(fd)


def test_confinement(_work):
    """two capabilities, a filter, no new rights, no host paths"""
    become_host()
    with Helper() as helper:
        assert helper.ask(Helper.DETACH, place(4000)) is None
        with open(f"/proc/{helper.pid}/status", encoding="ascii") as status:
            facts = dict(line.rstrip("\n").split(":\t", 1) for line in status)
        if tap.is_sanitized("ucr-net"):
            raise tap.Skip("built with sanitizers, which cannot work confined")
        assert facts["Seccomp"] == "2", facts
        allowed = 1 << 12 | 1 << 21
        assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == allowed, facts
        assert int(facts["CapInh"], 16) == int(facts["CapAmb"], 16) == 0
        assert int(facts["CapBnd"], 16) & ~allowed == 0, facts
        assert facts["NoNewPrivs"] == "1"
        assert os.listdir(f"/proc/{helper.pid}/root") == []
        opened = [os.readlink(f"/proc/{helper.pid}/fd/{fd}")
                  for fd in os.listdir(f"/proc/{helper.pid}/fd")]
        known = r"/dev/null|socket:.*|net:.*|/proc/sys/net|/sys/net|anon_inode:\[eventpoll\]"
        assert all(re.fullmatch(known, name) for name in opened), opened


def test_bad_requests(_work):
    """what is no request is refused, and the next one is served"""
    become_host()
    with Helper() as helper, namespaces(1) as fds, open("/dev/null", "rb") as null:
        for kind, payload, given in (
                (Helper.ATTACH, {}, fds), (Helper.ATTACH, [], fds), (7, place(9), fds),
                (Helper.ATTACH, place(9), ()), (Helper.ATTACH, place(9), [*fds, *fds]),
                (Helper.ATTACH, place(9, address="fd00::1"), fds),
                (Helper.ATTACH, place(9, ports=[{"protocol": "tcp", "port": 80}]), fds),
                (Helper.ATTACH, place(9), [null.fileno()]), (Helper.DETACH, "x" * 1000, ())):
            assert helper.ask(kind, payload, given), (kind, payload)
            assert not elements(), (kind, payload)
        assert helper.ask(Helper.ATTACH, place(9), fds) is None
        code, text = helper.ask(Helper.ATTACH, place(9), fds)
        assert code == errno.EEXIST and "belongs to another container" in text
        assert helper.ask(Helper.DETACH, place(9)) is None
        assert helper.ask(Helper.DETACH, place(9)) is None
    nothing_is_left()


def test_not_root(_work):
    """without the right to configure the network it says so"""
    become_host()
    done = subprocess.run(
        ["capsh", "--drop=cap_net_admin", "--", "-c", 'exec "$@"', "sh", cli.UCRCTL, "--root",
         cli.ROOT, "run", "--rm", "--network", "bridge", image(), "true"],
        capture_output=True, text=True, check=False)
    assert done.returncode == 125 and "not permitted" in done.stderr, done
    nothing_is_left()


@contextlib.contextmanager
def messages(helper):
    """A list that has, afterwards, what was said to the kernel and heard of it: (call, bytes)."""
    path, found = cli.path("calls"), []
    command = ["strace", "-e", "trace=sendto,sendmsg,recvfrom,recvmsg", "-o", path, "-p",
               str(helper.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        told = tracer.stderr.readline()
        if "attached" not in told:
            raise tap.Skip(told.strip())
        try:
            yield found
        finally:
            tracer.terminate()
    with open(path, encoding="ascii") as f:
        calls = re.findall(r"^(\w+)\((\d+), .* = (\d+)$", f.read(), re.MULTILINE)
    # But for the request and the answer: the latter's end may be missed.
    found.extend((call, size) for call, fd, size in calls if int(fd) != HELPER_SOCKET)


def test_same_cost(_work):
    """one more container takes as many messages, as long ones, among many as alone"""
    become_host()
    if not cli.have("strace"):
        raise tap.Skip("needs strace")
    count = 300
    with Helper() as helper, namespaces(count) as fds:
        with messages(helper) as alone:
            assert helper.ask(Helper.ATTACH, place(5000), fds[:1]) is None
        for number, fd in enumerate(fds[1:-1], 5001):
            assert helper.ask(Helper.ATTACH, place(number), [fd]) is None
        with messages(helper) as among_many:
            assert helper.ask(Helper.ATTACH, place(5000 + count - 1), fds[-1:]) is None
        for number in range(count):
            assert helper.ask(Helper.DETACH, place(5000 + number)) is None
    assert alone and among_many == alone, (alone, among_many)
    nothing_is_left()


if __name__ == "__main__":
    try:
        tap.main(dict(globals()))
    finally:
        leave()
