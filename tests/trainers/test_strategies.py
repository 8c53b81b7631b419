import subprocess
import sys

import pytest
import tensorflow as tf

from latentzoo.trainers.strategies import local_strategy, share_threads, split_cpu


def test_one_device_needs_no_strategy():
    assert type(local_strategy(replicas=1)).__name__ == "_DefaultDistributionStrategy"


def test_two_replicas_are_mirrored():
    assert local_strategy(replicas=2).num_replicas_in_sync == 2


def test_enough_cpus_are_left_as_they_are():
    cpu = tf.config.list_physical_devices("CPU")[0]
    before = tf.config.get_logical_device_configuration(cpu)
    assert len(before) == 2
    split_cpu(1)
    split_cpu(2)
    assert tf.config.get_logical_device_configuration(cpu) == before


def test_too_late_to_split():
    local_strategy(replicas=2)  # starts TensorFlow
    with pytest.raises(ValueError, match="^replicas: got 5, but TensorFlow has already started"):
        split_cpu(5)


def test_too_late_to_share_threads():
    local_strategy(replicas=2)
    with pytest.raises(ValueError, match="^TensorFlow has already started, expected share_threads"):
        share_threads(2)


def test_threads_are_shared():
    code = (
        "from latentzoo.trainers.strategies import share_threads; import os, tensorflow as tf;"
        "share_threads(os.cpu_count()); assert tf.config.threading.get_intra_op_parallelism_threads() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_replicas():
    with pytest.raises(ValueError, match="^replicas: got 0, expected at least 1.$"):
        local_strategy(replicas=0)
