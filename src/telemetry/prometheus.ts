/** Prometheus' text format, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */

import { DURATION_BOUNDS_S, type HistogramCounts } from "./histogram.ts";

export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** `{ state: "ready" }` */
export type Labels = Readonly<Record<string, string | number>>;

export type Sample = readonly [labels: Labels, value: number];

/** Collects families of metrics, one after the other. */
export class PrometheusText {
  #text = "";

  get text(): string {
    return this.#text;
  }

  /** @param name  Ends in `_total`. */
  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, help, "counter", samples);
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, help, "gauge", samples);
  }

  histogram(name: string, help: string, { counts, sumS }: HistogramCounts): void {
    this.#head(name, help, "histogram");
    let below = 0;
    for (const [bucket, bound] of [...DURATION_BOUNDS_S, Number.POSITIVE_INFINITY].entries()) {
      below += counts[bucket] ?? 0;
      this.#line(`${name}_bucket`, { le: formatNumber(bound) }, below);
    }
    this.#line(`${name}_sum`, {}, sumS);
    this.#line(`${name}_count`, {}, below);
  }

  #family(name: string, help: string, type: "counter" | "gauge", samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.#head(name, help, type);
    for (const [labels, value] of samples) this.#line(name, labels, value);
  }

  #head(name: string, help: string, type: string): void {
    this.#text += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
  }

  #line(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(String(text))}"`);
    this.#text += `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${formatNumber(value)}\n`;
  }
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function formatNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return String(value);
}
