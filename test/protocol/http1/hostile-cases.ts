/** Hostile requests of every kind, with the settings and the peer that they meet. */

import fc from "fast-check";
import { hostileBytes, SETTINGS } from "./hostile-requests.ts";
import { nearLimits } from "./near-limits.ts";
import type { Case } from "./outcome.ts";
import { smugglingBytes } from "./smuggling-requests.ts";

const bytesAndSettings = fc.oneof(
  { weight: 3, arbitrary: fc.record({ bytes: hostileBytes, settings: fc.constantFrom(...SETTINGS) }) },
  // Mostly under the default settings: that is where smuggling must fail.
  { weight: 3, arbitrary: fc.record({ bytes: smugglingBytes, settings: fc.oneof(fc.constant({}), fc.constantFrom(...SETTINGS)) }) },
  { weight: 1, arbitrary: nearLimits },
);

export const hostileCase: fc.Arbitrary<Case> = fc
  .tuple(bytesAndSettings, fc.boolean(), fc.boolean())
  .map(([one, trusted, secure]) => ({ ...one, trusted, secure }));
