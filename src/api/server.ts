import { PetitError } from "../domain/errors.ts";
import type { HttpServer, Runtime } from "../runtime/runtime.ts";
import { createApi } from "./api.ts";
import { refuseOpenBind } from "./host.ts";
import type { ApiOptions } from "./options.ts";

export type ServerOptions = ApiOptions & { readonly runtime: Pick<Runtime, "serve"> };

/**
 * Serves the API. `stop` ends its streams and waits. Throws `taken` where the port is in use, `invalid_request` where the
 * address can't be bound, or others than this machine could reach the API without a token.
 */
export const startServer = async (options: ServerOptions): Promise<HttpServer> => {
  refuseOpenBind(options.host, options.token);
  const api = createApi(options);
  const server = listen(options, api.handle);
  return {
    hostname: server.hostname,
    port: server.port,
    stop: async (graceMs) => {
      api.close();
      await server.stop(graceMs);
    },
  };
};

const listen = ({ runtime, host, port }: ServerOptions, handle: ReturnType<typeof createApi>["handle"]): HttpServer => {
  try {
    return runtime.serve({ hostname: host, port, fetch: handle, maxBodyBytes: Number.MAX_SAFE_INTEGER });
  } catch (cause) {
    throw bindError(`${host}:${port}`, cause);
  }
};

const bindError = (address: string, cause: unknown): unknown => {
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  if (code === "EADDRINUSE") {
    return new PetitError("taken", `${address} is in use; stop what listens there, or give another --api-port`, {
      cause,
    });
  }
  if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new PetitError(
      "invalid_request",
      `${address} can't be bound (${code}); --api-host and --api-port name another`,
      {
        cause,
      },
    );
  }
  return cause;
};
