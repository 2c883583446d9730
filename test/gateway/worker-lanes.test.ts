import assert from "node:assert/strict";
import { test } from "node:test";
import { type LaneLink, LOST_SHOWN_MAX, WorkerLanes } from "../../src/gateway/worker-lanes.ts";

const REQUEST = { method: "GET", target: "/a", id: 7, ageMs: 10 };

class Link implements LaneLink {
  readonly worker: number;
  readonly pid: number;
  stopped = 0;
  constructor(worker: number) {
    this.worker = worker;
    this.pid = 100 + worker;
  }
  stop(): void {
    this.stopped++;
  }
}

class World {
  readonly said: string[] = [];
  readonly #timers: (() => void)[] = [];
  readonly lanes = new WorkerLanes(
    {
      workerReady: (worker) => this.said.push(`ready ${worker}`),
      workerLeaving: (worker) => this.said.push(`leaving ${worker}`),
      workerLost: ({ worker, pid, requests, more }) =>
        this.said.push(`lost ${worker} pid ${pid}: ${requests.map(({ target }) => target).join()}${more === 0 ? "" : ` and ${more}`}`),
      late: () => {},
      overdue: (worker, silentMs) => this.said.push(`overdue ${worker} ${silentMs}`),
    },
    (_delayMs, callback) => this.#timers.push(callback),
  );

  worker(number: number, lanes: number): Link[] {
    const links = Array.from({ length: lanes }, () => new Link(number));
    for (const link of links) this.lanes.add(link);
    return links;
  }

  timePasses(): void {
    for (const callback of this.#timers.splice(0)) callback();
  }
}

test("a worker is said to be ready, leaving, lost once, whatever number of lanes it has", () => {
  const world = new World();
  const links = world.worker(3, 4);
  const others = world.worker(4, 1);
  for (const link of links) world.lanes.ready(link);
  for (const link of links) world.lanes.leaving(link);
  for (const [index, link] of links.entries()) world.lanes.lost(link, index % 2 === 1 ? [{ ...REQUEST, target: `/${index}` }] : []);
  world.timePasses();
  assert.deepEqual(world.said, ["ready 3", "leaving 3", "lost 3 pid 103: /1,/3"]);
  world.lanes.lost(others[0]!, []);
  assert.equal(world.said.at(-1), "lost 4 pid 104: ");
});

test("of very many lost requests the first are named, the others counted", () => {
  const world = new World();
  const [link] = world.worker(1, 1);
  world.lanes.lost(link!, Array(LOST_SHOWN_MAX + 5).fill(REQUEST));
  assert.deepEqual(world.said, [`lost 1 pid 101: ${Array(LOST_SHOWN_MAX).fill("/a").join()} and 5`]);
});

test("lanes of a killed process end together: the worker is lost, not leaving", () => {
  const world = new World();
  const links = world.worker(1, 2);
  for (const link of links) world.lanes.ready(link);
  world.lanes.lost(links[0]!, [REQUEST]);
  assert.deepEqual(world.said, ["ready 1"]);
  world.lanes.lost(links[1]!, []);
  world.timePasses();
  assert.deepEqual(world.said, ["ready 1", "lost 1 pid 101: /a"]);
  assert.equal(links[1]!.stopped, 0);
});

test("a lane that ends alone makes the others stop", () => {
  const world = new World();
  const links = world.worker(1, 3);
  for (const link of links) world.lanes.ready(link);
  world.lanes.lost(links[1]!, []);
  world.timePasses();
  assert.deepEqual(world.said, ["ready 1", "leaving 1"]);
  assert.deepEqual(
    links.map(({ stopped }) => stopped),
    [1, 0, 1],
  );
});

test("a lane's end is seen once, and nobody's end is not seen", () => {
  const world = new World();
  const [link] = world.worker(1, 1);
  world.lanes.lost(link!, []);
  world.lanes.lost(link!, []);
  world.lanes.ready(link!);
  world.lanes.leaving(link!);
  world.lanes.overdue(1, 5, REQUEST);
  world.lanes.stop(1);
  assert.deepEqual(world.said, ["lost 1 pid 101: "]);
  assert.equal(link!.stopped, 0);
});

test("a worker that is told to leave before its channels come is told when they come", () => {
  const world = new World();
  world.lanes.stop(2);
  assert.equal(world.lanes.isStopped(2), false, "it is not known yet");
  const links = world.worker(2, 2);
  const [other] = world.worker(3, 1);
  assert.deepEqual(
    [...links, other!].map(({ stopped }) => stopped),
    [1, 1, 0],
  );
  assert.deepEqual([world.lanes.isStopped(2), world.lanes.isStopped(3)], [true, false]);
});

test("a lane that comes after its worker was told to leave is told, too", () => {
  const world = new World();
  world.worker(1, 1);
  world.lanes.stop(1);
  const [later] = world.worker(1, 1);
  assert.equal(later!.stopped, 1);
});

test("workers that never come are forgotten, the oldest first", () => {
  const world = new World();
  for (let number = 1; number <= 2000; number++) world.lanes.stop(number);
  const [first] = world.worker(1, 1);
  const [last] = world.worker(2000, 1);
  assert.deepEqual([first!.stopped, last!.stopped], [0, 1]);
});

test("a worker is overdue once, and all its lanes are told to stop", () => {
  const world = new World();
  const links = world.worker(1, 2);
  world.lanes.overdue(1, 5, REQUEST);
  world.lanes.overdue(1, 6, REQUEST);
  assert.deepEqual(world.said, ["overdue 1 5"]);
  world.lanes.stop(1);
  assert.deepEqual(
    links.map(({ stopped }) => stopped),
    [1, 1],
  );
});
