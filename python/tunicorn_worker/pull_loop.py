"""Serves the requests of the gateways' ticket pipes: a sync worker's whole work, and each gthread thread's."""

from __future__ import annotations

import marshal

from tunicorn_worker.body import ChannelBody, InlineBody
from tunicorn_worker.errors import ClientGone, GatewayGone
from tunicorn_worker.start_response import abandon
from tunicorn_worker.tickets import GatewayPipeEnded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tunicorn_worker.channel import Channel
    from tunicorn_worker.links import Links
    from tunicorn_worker.waiter import Events


def pull_requests(
    links: Links,
    look: Callable[[Events], bool],
    call: Callable[[Channel, dict[str, Any]], None],
    base: dict[str, Any],
) -> None:
    """Serve requests one after the other, whichever gateway they come from. The hot path.

    links: one at least
    look: acts on the events whenever they are not pipes alone; False ends the loop, as it must when the links change
    call: serves one request, see `WsgiCaller.call`
    base: what `base_environ` made

    Returns when `look` says so, when a gateway said `channel.stopping`, or when it is gone: `channel.lost`.
    """
    pipes = links.pipes
    wait = links.wait
    loads = marshal.loads
    pipe, link = next(iter(pipes.items()))
    channel = link.channel
    take = link.tickets.take
    begin = channel.begin
    while not channel.stopping:
        # Asked before every ticket, though under load the pipe alone would do: the end of the channel comes first,
        # and tickets of a gateway that is gone must not run.
        events = wait()
        if len(events) != 1 or events[0][0] != pipe:
            ready = [descriptor for descriptor, _ in events if descriptor in pipes]
            if len(ready) != len(events) and not look(events):
                return
            if not ready:
                continue
            if ready[0] != pipe:
                pipe = ready[0]
                channel = pipes[pipe].channel
                take = pipes[pipe].tickets.take
                begin = channel.begin
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
