import { PetitError } from "../domain/errors.ts";
import { listeningProcess } from "../lib/network/listening-process.ts";
import type { HttpServer, Runtime } from "../runtime/runtime.ts";
import { createApi } from "./api.ts";
import { refuseOpenBind } from "./guard/host.ts";
import type { ApiOptions } from "./options.ts";

export type ServerOptions = ApiOptions & {
  readonly runtime: Pick<Runtime, "serve">;
  /** Maximum of open connections. Beyond it, the longest idle ones are closed. */
  readonly maxConnections: number;
};

/**
 * Serves the API; `stop` ends its streams and waits. Throws `taken` if the port is in use, and `invalid_request` if the
 * address can't be bound, or if other machines could reach the API without a token.
 */
export const startServer = async (options: ServerOptions): Promise<HttpServer> => {
  refuseOpenBind(options.host, options.auth.isProtected());
  const api = createApi(options);
  const server = listen(options, api.handle);
  return {
    hostname: server.hostname,
    port: server.port,
    stop: async (graceMs) => {
      api.close();
      await server.stop(graceMs);
      api.end();
    },
  };
};

const listen = (options: ServerOptions, handle: ReturnType<typeof createApi>["handle"]): HttpServer => {
  const { runtime, host, port, maxConnections } = options;
  try {
    return runtime.serve({
      hostname: host,
      port,
      fetch: handle,
      maxBodyBytes: Number.MAX_SAFE_INTEGER,
      maxConnections,
      onClosed: createCloseWarning(options),
    });
  } catch (cause) {
    throw bindError({ address: `${host}:${port}`, port }, cause);
  }
};

/** Minimum time between two warnings: under a flood, connections are closed many times a second. */
const WARN_INTERVAL_MS = 60_000;

const createCloseWarning = ({ clock, log, maxConnections }: ServerOptions): ((count: number) => void) => {
  let closed = 0;
  let nextAt = Number.NEGATIVE_INFINITY;
  return (count) => {
    closed += count;
    if (clock.monotonic() < nextAt) return;
    log.warn({ closed, max_connections: maxConnections }, "too many connections: the longest idle ones were closed");
    closed = 0;
    nextAt = clock.monotonic() + WARN_INTERVAL_MS;
  };
};

const bindError = ({ address, port }: { readonly address: string; readonly port: number }, cause: unknown): unknown => {
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  if (code === "EADDRINUSE") {
    const process = listeningProcess(port);
    const user = process === null ? "" : ` by ${process}`;
    const stop = process === null ? "the program that listens there" : "it";
    return new PetitError("taken", `${address} is in use${user}; stop ${stop}, or set another --api-port`, { cause });
  }
  if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new PetitError(
      "invalid_request",
      `${address} can't be bound (${code}); set another address with --api-host and --api-port`,
      {
        cause,
      },
    );
  }
  return cause;
};
