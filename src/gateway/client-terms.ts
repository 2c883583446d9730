/** On what terms clients are served: what is spoken with them, and what they may do, as the settings have it. */

import type { Http1Policy } from "../protocol/http1/policy.ts";
import type { Http2Policy } from "../protocol/http2/policy.ts";
import type { Peer } from "../request/request-head.ts";
import type { Settings } from "../settings/table.ts";
import type { TlsMaterial } from "../wire/tls-material.ts";
import {
  type CleartextHttp2,
  type ConnectionLimits,
  cleartextHttp2,
  connectionLimits,
  http1PolicyOf,
  http2PolicyOf,
  protocolsByTls,
  trustedPeers,
  uwsgiPeers,
  withoutEndAtZero,
} from "./limits-from-settings.ts";
import { type ProxyRules, proxyRules } from "./proxy-preface.ts";
import { RequestIds } from "./request-ids.ts";
import { TlsTerms } from "./tls-terms.ts";
import type { Way } from "./worker-pools.ts";

export interface ClientTerms {
  readonly policy: Http1Policy;
  readonly http2Policy: Http2Policy;
  readonly cleartextHttp2: CleartextHttp2;
  readonly limits: ConnectionLimits;
  readonly isTrusted: (address: string) => boolean;
  readonly speaksUwsgi: ((peer: Peer) => boolean) | undefined;
  /** Undefined: clients speak plain text. */
  readonly tls: TlsTerms | undefined;
  readonly proxyRules: ProxyRules | undefined;
  readonly requestIds: RequestIds | undefined;
  /** ASGI's scopes name the address which a client reached. */
  readonly namesReachedAddress: boolean;
}

/** @param way  Of the workers that the settings ask for. */
export function clientTerms(settings: Settings, tls: TlsMaterial | undefined, way: Way): ClientTerms {
  const policy = http1PolicyOf(settings);
  return {
    policy,
    http2Policy: http2PolicyOf(settings, policy),
    cleartextHttp2: cleartextHttp2(settings),
    limits: connectionLimits(settings),
    isTrusted: trustedPeers(settings),
    speaksUwsgi: uwsgiPeers(settings),
    tls: tlsTermsOf(settings, tls),
    proxyRules: proxyRules(settings),
    requestIds: RequestIds.of(settings),
    namesReachedAddress: way === "asgi",
  };
}

function tlsTermsOf(settings: Settings, tls: TlsMaterial | undefined): TlsTerms | undefined {
  return tls === undefined ? undefined : new TlsTerms(tls, withoutEndAtZero(settings.handshake_timeout), protocolsByTls(settings));
}
