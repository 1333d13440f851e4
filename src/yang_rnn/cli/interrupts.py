"""Ctrl-C and SIGTERM, none of which is lost."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from typing import Any, ClassVar, Self


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


class Interrupts:
    """Remembers Ctrl-C and SIGTERM: Python drops an exception that falls into a garbage collection.

    In a `with` statement both are exceptions, so that what was begun is cleaned up.
    """

    _KINDS: ClassVar[dict[int, type[KeyboardInterrupt]]] = {
        signal.SIGINT: KeyboardInterrupt,
        signal.SIGTERM: Terminated,
    }

    def __enter__(self) -> Self:
        self._seen: type[KeyboardInterrupt] | None = None
        self._held = False
        self._hook = sys.unraisablehook
        sys.unraisablehook = self._unraisable
        self._before = {number: signal.signal(number, self._note) for number in self._KINDS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        sys.unraisablehook = self._hook

    def _unraisable(self, dropped: Any) -> None:
        """Print what Python drops, but for what is remembered here."""
        if dropped.exc_type is not self._seen:
            self._hook(dropped)

    def _note(self, number: int, _: object) -> None:
        self._seen = self._KINDS[number]
        if not self._held:
            raise self._seen

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raise what comes meanwhile at the end only.

        The process would crash where an exception fell into jaxlib while that is loaded.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
        self.check()

    def check(self) -> None:
        """Raise what was dropped."""
        if self._seen:
            raise self._seen

    def ignore(self) -> None:
        """Take no more notice of them."""
        for number in self._KINDS:
            signal.signal(number, signal.SIG_IGN)
