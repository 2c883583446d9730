/** statsD's datagrams, byte by byte those of Gunicorn. */

const US_PER_MS = 1000;
const US_PER_S = 1_000_000;
/** Gunicorn reads the seconds of a duration, and leaves its days out. */
const S_PER_DAY = 86_400;

export class StatsdFormat {
  readonly #prefix: string;
  readonly #tags: string;

  /**
   * @param prefix  Comes before every name, with one dot at its end.
   * @param tags    DogStatsD's: `"env:prod,zone:b"`.
   */
  constructor(prefix: string, tags: string) {
    this.#prefix = prefix.replace(/^(.+[^.]+)\.*$/, "$1.");
    this.#tags = tags === "" ? "" : `|#${tags}`;
  }

  /** The three metrics of an answered request, a line for each. */
  request(status: number, durationUs: number): string {
    const duration = this.#line(`gunicorn.request.duration:${pythonFloat(milliseconds(durationUs))}|ms`);
    return duration + this.count("gunicorn.requests") + this.count(`gunicorn.request.status.${status}`);
  }

  /** @returns a line: one more of `name`. */
  count(name: string): string {
    return this.#line(`${name}:1|c|@1.0`);
  }

  gauge(name: string, value: number): string {
    return this.#line(`${name}:${value}|g`);
  }

  #line(metric: string): string {
    return `${this.#prefix}${metric}${this.#tags}\n`;
  }
}

function milliseconds(durationUs: number): number {
  const us = Math.trunc(durationUs);
  const seconds = Math.floor(us / US_PER_S) % S_PER_DAY;
  return seconds * US_PER_MS + (us % US_PER_S) / US_PER_MS;
}

/** `repr` of a float that is neither tiny nor huge. */
function pythonFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
