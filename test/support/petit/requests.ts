import { connect } from "node:net";
import type { Random } from "../torture/random.ts";

/** A request as sent. It is `intact` if its framing is valid, so that exactly one response follows. */
export type WireRequest = { readonly text: string; readonly intact: boolean };

export type WireResponse = {
  /** Null if no response was received. */
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

type Header = readonly [name: string, value: string];

type Parts = {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly Header[];
  readonly body: string;
  readonly intact: boolean;
};

const EVIL = [
  "../../etc/passwd",
  "..%2f..%2fetc%2fpasswd",
  "%00",
  "%zz",
  "%ff%fe",
  "__proto__",
  "constructor",
  "' OR 1=1--",
  "${{ config.x }}",
  "$(id)",
  "<script>",
  "\u00e9\u4e2d",
  "%0d%0aX-Evil:1",
  "9".repeat(400),
  "a".repeat(5000),
  "-1",
  "1e999",
  "NaN",
  "null",
  "",
  "hello/../hello",
  ";x=y",
  "#",
  "?",
];

const METHODS = [
  "GET",
  "POST",
  "HEAD",
  "PUT",
  "DELETE",
  "PATCH",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "PROPFIND",
  "get",
  "",
  "G T",
];

const HEADERS: readonly Header[] = [
  ["Host", "evil.example"],
  ["Host", ""],
  ["Host", "localhost:99999999"],
  ["Origin", "https://evil.example"],
  ["Origin", "null"],
  ["Sec-Fetch-Site", "cross-site"],
  ["Authorization", "Bearer x"],
  ["Idempotency-Key", "k"],
  ["Idempotency-Key", "a".repeat(300)],
  ["Last-Event-ID", "-1"],
  ["Last-Event-ID", "99999999999999999999"],
  ["Accept", "text/event-stream, */*;q=0"],
  ["Content-Type", "multipart/form-data; boundary="],
  ["Content-Encoding", "gzip"],
  ["Transfer-Encoding", "chunked"],
  ["Content-Length", "5"],
  ["Expect", "100-continue"],
  ["Upgrade", "websocket"],
  ["Range", "bytes=0-1,-1"],
  ["If-None-Match", "*"],
  ["Cookie", "a".repeat(4000)],
  ["X", "a".repeat(20_000)],
  ["X-HTTP-Method-Override", "POST"],
];

const BODIES = [
  "",
  "{}",
  '{"params":{}}',
  '{"params":{"x":1e400}}',
  '{"params":{"x":"\\ud800"}}',
  '{"params":{"x":"\\u0000"}}',
  '{"params":{"__proto__":1}}',
  '{"params":[1]}',
  '{"params":{"x":{"a":1}}}',
  "[".repeat(10_000),
  '{"a":'.repeat(5_000),
  '"'.repeat(100),
  "null",
  "\u0000\u0001",
  "a=b&c=d",
  `{"params":{"x":"${"y".repeat(50_000)}"}}`,
];

/** Returns a random valid request. */
const valid = (random: Random, runId: string): Parts => {
  const [method, path, body] = random.pick<readonly [string, string, string]>([
    [6, ["GET", "/api/jobs", ""]],
    [3, ["GET", "/api/jobs/hello", ""]],
    [3, ["GET", `/api/jobs/hello/runs?limit=${random.between(1, 50)}&status=completed`, ""]],
    [3, ["GET", `/api/jobs/hello/occurrences?limit=5&coming=${random.between(0, 20)}`, ""]],
    [6, ["GET", `/api/runs?limit=${random.between(1, 50)}&before=${runId}`, ""]],
    [6, ["GET", `/api/runs/${runId}`, ""]],
    [3, ["GET", `/api/runs/${runId}/tasks`, ""]],
    [3, ["GET", `/api/runs/${runId}/logs?tail=${random.between(0, 5)}&timestamps=true`, ""]],
    [2, ["POST", "/api/jobs/hello/trigger", `{"params":{"x":"${random.between(0, 9)}"}}`]],
    [1, ["POST", `/api/runs/${runId}/cancel`, ""]],
    [1, ["POST", `/api/runs/${runId}/retry`, ""]],
    [2, ["POST", "/api/scheduler/resume", ""]],
    [2, ["GET", "/api/scheduler/state", ""]],
    [2, ["GET", "/api/health", ""]],
    [1, ["GET", "/api/openapi.json", ""]],
    [1, ["GET", "/api/docs", ""]],
    [1, ["GET", "/metrics", ""]],
  ]);
  return { method, path, headers: [["Host", "localhost"]], body, intact: true };
};

/** Returns a random request. A third of them are valid, and the others are changed in one or more ways. */
export const makeRequest = (random: Random, runId: string): WireRequest => {
  let parts = valid(random, runId);
  for (let changes = any(random, [0, 0, 0, 1, 1, 1, 2, 3]); changes > 0; changes -= 1) parts = change(random, parts);
  const text = write(parts);
  return random.next() < 0.1 ? { text: damage(random, text), intact: false } : { text, intact: parts.intact };
};

const change = (random: Random, parts: Parts): Parts =>
  random.pick<() => Parts>([
    [2, () => changeMethod(parts, any(random, METHODS))],
    [4, () => ({ ...parts, path: changePath(random, parts.path) })],
    [2, () => ({ ...parts, path: `${parts.path}${parts.path.includes("?") ? "&" : "?"}${changeQuery(random)}` })],
    [4, () => addHeader(parts, any(random, HEADERS))],
    [3, () => ({ ...parts, body: any(random, BODIES) })],
  ])();

/** The runtime's parser need not respond to an invalid method. */
const changeMethod = (parts: Parts, method: string): Parts => ({
  ...parts,
  method,
  intact: parts.intact && /^[A-Z]+$/.test(method),
});

const addHeader = (parts: Parts, header: Header): Parts => ({
  ...parts,
  headers: [...parts.headers, header],
  intact: parts.intact && !/^(Transfer-Encoding|Content-Length|Expect|Upgrade)$/.test(header[0]),
});

const any = <T>(random: Random, choices: readonly T[]): T => random.pick(choices.map((each) => [1, each] as const));

const changePath = (random: Random, path: string): string => {
  const segments = path.split("/");
  const at = random.between(1, segments.length);
  segments.splice(at, random.between(0, 1), any(random, EVIL));
  return segments.join("/");
};

const changeQuery = (random: Random): string => {
  const name = any(random, [
    "limit",
    "status",
    "before",
    "from",
    "tail",
    "stream",
    "attempt",
    "coming",
    "__proto__",
    "x",
  ]);
  return `${name}=${any(random, EVIL)}`;
};

const write = ({ method, path, headers, body }: Parts): string => {
  const length: readonly Header[] =
    body === "" && method !== "POST" ? [] : [["Content-Length", String(Buffer.byteLength(body))]];
  const lines = [...headers, ...length, ["Connection", "close"]].map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
};

/** Removes or inserts bytes, or truncates the text. */
const damage = (random: Random, text: string): string => {
  const at = random.between(0, text.length);
  const noise = String.fromCharCode(random.between(0, 255)).repeat(random.between(1, 8));
  return random.pick<() => string>([
    [2, () => text.slice(0, at) + noise + text.slice(at)],
    [2, () => text.slice(0, at) + noise + text.slice(at + noise.length)],
    [1, () => text.slice(0, at) + text.slice(at + random.between(1, 20))],
    [1, () => text.slice(0, at)],
    [1, () => text + text],
  ])();
};

/** How long to wait for a response to a request with invalid framing, in ms, because there may be none. */
const PATIENCE_MS = 40;

/** Sends a request over a new connection. */
export const send = (url: string, { text, intact }: WireRequest): Promise<WireResponse> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    let answer = "";
    const patience = intact ? null : setTimeout(() => socket.destroy(), PATIENCE_MS);
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    // The server may close the connection of a refused request while the client still sends.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (patience !== null) clearTimeout(patience);
      resolve(parse(answer));
    });
    socket.write(text);
  });

const parse = (text: string): WireResponse => {
  const [head = "", ...rest] = text.replace(/^HTTP\/1\.1 100 [^\r]*\r\n\r\n/, "").split("\r\n\r\n");
  const [line = "", ...lines] = head.split("\r\n");
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1];
  const headers = lines.map((each): [string, string] => [
    each.slice(0, each.indexOf(":")).toLowerCase(),
    each.slice(each.indexOf(":") + 2),
  ]);
  return {
    status: status === undefined ? null : Number(status),
    headers: Object.fromEntries(headers),
    body: rest.join("\r\n\r\n"),
  };
};
