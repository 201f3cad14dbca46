"""Several stories at once: most of the time each of them waits for its processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def at_once(*stories: Callable[[], None]) -> None:
    """Tell each in a thread of its own; raises what the first of them raises, when all are over."""
    with ThreadPoolExecutor(len(stories)) as pool:
        told = [pool.submit(story) for story in stories]
    for one in told:
        one.result()
