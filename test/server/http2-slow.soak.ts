import { testSlowStreams } from "./http2-slow.ts";

testSlowStreams(10 * 1024 * 1024);
