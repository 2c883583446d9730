import assert from "node:assert/strict";
import { test } from "node:test";
import { keyName, stepTop, type TopState } from "../../src/control/top-state.ts";
import { lookedAt, sampleOf, workerOf } from "./top-of.ts";

function press(state: TopState, ...keys: readonly string[]): string[] {
  return keys
    .flatMap((key) => stepTop(state, { type: "key", key }))
    .map((order) => (order.do === "ask" ? `ask ${order.command}` : order.do));
}

const THREE = { workers: [workerOf(101), workerOf(102), workerOf(103)] };

for (const { keys, selected } of [
  { keys: [], selected: 101 },
  { keys: ["down"], selected: 102 },
  { keys: ["j", "j", "j", "j"], selected: 103 },
  { keys: ["end"], selected: 103 },
  { keys: ["end", "up"], selected: 102 },
  { keys: ["end", "home"], selected: 101 },
  { keys: ["up", "k"], selected: 101 },
]) {
  test(`keys ${keys.join(" ") || "none"} choose worker ${selected}`, () => {
    const state = lookedAt(THREE);
    assert.deepEqual(press(state, ...keys), []);
    assert.equal(state.selected, selected);
  });
}

for (const { keys, orders } of [
  { keys: ["q"], orders: ["leave"] },
  { keys: ["ctrl-c"], orders: ["leave"] },
  { keys: ["ctrl-z"], orders: ["suspend"] },
  { keys: ["ctrl-l"], orders: ["redraw"] },
  { keys: ["space"], orders: ["look"] },
  { keys: ["s"], orders: ["ask stacks 101"] },
  { keys: ["down", "enter"], orders: ["ask stacks 102"] },
  { keys: ["s", "s"], orders: ["ask stacks 101"] },
  { keys: ["r", "y"], orders: ["ask recycle 101"] },
  { keys: ["r", "n"], orders: [] },
  { keys: ["r", "q", "y"], orders: [] },
  { keys: ["r", "ctrl-c"], orders: ["leave"] },
  { keys: ["R", "y"], orders: ["ask reload --wait"] },
  { keys: ["R", "escape"], orders: [] },
  { keys: ["x", "f1", ""], orders: [] },
  { keys: ["?", "q"], orders: [] },
  { keys: ["?", "ctrl-c"], orders: ["leave"] },
]) {
  test(`keys ${keys.join(" ")} order ${orders.join(", ") || "nothing"}`, () => assert.deepEqual(press(lookedAt(THREE), ...keys), orders));
}

test("the chosen worker stays chosen while it is there", () => {
  const state = lookedAt(THREE);
  press(state, "down");
  stepTop(state, { type: "looked", sample: sampleOf({ workers: [workerOf(102), workerOf(104)] }) });
  assert.equal(state.selected, 102);
  stepTop(state, { type: "looked", sample: sampleOf({ workers: [workerOf(104)] }) });
  assert.equal(state.selected, 104);
  stepTop(state, { type: "looked", sample: sampleOf({ workers: [] }) });
  assert.deepEqual([state.selected, press(state, "s", "r", "down")], [undefined, []]);
});

test("stacks are a text to scroll in, and back", () => {
  const state = lookedAt(THREE, { columns: 80, rows: 12 });
  press(state, "s");
  assert.deepEqual(state.asked, ["stacks 101"]);
  const stacks = Array.from({ length: 25 }, (_, index) => `line ${index}`).join("\n");
  const orders = stepTop(state, { type: "answered", command: "stacks 101", data: { pid: 101, stacks } });
  assert.deepEqual([orders, state.asked], [[{ do: "look" }], []]);
  const firsts = ["down", "down", "up", "pagedown", "end", "down", "pageup", "home", "up", "G", "g"].map((key) => {
    press(state, key);
    return state.pane.at === "text" ? state.pane.first : undefined;
  });
  assert.deepEqual(firsts, [1, 2, 1, 10, 15, 15, 6, 0, 0, 15, 0]);
  press(state, "escape");
  assert.equal(state.pane.at, "overview");
});

test("long lines of a text are wrapped, anew when the screen changes", () => {
  const state = lookedAt({}, { columns: 10, rows: 24 });
  stepTop(state, { type: "answered", command: "stacks 101", data: { stacks: "0123456789abcde\n\nx\x1b" } });
  const lines = () => (state.pane.at === "text" ? state.pane.lines : []);
  assert.deepEqual(lines(), ["0123456789", "abcde", "", "x\\x1b"]);
  assert.deepEqual(stepTop(state, { type: "resized", size: { columns: 20, rows: 24 } }), [{ do: "redraw" }]);
  assert.deepEqual(lines(), ["0123456789abcde", "", "x\\x1b"]);
});

test("what came of a command is a note until the next key; a traceback is a text", () => {
  const state = lookedAt();
  stepTop(state, { type: "answered", command: "recycle 101", data: { recycling: 101 } });
  assert.deepEqual(state.note, { text: "worker 101 is being replaced", alarm: false });
  stepTop(state, { type: "answered", command: "reload --wait", data: { status: "reloaded", generation: 3, workers: 2, seconds: 1.5 } });
  assert.deepEqual(state.note, { text: "reloaded: generation 3 after 1.5 s", alarm: false });
  press(state, "down");
  assert.equal(state.note, undefined);
  stepTop(state, { type: "refused", command: "recycle 7", text: "Worker 7 not found" });
  assert.deepEqual([state.note, state.pane.at], [{ text: "recycle 7: Worker 7 not found", alarm: true }, "overview"]);
  stepTop(state, { type: "refused", command: "reload --wait", text: "reload withdrawn\nTraceback\n  ImportError\n" });
  assert.deepEqual(state.pane.at === "text" && state.pane.lines, ["reload withdrawn", "Traceback", "  ImportError"]);
});

test("a server that is lost, and found again", () => {
  const state = lookedAt();
  stepTop(state, { type: "lost", text: "no news" });
  assert.deepEqual([state.lost, state.rates], ["no news", undefined]);
  stepTop(state, { type: "looked", sample: sampleOf({}, 5000) });
  assert.equal(state.lost, undefined);
});

test("workers that have ended", () => {
  const exit = {
    pid: 90,
    age: 1,
    generation: 1,
    seconds_ago: 3.5,
    reason: "timeout",
    status: "signal=SIGKILL",
    detail: "worker timed out",
  };
  const state = lookedAt({ exits: [exit, { ...exit, detail: null }] });
  press(state, "e");
  const line = "3.5s ago  worker 90  generation 1  timeout  signal=SIGKILL";
  assert.deepEqual(state.pane.at === "text" && state.pane.lines, [line, "    worker timed out", line]);
  const nobody = lookedAt();
  press(nobody, "e");
  assert.deepEqual(nobody.pane.at === "text" && nobody.pane.lines, ["none has ended"]);
});

for (const { text, key, name } of [
  { text: "q", key: { name: "q" }, name: "q" },
  { text: "R", key: { name: "r" }, name: "R" },
  { text: "?", key: {}, name: "?" },
  { text: " ", key: { name: "space" }, name: "space" },
  { text: "\r", key: { name: "return" }, name: "enter" },
  { text: "\n", key: { name: "enter" }, name: "enter" },
  { text: "\x03", key: { name: "c", ctrl: true }, name: "ctrl-c" },
  { text: undefined, key: { name: "up" }, name: "up" },
  { text: "\x1b", key: { name: "escape" }, name: "escape" },
  { text: "é", key: {}, name: "" },
]) {
  test(`the key ${JSON.stringify(text)} ${JSON.stringify(key)} is ${JSON.stringify(name)}`, () => assert.equal(keyName(text, key), name));
}
