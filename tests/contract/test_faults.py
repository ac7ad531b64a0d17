"""What a store promises when processes die or meet."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from stored import batch_of, graph_tables, large_batch
from stores import open_store

from ringfinder.errors import StoreUnavailable

WRITER = Path(__file__).with_name("writer.py")
BATCHES = 3


def start_writer(address, first=1, last=BATCHES):
    """Start a loader in a process of its own."""
    command = [sys.executable, str(WRITER), address, str(first), str(last)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


class TestKilled:
    def test_a_loader_killed_in_the_middle_of_a_write_leaves_the_graph_before_or_after(
        self, address, another
    ):
        undisturbed = another()
        states = [undisturbed.fingerprint()]
        for number in range(1, BATCHES + 1):
            undisturbed.write(large_batch(number))
            states.append(undisturbed.fingerprint())
        seen = 0
        for delay_s in (0.0, 0.03, 0.08, 0.15, 0.0, 0.05):
            with start_writer(address, first=seen + 1) as writer:
                begun = writer.stdout.readline().strip()
                time.sleep(delay_s)
                writer.kill()
            store = open_store(address)
            seen = states.index(store.fingerprint(), seen)
            assert store.applied() == (((1, seen),) if seen else ())
            if begun == "done" or seen == BATCHES:
                break
        for number in range(1, BATCHES + 1):
            store.write(large_batch(number))
        assert store.fingerprint() == states[-1]


class TestMeeting:
    def test_two_loaders_of_the_same_events_write_each_of_them_once(self, address, another):
        with start_writer(address) as one, start_writer(address) as other:
            told = [process.communicate(timeout=60) for process in (one, other)]
        assert [out.split()[-1] for out, _ in told] == ["done", "done"], told
        undisturbed = another()
        for number in range(1, BATCHES + 1):
            undisturbed.write(large_batch(number))
        assert open_store(address).fingerprint() == undisturbed.fingerprint()

    def test_threads_that_write_and_read_one_store_do_not_disturb_each_other(self, store):
        failures = []

        def write(first):
            try:
                for number in range(first, 7, 3):
                    store.write(batch_of(number, graph=graph_tables({f"a{number}": {}})))
                    store.read_graph()
            except Exception as error:  # the thread's own report
                failures.append(error)

        threads = [threading.Thread(target=write, args=(first,)) for first in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert store.applied() == ((1, 6),)
        assert store.counts()["accounts"] == 6

    def test_two_recomputes_in_two_processes_cannot_both_have_the_lock(self, store, address):
        store.acquire_run_lock("here")
        with pytest.raises(StoreUnavailable, match="here"):
            open_store(address).acquire_run_lock("there")
