"""The machine that figures belong to."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe_machine() -> list[tuple[str, str]]:
    """Name and value of what figures depend on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return [
        ("CPU", _processor()),
        ("cores", str(cores)),
        ("threads of PyTorch", os.environ.get("OMP_NUM_THREADS", "as it chooses")),
        ("RAM", f"{pages / 2**30:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("Python", platform.python_version()),
        ("torch", version("torch")),
        ("load before the start", f"{os.getloadavg()[0]:.1f}"),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
