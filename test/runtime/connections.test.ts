import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { openRuntime } from "#runtime";
import type { RequestConnection } from "../../src/runtime/runtime.ts";

const runtime = openRuntime();

const MAX = 8;
/** The kernel measures ages in ticks of up to 10 ms. Connections opened this far apart have different ages. */
const TICK_MS = 20;

/** Starts a server that answers immediately, and streams endlessly from `/stream`. */
const serve = () => {
  let closed = 0;
  const answer = (request: Request, connection: RequestConnection): Response => {
    if (new URL(request.url).pathname !== "/stream") return new Response("hello");
    connection.keepOpen(0);
    return new Response(new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from("begun\n")) }));
  };
  const server = runtime.serve({
    hostname: "127.0.0.1",
    port: 0,
    maxBodyBytes: 1_000,
    maxConnections: MAX,
    onClosed: (count) => {
      closed += count;
    },
    fetch: answer,
  });
  return { port: server.port, closed: () => closed, [Symbol.asyncDispose]: () => server.stop(0) };
};

type Peer = { readonly socket: Socket; readonly ended: Promise<void>; hasEnded: boolean };

const open = async (port: number): Promise<Peer> => {
  const socket = connect(port, "127.0.0.1");
  const peer: Peer = { socket, ended: once(socket, "close").then(() => {}), hasEnded: false };
  socket.on("error", () => {});
  // The end of a connection is only reported after its data is read.
  socket.on("data", () => {});
  socket.on("close", () => {
    peer.hasEnded = true;
  });
  await once(socket, "connect");
  return peer;
};

/** A request without the end of its headers is not answered. */
const begin = ({ socket }: Peer, path: string): void => {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`);
};

const finish = async ({ socket }: Peer): Promise<string> => {
  socket.write("\r\n");
  const [chunk] = await once(socket, "data");
  return String(chunk);
};

/** Opens connections and begins a request on each, because the kernel may defer a connection without data. */
const openInTurn = async (port: number, count: number): Promise<readonly Peer[]> => {
  const peers: Peer[] = [];
  // Opens them one after the other, so that their ages differ.
  for (let index = 0; index < count; index += 1) {
    const peer = await open(port);
    begin(peer, "/");
    peers.push(peer);
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  return peers;
};

describe.skipIf(process.platform !== "linux")("a bound on connections", () => {
  test("closes the longest idle connections, and keeps new ones and streams", async () => {
    await using server = serve();
    const streaming = await open(server.port);
    begin(streaming, "/stream");
    expect(await finish(streaming)).toContain("begun");
    const slow = await openInTurn(server.port, MAX * 3);
    await Promise.all(slow.slice(0, MAX).map(({ ended }) => ended));
    expect(streaming.hasEnded).toBe(false);
    const newest = slow.at(-1);
    if (newest === undefined) throw new Error("there is no connection");
    expect(await finish(newest)).toContain("hello");
    expect(server.closed()).toBeGreaterThanOrEqual(MAX);
    for (const { socket } of [streaming, ...slow]) socket.destroy();
  });

  test("reserves half for other connections: it closes the longest idle streams, and answers new connections", async () => {
    await using server = serve();
    const peers: Peer[] = [];
    for (let index = 0; index < MAX * 2; index += 1) {
      const peer = await open(server.port);
      peers.push(peer);
      begin(peer, "/stream");
      expect(await finish(peer)).toContain("begun");
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await Promise.all(peers.slice(0, MAX).map(({ ended }) => ended));
    expect(peers.at(-1)?.hasEnded).toBe(false);
    for (const { socket } of peers) socket.destroy();
  });

  test("closes no connection below it", async () => {
    await using server = serve();
    const peers = await openInTurn(server.port, MAX);
    for (const peer of peers) expect(await finish(peer)).toContain("hello");
    expect(server.closed()).toBe(0);
    for (const { socket } of peers) socket.destroy();
  });
});
