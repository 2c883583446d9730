import { readFileSync } from "node:fs";

/** What generate.py recorded of the real Gunicorn. The caller says its shape. */
export function readVectors<Shape>(name: string): Shape {
  return JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), "utf8"));
}
