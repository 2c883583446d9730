/**
 * One connection of a proxy that speaks uWSGI (nginx's `uwsgi_pass`). Its requests are packets; its answers, its order
 * and its time limits are HTTP/1's (protocols §7.2), so that it is an `Http1Connection` with another parser.
 */

import type { Socket } from "node:net";
import { forbiddenPeer } from "../protocol/uwsgi/refusals.ts";
import { UwsgiParser } from "../protocol/uwsgi/request-parser.ts";
import type { Peer } from "../request/request-head.ts";
import { type ConnectionHost, Http1Connection, type RequestProtocol } from "./http1-connection.ts";

/** nginx gives a response's body to its client as it stands: chunks would reach the client with their sizes. */
const UWSGI: RequestProtocol = { makeParser: (peer, handler) => new UwsgiParser(peer, handler), chunking: false };

/** @param isAllowed  Says whether the peer may speak uWSGI (`uwsgi_allow_ips`); one that may not is refused before it is read. */
export function uwsgiConnection(socket: Socket, peer: Peer, host: ConnectionHost, isAllowed: (peer: Peer) => boolean): Http1Connection {
  const connection = new Http1Connection(socket, peer, host, UWSGI);
  if (!isAllowed(peer)) connection.onError(forbiddenPeer(peer.remoteAddress), undefined);
  return connection;
}
