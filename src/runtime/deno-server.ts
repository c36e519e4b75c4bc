/// <reference path="./deno-api.d.ts" />
import { setTimeout as pause } from "node:timers/promises";
import { boundConnections, type Connections, type SocketCalls } from "./connections.ts";
import type { HttpServer, ServeOptions } from "./runtime.ts";

export const serve = (options: ServeOptions, sockets: SocketCalls | null): HttpServer => {
  const abort = new AbortController();
  const open = new Set<Promise<void>>();
  let isStopping = false;
  let connections: Connections | null = null;
  const listen = (port: number): ReturnType<typeof Deno.serve> => {
    const listening = Deno.serve(
      { hostname: options.hostname, port, signal: abort.signal, onListen: () => {} },
      (request, { remoteAddr, completed }) => {
        const ended = completed.catch(() => {}).finally(() => open.delete(ended));
        open.add(ended);
        replaceSignal(request, ended);
        const refused = isStopping ? 503 : checkSize(request, options);
        if (refused !== null) return new Response(null, { status: refused, headers: { connection: "close" } });
        return options.fetch(request, {
          peerAddress: remoteAddr.hostname,
          // Deno does not close idle connections.
          keepOpen: () => connections?.prefer(remoteAddr.port),
        });
      },
    );
    // Deno's server ends if accept(2) fails once, for example with EMFILE.
    listening.finished.catch(() => listenAgain(listening.addr.port));
    connections?.[Symbol.dispose]();
    connections = boundConnections(sockets, {
      port: listening.addr.port,
      maxConnections: options.maxConnections,
      onClosed: options.onClosed,
    });
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
      // `shutdown` of Deno waits for all open connections. Aborting instead loses responses that are being sent.
      isStopping = true;
      connections?.[Symbol.dispose]();
      const deadline = setTimeout(() => abort.abort(), graceMs);
      await Promise.all(open);
      clearTimeout(deadline);
      if (!abort.signal.aborted) await Promise.race([server.shutdown(), pause(FLUSH_MS, undefined, { ref: false })]);
    },
  };
};

/** Time in which the runtime closes the connections that were shut down. */
const LISTEN_AGAIN_MS = 50;

/** Replaces the signal of a request with one that aborts when the request ends. The getter of Deno writes a warning to stderr. */
const replaceSignal = (request: Request, ended: Promise<void>): void => {
  const controller = new AbortController();
  void ended.then(() => controller.abort());
  Object.defineProperty(request, "signal", { value: controller.signal });
};

/** Maximum time to send the last responses. Idle connections are not waited for. */
const FLUSH_MS = 500;

/** Maximum size of a request before its body, in bytes. Deno itself accepts about 400 KB. */
const MAX_HEAD_BYTES = 16_384;

/** Returns the status for a request that is too large, or null. */
const checkSize = ({ url, headers }: Request, { maxBodyBytes }: ServeOptions): 413 | 431 | null => {
  let headBytes = url.length;
  for (const [name, value] of headers) headBytes += name.length + value.length;
  if (headBytes > MAX_HEAD_BYTES) return 431;
  return Number(headers.get("content-length") ?? 0) > maxBodyBytes ? 413 : null;
};
