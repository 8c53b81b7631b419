import pytest

from latentzoo.trainers.strategies import local_strategy, split_cpu


def test_one_device_needs_no_strategy():
    assert type(local_strategy(replicas=1)).__name__ == "_DefaultDistributionStrategy"


def test_two_replicas_are_mirrored():
    assert local_strategy(replicas=2).num_replicas_in_sync == 2


def test_enough_cpus_are_left_as_they_are():
    split_cpu(1)
    split_cpu(2)


def test_too_late_to_split():
    local_strategy(replicas=2)  # starts TensorFlow
    with pytest.raises(ValueError, match="^replicas: got 5, but TensorFlow has already started"):
        split_cpu(5)


def test_no_replicas():
    with pytest.raises(ValueError, match="^replicas: got 0, expected at least 1.$"):
        local_strategy(replicas=0)
