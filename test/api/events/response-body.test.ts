import { describe, expect, test } from "bun:test";
import { setImmediate as turn } from "node:timers/promises";
import { type ByteSource, streamBody } from "../../../src/api/events/response-body.ts";
import type { Log } from "../../../src/lib/log.ts";
import { silentLog } from "../../../src/lib/log.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const open = () => new AbortController().signal;

describe("a streamed response body", () => {
  test("has the bytes of its source, and ends with it", async () => {
    const source: ByteSource = async function* () {
      yield encode("a");
      yield encode("b");
    };
    expect(await new Response(streamBody(source, open(), silentLog)).text()).toBe("ab");
  });

  test("reads no more from its source than its reader reads", async () => {
    let given = 0;
    const source: ByteSource = async function* () {
      for (;;) {
        given++;
        yield encode("x".repeat(1000));
      }
    };
    const reader = streamBody(source, open(), silentLog).getReader();
    for (let read = 0; read < 10; read++) await reader.read();
    for (let each = 0; each < 20; each++) await turn();
    expect(given).toBe(10);
    await reader.cancel();
    expect(given).toBe(10);
  });

  test("lets other work run between two chunks, however fast its reader is", async () => {
    const source: ByteSource = async function* () {
      for (;;) yield encode("x");
    };
    const reader = streamBody(source, open(), silentLog).getReader();
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const until = performance.now() + 50;
    while (performance.now() < until) await reader.read();
    clearInterval(timer);
    await reader.cancel();
    expect(turns).toBeGreaterThan(3);
  });

  test("lets its source clean up when the reader disconnects, also while it waits", async () => {
    let cleaned = false;
    const source: ByteSource = async function* (signal) {
      try {
        yield encode("a");
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      } finally {
        cleaned = true;
      }
    };
    const reader = streamBody(source, open(), silentLog).getReader();
    await reader.read();
    const waiting = reader.read();
    await reader.cancel();
    expect((await waiting).done).toBe(true);
    expect(cleaned).toBe(true);
  });

  test("ends when the API closes, also if it was closed before", async () => {
    const closing = new AbortController();
    const source: ByteSource = async function* (signal) {
      yield encode("a");
      while (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    };
    const read = new Response(streamBody(source, closing.signal, silentLog)).text();
    closing.abort();
    expect(await read).toBe("a");
    expect(await new Response(streamBody(source, closing.signal, silentLog)).text()).toBe("a");
  });

  test("ends and logs when its source fails", async () => {
    const logged: unknown[] = [];
    const log: Log = { ...silentLog, error: ({ err }) => void logged.push(err) };
    const broken = new Error("broken");
    const source: ByteSource = async function* () {
      yield encode("a");
      throw broken;
    };
    expect(await new Response(streamBody(source, open(), log)).text()).toBe("a");
    expect(logged).toEqual([broken]);
  });
});
