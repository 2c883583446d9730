"""The worker's end of the channel: credit both ways under random stalls, clients that leave, faults of the gateway."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fake_gateway import PATIENCE_SECONDS, FakeGateway, keep_nothing
from tunicorn_worker import wire
from tunicorn_worker.channel import Channel
from tunicorn_worker.errors import ClientGone, FrameError, GatewayGone
from tunicorn_worker.request_channel import REQUEST_WINDOW_BYTES

STREAM = 11


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    gateway = FakeGateway()
    yield gateway
    gateway.close()


@pytest.fixture
def channel(gateway: FakeGateway) -> Channel:
    channel = Channel(gateway.worker_end, keep_nothing)
    channel.begin(STREAM)
    return channel


def u32(value: int) -> bytes:
    return wire.U32.pack(value)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=4), st.integers(0, 2**32))
def test_response_never_passes_its_credit(sizes: list[int], seed: int) -> None:
    chance = random.Random(seed)
    gateway = FakeGateway()
    channel = Channel(gateway.worker_end, keep_nothing)
    channel.begin(STREAM)
    body = chance.randbytes(sum(sizes))

    def work() -> None:
        at = 0
        for size in sizes:
            channel.send_body(body[at : at + size])
            at += size
        channel.send(wire.pack_plain(wire.END, STREAM))

    worker = threading.Thread(target=work)
    worker.start()
    received = b""
    credit = wire.RESPONSE_WINDOW_BYTES
    owed = 0
    while (frame := gateway.frame()) is not None and frame.kind == wire.BODY:
        assert 0 < len(frame.body) <= wire.FRAME_BODY_BYTES_MAX
        credit -= len(frame.body)
        owed += len(frame.body)
        assert credit >= 0
        received += frame.body
        # The client takes some now and then, but always when nothing more could come.
        if chance.random() < 0.3 or credit == 0:
            part = chance.randint(1, owed)
            gateway.send(wire.RESPONSE_CREDIT, STREAM - 1, u32(1 << 20))
            gateway.send(wire.RESPONSE_CREDIT, STREAM, u32(part))
            credit += part
            owed -= part
    worker.join(PATIENCE_SECONDS)
    assert frame is not None
    assert frame.kind == wire.END
    assert received == body
    gateway.close()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1_500_000), st.integers(0, 2**32))
def test_request_body_comes_within_its_credit(size: int, seed: int) -> None:
    chance = random.Random(seed)
    gateway = FakeGateway()
    channel = Channel(gateway.worker_end, keep_nothing)
    channel.begin(STREAM)
    body = chance.randbytes(size)
    received: list[bytes] = []

    def work() -> None:
        while chunk := channel.next_body_chunk():
            received.append(chunk)

    worker = threading.Thread(target=work)
    worker.start()
    at = credit = granted = 0
    while at < size:
        if credit == 0:
            frame = gateway.frame()
            assert frame is not None
            assert frame.kind == wire.CREDIT
            credit += wire.U32.unpack(frame.body)[0]
            granted += credit
            # What stands unread in the worker never passes its window.
            assert granted - at <= REQUEST_WINDOW_BYTES
        part = body[at : at + chance.randint(1, min(credit, wire.FRAME_BODY_BYTES_MAX))]
        gateway.send(wire.REQUEST_BODY, STREAM, part)
        credit -= len(part)
        at += len(part)
    gateway.send(wire.REQUEST_BODY_END, STREAM)
    worker.join(PATIENCE_SECONDS)
    assert b"".join(received) == body
    gateway.close()


def test_nothing_is_granted_before_the_first_read(gateway: FakeGateway, channel: Channel) -> None:
    channel.send(wire.pack_plain(wire.END, STREAM))
    frame = gateway.frame()
    assert frame is not None
    assert frame.kind == wire.END


def test_client_that_left_is_noticed_between_chunks(gateway: FakeGateway, channel: Channel) -> None:
    channel.send_body(b"one")
    gateway.send(wire.CANCEL, STREAM)
    with pytest.raises(ClientGone):
        channel.send_body(b"two")


def test_cancel_of_an_earlier_request_means_nothing(gateway: FakeGateway, channel: Channel) -> None:
    gateway.send(wire.CANCEL, STREAM - 1)
    gateway.send(wire.REQUEST_BODY, STREAM - 1, b"stale")
    gateway.send(wire.REQUEST_BODY, STREAM, b"fresh")
    channel.send_body(b"x")
    assert channel.next_body_chunk() == b"fresh"


def test_nothing_is_left_of_an_earlier_request(gateway: FakeGateway, channel: Channel) -> None:
    gateway.send(wire.REQUEST_BODY, STREAM, b"old")
    gateway.send(wire.REQUEST_BODY_END, STREAM)
    gateway.send(wire.CANCEL, STREAM)
    channel.serve_idle()
    channel.begin(STREAM + 1)
    channel.check_client()
    gateway.send(wire.REQUEST_BODY, STREAM + 1, b"new")
    assert channel.next_body_chunk() == b"new"


def test_body_that_came_is_read_before_the_client_is_missed(gateway: FakeGateway, channel: Channel) -> None:
    gateway.send(wire.REQUEST_BODY, STREAM, b"part")
    gateway.send(wire.CANCEL, STREAM)
    assert channel.next_body_chunk() == b"part"
    with pytest.raises(ClientGone):
        channel.next_body_chunk()


def test_short_body_just_ends(gateway: FakeGateway, channel: Channel) -> None:
    gateway.end.sendall(wire.pack_header(16, STREAM, wire.REQUEST_BODY_END, 1, 0, 0))
    assert channel.next_body_chunk() == b""
    assert channel.next_body_chunk() == b""


@pytest.mark.parametrize(("answer", "taken"), [(wire.FILE_TAKEN, True), (wire.FILE_REFUSED, False)])
def test_file_offer(gateway: FakeGateway, channel: Channel, answer: int, taken: bool) -> None:
    gateway.send(wire.RESPONSE_CREDIT, STREAM, u32(1))
    gateway.send(answer, STREAM)
    assert channel.offer_file(1, 2, 3, 4, b"/path") is taken
    frame = gateway.frame()
    assert frame is not None
    assert (frame.kind, frame.body) == (wire.FILE, wire.FILE_REGION.pack(1, 2, 3, 4) + b"/path")


def test_fetched_head_arrives_byte_by_byte(gateway: FakeGateway, channel: Channel) -> None:
    head = bytes(range(256)) * 100

    def answer() -> None:
        gateway.frame()
        data = wire.pack_plain(wire.REQUEST_HEAD, STREAM, head)
        for at in range(40):
            gateway.end.sendall(data[at : at + 1])
        gateway.end.sendall(data[40:])

    thread = threading.Thread(target=answer)
    thread.start()
    assert channel.fetch_head() == head
    thread.join(PATIENCE_SECONDS)


def test_stop_and_ping_while_busy_are_kept_for_later(gateway: FakeGateway, channel: Channel) -> None:
    gateway.send(wire.PING)
    gateway.send(wire.STOP)
    channel.send_body(b"x")
    assert channel.stopping
    channel.serve_idle()
    assert [frame.kind for frame in (gateway.frame(), gateway.frame()) if frame] == [wire.BODY, wire.PONG]


@pytest.mark.parametrize(
    "data",
    [
        wire.pack_header(15, 0, wire.STOP, 0, 0, 0),
        wire.pack_header(wire.FRAME_BYTES_MAX + 1, STREAM, wire.REQUEST_BODY, 0, 0, 0),
        wire.pack_plain(99, STREAM),
        wire.pack_plain(wire.REQUEST_BODY, 0, b"x"),
    ],
    ids=["too short", "too long", "unknown type", "body of no request"],
)
def test_bytes_that_are_no_frame(gateway: FakeGateway, channel: Channel, data: bytes) -> None:
    gateway.end.sendall(data)
    with pytest.raises(FrameError):
        channel.serve_idle()
    with pytest.raises(GatewayGone):
        channel.send(b"")


def test_gateway_that_left(gateway: FakeGateway, channel: Channel) -> None:
    gateway.end.close()
    with pytest.raises(GatewayGone):
        channel.next_body_chunk()
    with pytest.raises(GatewayGone):
        channel.send_body(b"x")
