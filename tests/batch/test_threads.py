"""Cores by affinity and by the quotas of control groups, and how jobs share them."""

import os

import pytest

from sedtalker_cli.batch import threads


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Writes a system's files; this process is bound to eight cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tmp_path

    return write


V1 = "sys/fs/cgroup/cpu,cpuacct"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, 8),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "5000 100000"}, 1),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "6400000 100000"}, 8),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "damaged"}, 8),
        # a service's group in a slice with the smaller quota
        (
            {
                "proc/self/cgroup": "0::/user.slice/job.scope",
                "sys/fs/cgroup/user.slice/cpu.max": "300000 100000",
                "sys/fs/cgroup/user.slice/job.scope/cpu.max": "400000 100000",
            },
            3,
        ),
        # v1: a container that sees the host's path, its own files lie at the top
        (
            {
                "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc",
                f"{V1}/cpu.cfs_quota_us": "400000",
                f"{V1}/cpu.cfs_period_us": "100000",
            },
            4,
        ),
        (
            {
                "proc/self/cgroup": "1:cpu:/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            8,
        ),
    ],
)
def test_quotas_of_control_groups_count(machine, files, expected):
    assert threads.cores(machine(files)) == expected


def test_affinity_counts(machine, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    root = machine({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"})
    assert threads.cores(root) == 1


@pytest.mark.parametrize(
    ("cost", "others", "count", "expected"),
    [
        (60, 7 * 60, 2, 1),  # eight that are alike
        (600, 10 * 3, 2, 2),  # a long one among short ones
        (600, 600, 2, 1),
        (600, 600, 8, 4),
        (60, 0, 4, 4),  # the last one
        (3, 600, 64, 1),
        (0, 0, 8, 1),  # nobody knows how long
    ],
)
def test_a_job_has_its_share_of_the_cores(cost, others, count, expected):
    assert threads.share_of(cost, others, count) == expected
