/** The hook `ssl_context`: the nursery calls it, and tells what the context that it returns is. */

import { isDirect, isSet, type Resolved } from "../settings/index.ts";
import type { TlsVersion } from "../wire/tls-material.ts";
import { nextMessage } from "./configure.ts";
import type { NurseryProcess } from "./nursery-process.ts";

/** The contract's `ssl-context-made`. Paths are absolute; null: the context has been told nothing. */
export interface HookedContext {
  /** In the order in which they were loaded: of two of the same kind of key the later one counts. */
  readonly chains: readonly { readonly cert: string; readonly key: string | null; readonly password: string | null }[];
  readonly authorities: readonly ({ readonly file: string } | { readonly pem: string })[];
  readonly verifyMode: number;
  readonly minimumVersion: TlsVersion | null;
  readonly maximumVersion: TlsVersion | null;
  readonly options: readonly OptionName[];
  readonly ciphers: string | null;
  readonly curve: string | null;
  readonly dhParameters: string | null;
  readonly protocols: readonly string[] | null;
}

/** Python's names of OpenSSL's options. */
export type OptionName = "OP_NO_TLSv1" | "OP_NO_TLSv1_1" | "OP_NO_TLSv1_2" | "OP_NO_TLSv1_3" | "OP_NO_TICKET";

/**
 * Calls the hook, if there is one and somebody for whom it counts: without `certfile` and `keyfile` there is no TLS, as with Gunicorn,
 * and workers that accept clients by themselves call it by themselves.
 *
 * @param settingsMessage  The contract's `settings`.
 * @throws {Error} that says what went wrong in the hook, or what of its context cannot be honoured.
 */
export async function callTlsHook(
  resolved: Resolved,
  settingsMessage: object,
  nursery: NurseryProcess,
): Promise<HookedContext | undefined> {
  const { certfile, keyfile } = resolved.settings;
  if (!isSet(resolved, "ssl_context") || isDirect(resolved.settings) || (certfile === null && keyfile === null)) return undefined;
  nursery.send({ cmd: "make-ssl-context", settings: settingsMessage });
  const { status, text } = await nextMessage(nursery, "ssl-context-made", "make-ssl-context");
  if (status !== 0) throw new Error(String(text) || `hook ssl_context ended with ${String(status)}`);
  return JSON.parse(String(text)) as HookedContext;
}
