import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NO_PLACE, Roster, type RosterMember } from "../../src/base/roster.ts";

class Member implements RosterMember {
  readonly name: number;
  place = NO_PLACE;

  constructor(name: number) {
    this.name = name;
  }
}

test("a roster has the members that a Set has, whatever comes and goes", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ name: fc.nat(9), comes: fc.boolean() }), { maxLength: 100 }), (steps) => {
      const members = Array.from({ length: 10 }, (_, name) => new Member(name));
      const roster = new Roster<Member>();
      const model = new Set<Member>();
      for (const { name, comes } of steps) {
        const member = members[name]!;
        if (comes && !model.has(member)) {
          roster.add(member);
          model.add(member);
        } else if (!comes) assert.equal(roster.remove(member), model.delete(member));
        assert.equal(roster.size, model.size);
        assert.deepEqual(new Set(roster.all()), model);
        for (const one of members)
          assert.equal(
            roster.find((other) => other.name === one.name),
            model.has(one) ? one : undefined,
          );
      }
    }),
  );
});

test("members may leave while all are gone through", () => {
  const roster = new Roster<Member>();
  for (let name = 0; name < 5; name++) roster.add(new Member(name));
  const seen: number[] = [];
  for (const member of roster.all()) {
    seen.push(member.name);
    roster.remove(member);
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  assert.equal(roster.size, 0);
});

test("a place in another roster is no place in this one", () => {
  const [one, other] = [new Roster<Member>(), new Roster<Member>()];
  const [member, foreign] = [new Member(1), new Member(2)];
  one.add(member);
  other.add(foreign);
  assert.equal(one.remove(foreign), false);
  assert.equal(one.size, 1);
});
