"""Serves the requests of a ticket pipe over one channel: a sync worker's whole work, and each gthread thread's."""

from __future__ import annotations

import marshal

from tunicorn_worker.body import ChannelBody, InlineBody
from tunicorn_worker.errors import ClientGone, FrameError, GatewayGone
from tunicorn_worker.start_response import abandon
from tunicorn_worker.tickets import GatewayPipeEnded

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from typing import Any

    from tunicorn_worker.channel import Channel
    from tunicorn_worker.tickets import Tickets

    Events = list[tuple[int, int]]


def pull_requests(
    channel: Channel,
    tickets: Tickets,
    wait: Callable[[], Events],
    look: Callable[[Events], bool],
    call: Callable[[Channel, dict[str, Any]], None],
    base: dict[str, Any],
) -> None:
    """Serve requests one after the other. The hot path.

    wait: waits for the pipe, the channel and whatever else its waiter watches
    look: acts on the events whenever they are not the pipe alone; False ends the loop
    call: serves one request, see `WsgiCaller.call`
    base: what `base_environ` made

    Returns when `look` says so, when the gateway said `channel.stopping`, or when it is gone: `channel.lost`.
    """
    take = tickets.take
    begin = channel.begin
    loads = marshal.loads
    pipe = tickets.fileno()
    while not channel.stopping:
        # Asked before every ticket, though under load the pipe alone would do: the end of the channel comes first,
        # and tickets of a gateway that is gone must not run.
        events = wait()
        if len(events) != 1 or events[0][0] != pipe:
            if not look(events):
                return
            if all(descriptor != pipe for descriptor, _ in events):
                continue
        try:
            claim = take()
        except GatewayPipeEnded:
            channel.lost = True
            return
        if claim is None:
            continue
        stream, inline_head, body = claim
        begin(stream)
        head = fetch_head(channel) if inline_head is None else inline_head
        if head is None:
            continue
        environ = loads(head)
        environ |= base
        if body != b"":
            environ["wsgi.input"] = ChannelBody(channel) if body is None else InlineBody(body)
        call(channel, environ)
        if channel.lost:
            return


def fetch_head(channel: Channel) -> bytes | None:
    """Get a head that was too large for its slot; None when the client or the gateway has left meanwhile."""
    try:
        return channel.fetch_head()
    except GatewayGone:
        return None  # The loop is about to find that out by itself.
    except ClientGone:
        abandon(channel)
        return None


def serve_idle(channel: Channel, worker: int, log: logging.Logger) -> bool:
    """Read what has come on a channel between two requests. Returns False at its end."""
    try:
        channel.serve_idle()
    except GatewayGone as error:
        if isinstance(error, FrameError):
            log.error("worker channel closed worker=%d: %s", worker, error.strerror)
        return False
    return True
