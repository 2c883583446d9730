/** Paths as `os.path` of Python treats them. */

/** `os.path.join(base, path)` */
export function joinPath(base: string, path: string): string {
  if (path.startsWith("/")) return path;
  return base === "" || base.endsWith("/") ? base + path : `${base}/${path}`;
}

/** `os.path.normpath(path)`: no `.`, no `..` but leading ones, no doubled slash except exactly two at the start (POSIX gives them a meaning). */
export function normalizePath(path: string): string {
  const root = /^(?:\/\/(?!\/)|\/?)/.exec(path)?.[0] ?? "";
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (root === "") kept.push(part);
  }
  return root + kept.join("/") || ".";
}

/** `os.path.abspath(path)` seen from the directory `base`. */
export function absolutePath(base: string, path: string): string {
  return normalizePath(joinPath(base, path));
}

/** `os.path.splitext(path)[1]`: `".py"`; a leading dot starts no extension. */
export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const start = name.length - name.replace(/^\.+/, "").length;
  const dot = name.lastIndexOf(".");
  return dot >= start && dot > 0 ? name.slice(dot) : "";
}
