/** Kinds of the settings about the admin port. */

import { parseBindAddress } from "../base/address.ts";
import { reprString } from "../base/python-repr.ts";
import { InvalidValue, type Kind } from "./kind.ts";
import { checkString, checkStringList } from "./kinds.ts";

/** What has a place in a path as it stands: RFC 3986 §3.3 without percent-encoding, which a client could write in several ways. */
const PREFIX = /^(?:\/[\w.~!$&'()*+,;=:@-]+)+$/;

/** Addresses that the master binds by itself. */
export const adminAddresses: Kind<readonly string[]> = {
  name: "list of addresses",
  argumentType: "str",
  check: (value) => {
    const texts = checkStringList(value);
    for (const text of texts) checkAddress(text);
    return [...new Set(texts)];
  },
};

function checkAddress(text: string): void {
  try {
    const address = parseBindAddress(text, Number.NaN);
    if (address.kind === "unix" ? address.path !== "" : address.kind !== "fd") return;
  } catch {
    // It has no port, or what is no port.
  }
  throw new InvalidValue(`admin_bind must be HOST:PORT, [IPV6]:PORT or unix:PATH, not ${reprString(text)}`);
}

/** A path, without a slash at its end. */
export const adminPrefix: Kind<string | null> = {
  name: "path",
  argumentType: "str",
  check: (value) => {
    const text = checkString(value);
    if (text === null || text === "") return null;
    const prefix = text.replace(/\/$/, "");
    if (!PREFIX.test(prefix)) throw new InvalidValue(`admin_prefix must be a path like /-/admin, not ${reprString(text)}`);
    return prefix;
  },
};
