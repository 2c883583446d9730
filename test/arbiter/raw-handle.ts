import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A raw handle, as Node gives it for a descriptor that came over IPC, and the other end of it. */
export async function rawHandle(): Promise<{ handle: unknown; peer: Socket; server: Server }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const peer = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  const [near] = (await once(server, "connection")) as [Socket & { _handle: unknown }];
  const handle = near._handle;
  near._handle = null;
  return { handle, peer, server };
}
