"""The logging of a handler in the caller's process: Lambda's root logger during the call, the caller's behind it.

The caller's own handlers stay on the root logger (a test's caplog hears what the handler logs); Lambda's level holds.
Loggers with names are shared with the caller: what the function's modules set on them while they are imported holds during
its calls alone; what the handler sets on them later stays.
"""

from __future__ import annotations

import logging
import os
import time
import weakref
from typing import Any

from . import handler_log

_State = tuple[int, bool, bool, list[Any], list[Any]]
_LOGGING: dict[str, Any] = logging.__dict__


class OwnLogging:
    """That of one environment."""

    def __init__(self) -> None:
        self._level = logging.WARNING
        self._handlers: list[logging.Handler] = []
        self._filters: list[Any] = []
        self._disabled = 0
        self._named: dict[logging.Logger, _State] = {}
        # What `dictConfig` closes before it sets up anew: the caller's files must not be among it.
        self._lists: tuple[Any, Any] = ([], weakref.WeakValueDictionary())
        self._shown: list[logging.Handler] = []
        """On the root logger during a call: the environment's handlers, and the caller's behind them."""
        self._theirs: list[logging.Handler] = []
        self._callers: Any = None
        self._before: dict[logging.Logger, _State] | None = None
        self._set_up = self._json_lines = False

    def enter(self) -> None:
        """Have the environment's logging take the caller's place."""
        root = logging.root
        manager: Any = root.manager
        self._callers = (
            root.level, root.handlers, root.filters, manager.disable, _LOGGING["_handlerList"], _LOGGING["_handlers"]
        )  # fmt: skip
        differs = self._level != root.level or self._disabled != manager.disable or self._named
        # As it was shown the last time, if neither side has changed anything: the usual case.
        if self._theirs != root.handlers or len(self._shown) != len(self._handlers) + len(self._theirs):
            self._theirs = root.handlers[:]
            self._shown = [*self._handlers, *root.handlers]
        root.handlers = self._shown
        root.filters = self._filters
        _LOGGING["_handlerList"], _LOGGING["_handlers"] = self._lists
        root.level, manager.disable = self._level, self._disabled
        if self._named:
            self._named = _exchange(self._named)
        if differs:
            manager._clear_cache()  # as setLevel does
        if self._set_up:
            handler_log.json_lines = self._json_lines
        else:
            self._begin()
            self._json_lines = handler_log.json_lines

    def _begin(self) -> None:
        """Set the root logger up as AWS's client does, and note what the function's modules then change."""
        self._set_up = True
        # The client sets the time zone of all formatters; here the caller's are left alone.
        converter = logging.Formatter.converter
        before = len(logging.root.handlers)
        handler_log.set_up_logging()
        made = logging.root.handlers[before:]
        handler_log.use_format(
            os.environ.get("AWS_LAMBDA_LOG_FORMAT"), os.environ.get("AWS_LAMBDA_LOG_LEVEL")
        )
        logging.Formatter.converter = converter
        for handler in made:
            if handler.formatter is not None:
                handler.formatter.converter = time.gmtime  # for this one
        # In front, as the only one on AWS would be.
        logging.root.handlers = [*made, *logging.root.handlers[:before]]
        self._before = {logger: _state(logger) for logger in _named_loggers()}

    def initialised(self) -> None:
        """The function's modules are imported: what they set on loggers is the environment's."""
        if self._before is None:
            return
        for logger in _named_loggers():
            was, now = self._before.get(logger, _NEW), _state(logger)
            if now != was:
                self._named[logger] = was
        self._before = None

    def leave(self) -> None:
        """The caller's logging as it was."""
        root = logging.root
        manager: Any = root.manager
        level, handlers, filters, disabled, *lists = self._callers
        if root.handlers is not self._shown or root.handlers != [*self._handlers, *self._theirs]:
            self._handlers = [handler for handler in root.handlers if handler not in handlers]
            self._shown = []
        self._filters = root.filters
        differs = root.level != level or manager.disable != disabled or self._named
        self._level, self._disabled = root.level, manager.disable
        self._lists = (_LOGGING["_handlerList"], _LOGGING["_handlers"])
        root.level, root.handlers, root.filters, manager.disable = level, handlers, filters, disabled
        _LOGGING["_handlerList"], _LOGGING["_handlers"] = lists
        if self._named:
            self._named = _exchange(self._named)
        if differs:
            manager._clear_cache()


_NEW: _State = (logging.NOTSET, True, False, [], [])


def _named_loggers() -> list[logging.Logger]:
    return [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]


def _state(logger: logging.Logger) -> _State:
    return logger.level, logger.propagate, logger.disabled, logger.handlers[:], logger.filters[:]


def _exchange(named: dict[logging.Logger, _State]) -> dict[logging.Logger, _State]:
    """Put these states in place; returns what was there."""
    was = {}
    for logger, state in named.items():
        was[logger] = _state(logger)
        logger.level, logger.propagate, logger.disabled, logger.handlers, logger.filters = (
            state[0], state[1], state[2], state[3][:], state[4][:],
        )  # fmt: skip
    return was
