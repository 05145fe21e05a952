# SPDX-License-Identifier: Apache-2.0
"""Runs the ucrctl of this build on a root directory of its own."""
import atexit
import os
import shutil
import subprocess
import tempfile

import tap

BUILD = tap.build_dir()
SOURCE = tap.source_dir()
UCRCTL = os.path.join(BUILD, "bin", "ucrctl")
WORK = tempfile.mkdtemp(prefix="ucr-cli-")
ROOT = os.path.join(WORK, "root")
atexit.register(shutil.rmtree, WORK, ignore_errors=True)


class Result:
    """Exit status, standard output, standard error."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.out}\nstderr: {self.err}"

    @property
    def lines(self):
        return self.out.splitlines()


def run(*args, stdin=subprocess.DEVNULL, env=None, root=ROOT, stdout=subprocess.PIPE, timeout=120):
    """What ucrctl says, whatever its exit status."""
    return Result(subprocess.run(
        [UCRCTL, "--root", root, *args], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
        encoding="utf-8", errors="surrogateescape", env={**os.environ, **(env or {})},
        timeout=timeout, check=False))


def good(*args, **kw):
    """The same, which has to succeed without a complaint."""
    result = run(*args, **kw)
    assert result.status == 0, result
    assert result.err == "", result
    return result


def refused(*args, **kw):
    """The same, which has to be refused in words: the text of standard error."""
    result = run(*args, **kw)
    assert result.status == 125, result
    assert result.err.startswith("ucrctl"), result
    return result.err


def path(name):
    return os.path.join(WORK, name)


def have(program):
    return shutil.which(program) is not None


def busybox_archive():
    """A docker archive of this machine's busybox, made once."""
    archive = path("busybox.tar")
    if not os.path.exists(archive):
        subprocess.run([os.path.join(SOURCE, "contrib", "busybox-image"), archive], check=True)
    return archive


def rootless_prefix(work):
    """What runs a command as user 12345 with subordinate ids, in an /etc of its own."""
    etc = os.path.join(work, "etc")
    os.mkdir(etc)
    for name, text in {"passwd": "root:x:0:0::/:\ntester:x:12345:12345::/:\n",
                       "group": "root:x:0:\ntester:x:12345:\n",
                       "subuid": "tester:300000:65536\n",
                       "subgid": "tester:300000:65536\n"}.items():
        with open(os.path.join(etc, name), "w", encoding="ascii") as f:
            f.write(text)
    shutil.copy("/etc/ld.so.cache", etc)
    os.chmod(work, 0o755)
    return ["unshare", "-m", "sh", "-ec",
            f'mount --bind {etc} /etc; exec setpriv --reuid 12345 --regid 12345 '
            '--clear-groups "$@"', "sh"]
