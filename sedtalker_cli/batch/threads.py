"""How many threads do what: every sum is made by one thread, so that its last bits do not depend on their number.

PyTorch cuts sums between its threads, and another cut rounds differently. So it gets one thread, and several work on
different windows of a recording instead (`SpeechEncoder.threads`), or on different recordings (`--jobs`).
"""

import os


def cores() -> int:
    """Processor cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def sum_in_one_thread() -> None:
    """Keep PyTorch from cutting sums; holds for the whole process."""
    import torch

    torch.set_num_threads(1)


def draw_in_threads(threads: int) -> None:
    """Let software OpenGL, if it is opened later, use so many; its pictures do not depend on that."""
    os.environ["LP_NUM_THREADS"] = str(threads)
