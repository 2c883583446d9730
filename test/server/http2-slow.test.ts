import { testSlowStreams } from "./http2-slow.ts";

testSlowStreams(256 * 1024);
