#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The store after a power cut at each step of a load."""
from power_cut import assert_only_lost_layers, assert_usable, each_cut
import tap

IMPORT = ("import-", "layer", "store-file", "image-", "source-", "flush-")


def test_load(work):
    """no step of a load leaves anything that is not what it says"""
    command = ["load", work + "/new.tar"]
    for what, status, case in each_cut(work, command, IMPORT, most=3):
        with case.after() as store:
            if status == 0:  # it was acknowledged
                assert store.images()[case.new_id] == ["docker.io/library/new:latest"], what
            assert_only_lost_layers(store, what)
            assert_usable(case, store, what)


if __name__ == "__main__":
    tap.main(globals())
