import { ask, askFor, compareServers } from "./differential.ts";
import { get, post } from "./http-client.ts";
import { djangoCases, siteCases } from "./site-cases.ts";

compareServers("a Flask site", { args: ["flask_site:app", "-w", "2"] }, [
  ...siteCases("flask_site.py"),
  ask("JSON", post("/json", '{"a": [1, 2.5, null]}', "Content-Type: application/json\r\n"), { body: '{"a":[1,2.5,null]}\n' }),
  askFor("/away", { statusLine: "HTTP/1.1 302 FOUND" }),
  ask("a part of the file", get("/file", "Range: bytes=3-9\r\n"), { statusLine: "HTTP/1.1 206 PARTIAL CONTENT" }),
]);

compareServers("a Flask site in threads", { args: ["flask_site:app", "--threads", "4"] }, siteCases("flask_site.py"));

compareServers("a Django site in threads", { args: ["django_site", "--threads", "4"] }, [
  ...djangoCases,
  {
    name: "a database connection of its own for each thread",
    run: async (server) => {
      const answers = await Promise.all(Array.from({ length: 4 }, async () => JSON.parse((await server.exchange(get("/database"))).body)));
      return {
        values: answers.map(({ value }) => value),
        threads: new Set(answers.map(({ thread }) => thread)).size,
        connections: new Set(answers.map(({ connection }) => connection)).size,
      };
    },
    expected: { values: [1, 1, 1, 1], threads: 4, connections: 4 },
  },
]);

compareServers("a Django site", { args: ["django_site", "-w", "2"] }, djangoCases);

for (const args of [[], ["--threads", "2"]]) {
  compareServers(`a Falcon site ${args.join(" ")}`, { args: ["falcon_site", ...args] }, siteCases("falcon_site.py"));

  compareServers(`under wsgiref's validator ${args.join(" ")}`, { args: ["validated", ...args] }, [
    askFor("/", { body: "hello" }),
    askFor("/a%20b/%C3%A9?q=1&q=%26", { body: "hello" }),
    ask("headers", get("/", "X-One: 1\r\nX-One: 2\r\nCookie: a=b\r\n"), { body: "hello" }),
    ask("a body, read in every way", post("/echo", "12345\nline\nlast", "Content-Type: text/plain\r\n"), { body: "12345\nline\nlast" }),
    ask("a large body", post("/echo", "x".repeat(300_000), "Content-Type: text/plain\r\n"), { body: "x".repeat(300_000) }),
    ask("a body, iterated", post("/iterate", "a\nb", "Content-Type: text/plain\r\n"), { body: "a\n|b" }),
    askFor("/generate", { body: "first second", framing: "chunked" }),
    askFor("/write", { body: "written returned" }),
    askFor("/errors", { body: "hello" }),
    askFor("/nothing", { statusLine: "HTTP/1.1 204 No Content", body: "" }),
    askFor("/fails", { statusLine: "HTTP/1.1 500 Internal Server Error" }),
    ask("HEAD", "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", { body: "" }),
    {
      name: "every response was closed, and wsgi.errors is the log",
      run: async (server) => {
        await server.waitForLine(/^said to wsgi\.errors$/);
        await server.waitForLine(/^and more$/);
        return { complaints: server.countLines(/AssertionError|WSGIWarning|without being closed/) };
      },
      expected: { complaints: 0 },
    },
  ]);
}
