from __future__ import annotations

import os
import socket

from tunicorn_worker.line_channel import LineChannel
from tunicorn_worker.poller import Poller


def test_calls_who_watches_what_is_readable() -> None:
    poller, called = Poller(), []
    pipes = [os.pipe() for _ in range(3)]
    for position, (reader, _) in enumerate(pipes):
        poller.watch(reader, lambda position=position: called.append(position))  # type: ignore[misc]
    poller.wait(0)
    assert called == []
    os.write(pipes[1][1], b"x")
    os.close(pipes[2][1])
    poller.wait(None)
    assert sorted(called) == [1, 2]
    poller.forget(pipes[1][0])
    poller.forget(pipes[1][0])
    called.clear()
    poller.wait(None)
    assert called == [2]
    for number in (pipes[0][0], pipes[0][1], pipes[1][0], pipes[1][1], pipes[2][0]):
        os.close(number)


def test_one_call_may_forget_another_of_its_batch() -> None:
    poller, called = Poller(), []
    pipes = [os.pipe() for _ in range(2)]

    def forget_all() -> None:
        called.append("once")
        for reader, _ in pipes:
            poller.forget(reader)

    for reader, writer in pipes:
        poller.watch(reader, forget_all)
        os.write(writer, b"x")
    poller.wait(None)
    assert called == ["once"]
    poller.wait(0)
    for pair in pipes:
        for number in pair:
            os.close(number)


def test_a_channel_is_flushed_as_its_peer_reads() -> None:
    near, far = socket.socketpair()
    channel = LineChannel(near)
    poller, heard = Poller(), []
    poller.watch_channel(channel, lambda: heard.extend(channel.receive()))
    message = {"text": "x" * 100_000}
    for _ in range(20):
        channel.send(message)
    assert channel.wants_write
    peer = LineChannel(far)
    received = []
    while len(received) < 20:
        received += peer.receive()
        poller.wait(0)
    assert received == [message] * 20
    assert not channel.wants_write
    # Nothing waits to be written: a writable socket alone wakes nobody any more.
    peer.send({"an": "answer"})
    poller.wait(None)
    assert heard == [{"an": "answer"}]
    poller.forget(channel.fileno())
    channel.close()
    peer.close()
