import { compareServers, type Observation, talk } from "./differential.ts";
import { get } from "./http-client.ts";

/** Everything that a server sends, to the byte; what names it or the time is replaced. */
function hint(how: string, expected: Observation, tunicorn: Observation = {}, request = get(`/hints?how=${encodeURIComponent(how)}`)) {
  return talk(
    `${how}: ${request.split("\r\n")[0]}`,
    async (client) => {
      client.send(request);
      const wire = (await client.readToEnd()).replace(/^Server: (?:gunicorn|tunicorn)\r\nDate: [^\r]*\r\n/gm, "Server: s\r\nDate: d\r\n");
      return { wire };
    },
    expected,
    tunicorn,
  );
}

const final = (body: string, protocol = "HTTP/1.1") => {
  const head = `${protocol} 200 OK\r\nServer: s\r\nDate: d\r\nConnection: close\r\n`;
  return `${head}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};
const hinted = (lines: string) => ({ wire: `HTTP/1.1 103 Early Hints\r\n${lines}\r\n${final("after")}` });
const REFUSED = { wire: final("refused") };

compareServers("early hints, to the byte", { args: ["cases"] }, [
  hint("text", hinted("Link: </a.css>; rel=preload; as=style\r\nlink: </b.js>; rel=preload\r\n")),
  hint("bytes", hinted("Link: </a.css>; rel=preload\r\n")),
  hint("latin-1", hinted("X-Hint: caf\xe9\r\n")),
  hint("none", hinted("")),
  hint("twice", {
    wire: `HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n${final("after")}`,
  }),
  hint("behind start_response", hinted("Link: </a.css>\r\n")),
  hint("behind the head", { wire: final("below") }),
  ...["text", "twice"].map((how) => hint(how, { wire: final("after", "HTTP/1.0") }, {}, `GET /hints?how=${how} HTTP/1.0\r\n\r\n`)),
  ...["padded", "empty value", "value that is a number"].map((how) => hint(how, {})),
  // They belong to the connection or to the final response (RFC 9110 §7.6.1, §8.6).
  hint("hop-by-hop", hinted("Connection: close\r\nServer: mine\r\nDate: today\r\nX-Hint: 1\r\n"), hinted("X-Hint: 1\r\n")),
  hint("length", hinted("Content-Length: 5\r\n"), hinted("")),
  ...["name with a blank", "empty name", "value with CR LF", "value with NUL", "value beyond latin-1"].map((how) => hint(how, REFUSED)),
]);

compareServers("the application's Server and Date, to the byte", { args: ["cases"] }, [
  talk(
    "are dropped, with the fields that concern the connection",
    async (client, { kind }) => {
      client.send(get("/hop-by-hop"));
      const wire = await client.readToEnd();
      return { wire: wire.replace(`\r\nServer: ${kind}\r\n`, "\r\nServer: s\r\n").replace(/\r\nDate: [^\r]* GMT\r\n/, "\r\nDate: d\r\n") };
    },
    {
      wire:
        "HTTP/1.1 200 OK\r\nServer: s\r\nDate: d\r\nConnection: close\r\n" +
        "Content-Type: text/plain\r\nContent-Length: 2\r\nX-Kept: yes\r\nTrailer: X-T\r\n\r\nok",
    },
  ),
]);
