import { testLargeBodies } from "./large-bodies.ts";

/** Beyond 2^31, where a size in a signed 32-bit number would end. */
const SIZE_BYTES = 2048 * 1024 * 1024;

testLargeBodies(SIZE_BYTES);
