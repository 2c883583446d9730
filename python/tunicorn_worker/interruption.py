"""request_timeout in blocking workers: where an exception may be raised in a thread that runs the application.

It must land in the application's own code. In ours it could cut a frame to the gateway short, or keep the last one from
being sent, and neither could be mended.
"""

from __future__ import annotations

from tunicorn_worker.errors import RequestTimeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

PACKAGE = "tunicorn_worker."
APPLICATION_CALLERS = frozenset(
    {
        ("tunicorn_worker.wsgi", "call"),
        ("tunicorn_worker.wsgi", "_send_iterable"),
        ("tunicorn_worker.hooked_wsgi", "call"),
    }
)
"""Module and name of the functions that call the application, or iterate over what it has returned."""

SIGNAL_HANDLER = ("tunicorn_worker.worker_signals", "_look_for_late")
"""Its frames stand above those that it has interrupted."""


def is_in_application(frame: FrameType | None) -> bool:
    """Whether a thread that is at this frame runs code that the application has called, and nothing of ours in it.

    False, too, for an application that is all C code: it has no frame that could be seen.
    """
    innermost = frame
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(PACKAGE):
            return frame is not innermost and (module, frame.f_code.co_name) in APPLICATION_CALLERS
        frame = frame.f_back
    return False


def has_hit_our_code(error: BaseException) -> bool:
    """Whether a RequestTimeout was raised where it must not be. A thread may have moved on between the look at where it
    is and the raising; there is no lock against that.
    """
    traceback = error.__traceback__
    if not isinstance(error, RequestTimeout) or traceback is None:
        return False
    last = ("", "")
    while traceback is not None:
        frame = traceback.tb_frame
        place = (str(frame.f_globals.get("__name__", "")), frame.f_code.co_name)
        if place == SIGNAL_HANDLER:
            break
        if place[0].startswith(PACKAGE):
            last = place
        traceback = traceback.tb_next
    return last not in APPLICATION_CALLERS


class ThreadExceptions:
    """Raises exceptions in other threads (PyThreadState_SetAsyncExc). ctypes has been imported before user code runs,
    see `worker_code.find_class`.
    """

    def __init__(self) -> None:
        import ctypes

        # As ctypes.pythonapi, which holds the interpreter's lock; but what these functions are told of their arguments
        # is not for others who use that.
        python = ctypes.PyDLL(None)
        self._set = python["PyThreadState_SetAsyncExc"]
        self._set.argtypes = (ctypes.c_ulong, ctypes.py_object)
        self._clear = python["PyThreadState_SetAsyncExc"]
        self._clear.argtypes = (ctypes.c_ulong, ctypes.c_void_p)

    def throw(self, thread: int, kind: type[BaseException]) -> None:
        """Raise it in the thread as soon as that executes Python code: a call that waits in C ends first."""
        self._set(thread, kind)

    def take_back(self, thread: int) -> None:
        """Forget what the thread has not raised yet."""
        self._clear(thread, None)
