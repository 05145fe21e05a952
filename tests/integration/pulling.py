# SPDX-License-Identifier: Apache-2.0
"""Pulls into a store of the test's own."""
import random

import cli
import image_files

ENV = {"DOCKER_CONFIG": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent", "HOME": "/nonexistent",
       "REGISTRY_AUTH_FILE": "", "XDG_RUNTIME_DIR": "/nonexistent"}


def pull(work, *args, env=None, status=0):
    result = cli.run("pull", *args, root=f"{work}/root", env={**ENV, **(env or {})})
    assert result.status == status, result
    return result


def refused(work, *args, env=None):
    """Refused in one sentence (and perhaps a hint), nothing stored: what was said."""
    result = pull(work, "-q", *args, env=env, status=125)
    assert result.err.startswith("ucrctl: "), result
    assert len(result.err.splitlines()) <= 2, result
    assert images(work) == [], result
    return result.err


def images(work):
    return cli.good("images", "-q", root=f"{work}/root").lines


def noise(size):
    return random.Random(size).randbytes(size)


def big_layer(size=3 << 20):
    return image_files.layer(image_files.f("noise", noise(size)))
