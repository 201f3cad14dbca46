"""How code is changed in memory: a text in a function, or a value, for as long as a block lasts."""

from __future__ import annotations
import __future__

import contextlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any


@contextlib.contextmanager
def with_text(function: Callable[..., Any], old: str, new: str) -> Iterator[None]:
    """`function` as if its source said `new` where it says `old`, which must stand in it exactly once.

    The function stays the same object and gets other code, so it changes wherever it was imported to.
    """
    real = inspect.unwrap(function)
    assert isinstance(real, FunctionType), function
    before = real.__code__
    real.__code__ = _compiled(real, old, new)
    try:
        yield
    finally:
        real.__code__ = before


def _compiled(function: FunctionType, old: str, new: str) -> CodeType:
    source = textwrap.dedent(inspect.getsource(function))
    found = source.count(old)
    assert found == 1, f"{function.__qualname__} says {found} times {old!r}"
    file = inspect.getsourcefile(function) or "<defect>"
    flags = __future__.annotations.compiler_flag
    made = compile(source.replace(old, new), file, "exec", flags=flags, dont_inherit=True)
    return next(
        one for one in made.co_consts if isinstance(one, CodeType) and one.co_name == function.__name__
    )  # fmt: skip


@contextlib.contextmanager
def with_value(owner: Any, name: str, value: Any) -> Iterator[None]:
    """`owner.name` is `value`."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@dataclass(frozen=True)
class Text:
    """`with_text` as a value."""

    function: Callable[..., Any]
    old: str
    new: str

    def made(self) -> AbstractContextManager[None]:
        return with_text(self.function, self.old, self.new)


@dataclass(frozen=True)
class Value:
    """`with_value` as a value."""

    owner: Any
    name: str
    value: Any

    def made(self) -> AbstractContextManager[None]:
        return with_value(self.owner, self.name, self.value)


@dataclass(frozen=True)
class Defect:
    """`breaks`: one sentence that says what goes wrong. `changes`: what differs from the code that ships."""

    name: str
    breaks: str
    changes: tuple[Text | Value, ...]
