"""The links of one thread; test_pull_loop.py has them at work."""

from __future__ import annotations

import logging
import os

import pytest

from fake_gateway import FakeGateway, keep_nothing, make_environ
from tunicorn_worker import wire
from tunicorn_worker.channel import Channel
from tunicorn_worker.links import Link, Links
from tunicorn_worker.tickets import Tickets
from tunicorn_worker.waiter import make_waiter

LOG = logging.getLogger("gunicorn.error")


def make_link(gateway: FakeGateway) -> Link:
    tickets = Tickets.open(os.dup(gateway.pipe_read), os.dup(gateway.memory), 7)
    return Link(Channel(gateway.worker_end, keep_nothing), tickets)


class World:
    def __init__(self, gateways: list[FakeGateway], *, reading: bool = True) -> None:
        self.waiter = make_waiter()
        self.links = Links(self.waiter, 1, LOG, reading=reading)
        self.all = [make_link(gateway) for gateway in gateways]
        for index, link in enumerate(self.all):
            self.links.add(index, link)

    def ready(self) -> set[int]:
        return {descriptor for descriptor, _ in self.waiter.wait_seconds(0)}


def test_watches_channels_always_and_pipes_while_reading(gateways: list[FakeGateway]) -> None:
    world = World(gateways, reading=False)
    for gateway in gateways:
        gateway.request(1, make_environ())
        gateway.send(wire.PING)
    channels = {link.channel.fileno() for link in world.all}
    assert world.ready() == channels
    world.links.begin_reading()
    assert world.ready() == channels | set(world.links.pipes)
    world.links.end_reading()
    assert world.ready() == channels


def test_a_new_link_takes_the_place_of_its_gateways_old_one(gateways: list[FakeGateway]) -> None:
    first, second = gateways
    world = World([first])
    world.links.add(0, make_link(second))
    assert len(world.links.pipes) == 1
    assert first.frames() == []
    second.send(wire.PING)
    world.links.serve_idle(world.ready())
    pong = second.frame()
    assert pong is not None
    assert pong.kind == wire.PONG


def test_what_has_ended_goes_and_the_rest_stays(gateways: list[FakeGateway], caplog: pytest.LogCaptureFixture) -> None:
    world = World(gateways)
    changes = world.links.changes
    gateways[0].send(99)
    world.links.serve_idle(world.ready())
    assert [record.getMessage() for record in caplog.records] == [
        "worker channel closed worker=1: the gateway sent a frame of the unknown type 99"
    ]
    assert (len(world.links.pipes), world.links.changes) == (1, changes + 1)
    gateways[1].end.close()
    world.links.serve_idle(world.ready())
    assert world.links.pipes == {}


def test_one_gateway_may_ask_for_the_end_and_all_hear_of_it(gateways: list[FakeGateway]) -> None:
    world = World(gateways)
    assert not world.links.stopping
    gateways[1].send(wire.STOP)
    world.links.serve_idle(world.ready())
    assert world.links.stopping
    gateways[0].end.close()
    world.links.send_leaving()
    world.links.close()
    assert [frame.kind for frame in gateways[1].frames()] == [wire.LEAVING]


def test_the_age_is_that_of_the_request_that_was_taken_last(gateways: list[FakeGateway]) -> None:
    world = World(gateways)
    assert world.links.age_ms() == 0
    for gateway, link, seconds in zip(gateways, world.all, (50, 20), strict=True):
        gateway.request(5, make_environ(), slot=3)
        link.tickets.take()
        gateway.begin_earlier(3, seconds)
    assert 15_000 < world.links.age_ms() < 45_000
    # The slot of the later one has become another request's.
    gateways[1].request(6, make_environ(), slot=3)
    assert world.links.age_ms() > 45_000


def test_beats_for_what_it_has(gateways: list[FakeGateway]) -> None:
    world = World(gateways)
    gateways[1].request(5, make_environ(), slot=3)
    world.all[1].tickets.take()
    world.links.beat()
    assert gateways[1].slot_words(3)[3] != 0
    assert gateways[0].slot_words(0)[3] == 0


def test_the_request_that_runs_is_the_one_that_was_taken_last(gateways: list[FakeGateway]) -> None:
    world = World(gateways)
    assert not world.links.has(5)
    for gateway, link, stream, seconds in zip(gateways, world.all, (5, 6), (50, 20), strict=True):
        gateway.request(stream, make_environ(), slot=3)
        link.tickets.take()
        gateway.begin_earlier(3, seconds)
    assert [world.links.has(stream) for stream in (0, 5, 6)] == [False, False, True]
