import { testLargeBodies } from "./large-bodies.ts";

/** Twice what a process may grow: what kept a body in memory would show. The soak takes 2 GB. */
const SIZE_BYTES = 256 * 1024 * 1024;

testLargeBodies(SIZE_BYTES);
