/// <reference path="./deno-api.d.ts" />
import { setTimeout as pause } from "node:timers/promises";
import { boundConnections, type Connections, type SocketCalls } from "./connections.ts";
import type { HttpServer, ServeOptions } from "./runtime.ts";

export const serve = (options: ServeOptions, sockets: SocketCalls | null): HttpServer => {
  const cut = new AbortController();
  const open = new Set<Promise<void>>();
  let isStopping = false;
  let connections: Connections | null = null;
  const listen = (port: number): ReturnType<typeof Deno.serve> => {
    const listening = Deno.serve(
      { hostname: options.hostname, port, signal: cut.signal, onListen: () => {} },
      (request, { remoteAddr, completed }) => {
        const ended = completed.catch(() => {}).finally(() => open.delete(ended));
        open.add(ended);
        quietSignal(request, ended);
        const refused = isStopping ? 503 : tooLarge(request, options);
        if (refused !== null) return new Response(null, { status: refused, headers: { connection: "close" } });
        return options.fetch(request, {
          peerAddress: remoteAddr.hostname,
          // Deno cuts no connection that is silent.
          keepOpen: () => connections?.prefer(remoteAddr.port),
        });
      },
    );
    // Deno's server ends where accept(2) fails once, such as with EMFILE.
    listening.finished.catch(() => listenAgain(listening.addr.port));
    connections?.[Symbol.dispose]();
    connections = boundConnections(sockets, { ...options, port: listening.addr.port });
    return listening;
  };
  const listenAgain = (port: number): void => {
    if (isStopping) return;
    connections?.enforce();
    setTimeout(() => {
      try {
        if (!isStopping) server = listen(port);
      } catch {
        listenAgain(port);
      }
    }, LISTEN_AGAIN_MS);
  };
  let server = listen(options.port);
  const { hostname, port } = server.addr;
  return {
    hostname,
    port,
    stop: async (graceMs) => {
      // Deno's own way to stop waits for whatever is open, and cuts nothing any more; a cut loses what is on its way.
      isStopping = true;
      connections?.[Symbol.dispose]();
      const deadline = setTimeout(() => cut.abort(), graceMs);
      await Promise.all(open);
      clearTimeout(deadline);
      if (!cut.signal.aborted) await Promise.race([server.shutdown(), pause(FLUSH_MS, undefined, { ref: false })]);
    },
  };
};

/** By then the connections that were shut down are closed. */
const LISTEN_AGAIN_MS = 50;

/** Aborts when a request is over, as Deno's own does, which writes a line to stderr, amid the log, when it is first asked for. */
const quietSignal = (request: Request, ended: Promise<void>): void => {
  const over = new AbortController();
  void ended.then(() => over.abort());
  Object.defineProperty(request, "signal", { value: over.signal });
};

/** What is answered may take so long to be sent; connections that say nothing are not waited for. */
const FLUSH_MS = 500;

/** What a request may have before its body, in bytes. Deno itself reads some 400 KB. */
const MAX_HEAD_BYTES = 16_384;

/** The status that refuses a request; null where its size is fine. */
const tooLarge = ({ url, headers }: Request, { maxBodyBytes }: ServeOptions): 413 | 431 | null => {
  let headBytes = url.length;
  for (const [name, value] of headers) headBytes += name.length + value.length;
  if (headBytes > MAX_HEAD_BYTES) return 431;
  return Number(headers.get("content-length") ?? 0) > maxBodyBytes ? 413 : null;
};
