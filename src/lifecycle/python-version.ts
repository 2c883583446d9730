const OLDEST_MAJOR = 3;
const OLDEST_MINOR = 10;

/** @param version  As the nursery reports it: `"3.11.2"`, `"3.14.0rc1"`. */
export function isPythonSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return major > OLDEST_MAJOR || (major === OLDEST_MAJOR && minor >= OLDEST_MINOR);
}

/** @returns the message for standard error. */
export function unsupportedPython(version: string, executable: string): string {
  return `Python ${version} (${executable}) is too old: ${OLDEST_MAJOR}.${OLDEST_MINOR} or later is needed, choose another with --python`;
}
