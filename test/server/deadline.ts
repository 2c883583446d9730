/** Ends waits that would never end. No test depends on these times: they only turn a hang into a failure. */

/** Generous: the machine of a test run may be slow, and a server's own graceful_timeout is 30 s. */
export const DEADLINE_MS = 60_000;
const POLL_MS = 10;

/** @param doing  For the failure's message: `"reading from the server"`. */
export function withDeadline<T>(
  doing: string,
  executor: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${doing} took over ${DEADLINE_MS} ms`)), DEADLINE_MS);
    const settle =
      <V>(then: (value: V) => void) =>
      (value: V) => {
        clearTimeout(timer);
        then(value);
      };
    executor(settle(resolve), settle(reject));
  });
}

/** Polls until `condition` gives something. @returns What it gave. */
export async function waitUntil<T>(doing: string, condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const givenUpMs = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > givenUpMs) throw new Error(`${doing} took over ${DEADLINE_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
