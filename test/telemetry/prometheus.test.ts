import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram } from "../../src/telemetry/histogram.ts";
import { PrometheusText } from "../../src/telemetry/prometheus.ts";

test("families with their help, type and samples", () => {
  const out = new PrometheusText();
  out.counter("a_total", "Of a.\nTwo lines, and a \\.", [[{}, 3]]);
  out.gauge("b", "Of b.", [
    [{ state: 'with "quotes", \\ and\nlines', n: 2 }, 0.5],
    [{ state: "" }, -1],
  ]);
  out.gauge("c", "Nothing is known of c.", []);
  assert.equal(
    out.text,
    `# HELP a_total Of a.\\nTwo lines, and a \\\\.
# TYPE a_total counter
a_total 3
# HELP b Of b.
# TYPE b gauge
b{state="with \\"quotes\\", \\\\ and\\nlines",n="2"} 0.5
b{state=""} -1
`,
  );
});

test("buckets of histograms are cumulated, and end with +Inf", () => {
  const histogram = new Histogram();
  for (const seconds of [0.0005, 0.002, 0.002, 100]) histogram.observe(seconds);
  const out = new PrometheusText();
  out.histogram("d", "Of d.", histogram.counts);
  const lines = out.text.split("\n");
  assert.deepEqual(lines.slice(0, 5), [
    "# HELP d Of d.",
    "# TYPE d histogram",
    'd_bucket{le="0.001"} 1',
    'd_bucket{le="0.0025"} 3',
    'd_bucket{le="0.005"} 3',
  ]);
  assert.deepEqual(lines.slice(-5), ['d_bucket{le="60"} 3', 'd_bucket{le="+Inf"} 4', "d_sum 100.0045", "d_count 4", ""]);
});
