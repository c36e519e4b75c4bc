// Sends requests: load-client.ts PORT CONNECTIONS SECONDS PAUSE_MS METHOD PATH HEADERS BODY
// Each connection sends its next request PAUSE_MS after the previous response. Prints {perSecond, latenciesMs, failures} as JSON.
const [port = 0, connections = 1, seconds = 1, pauseMs = 0] = process.argv.slice(2, 6).map(Number);
const [method = "GET", path = "/", headers = "", body = ""] = process.argv.slice(6);

const request = Buffer.from(
  `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${method === "POST" ? `Content-Length: ${Buffer.byteLength(body)}\r\n` : ""}${headers}\r\n${body}`,
);
const latenciesMs: number[] = [];
let failures = 0;
let isOver = false;

/** Returns the length of the complete response at the start of `text`, or 0 if it is incomplete. */
const responseLength = (text: string): number => {
  const bodyAt = text.indexOf("\r\n\r\n") + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  if (bodyAt < 4 || length === undefined) return 0;
  return text.length >= bodyAt + Number(length) ? bodyAt + Number(length) : 0;
};

const connect = async (): Promise<void> => {
  const closed = Promise.withResolvers<void>();
  let received = "";
  let sentAt = 0;
  const send = (socket: { write(data: Uint8Array): number; end(): void }): void => {
    if (isOver) return void socket.end();
    sentAt = performance.now();
    socket.write(request);
  };
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: send,
      data: (socket, data) => {
        // latin1 has one character per byte, so that lengths are in bytes.
        received += data.toString("latin1");
        const length = responseLength(received);
        if (length === 0) return;
        if (!received.startsWith("HTTP/1.1 2")) failures++;
        received = received.slice(length);
        if (!isOver) latenciesMs.push(performance.now() - sentAt);
        if (pauseMs === 0) send(socket);
        else setTimeout(() => send(socket), pauseMs);
      },
      close: () => closed.resolve(),
      error: () => closed.resolve(),
    },
  });
  await closed.promise;
};

const startedAt = performance.now();
let durationMs = seconds * 1000;
setTimeout(() => {
  isOver = true;
  durationMs = performance.now() - startedAt;
}, seconds * 1000);
await Promise.all(Array.from({ length: connections }, connect));
console.log(JSON.stringify({ perSecond: (latenciesMs.length / durationMs) * 1000, latenciesMs, failures }));

export {};
