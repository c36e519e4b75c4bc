// Deno needs the types by name: the exports of this package lead to none for a path with an extension.
// @ts-types="@modelcontextprotocol/sdk/server/webStandardStreamableHttp"
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { createClient } from "../client/client.ts";
import { createMcpServer, type McpOptions } from "./server.ts";

type HttpCall = {
  readonly request: Request;
  /** The body of the request: a message of JSON-RPC, or several. */
  readonly message: unknown;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Sends a request to petit within this process. */
  readonly send: (request: Request) => Response | Promise<Response>;
};

/** Answers a request of the streamable HTTP transport, without a session. The tools send requests as the person who sent it. */
export const answerHttp = async (call: HttpCall, options: Omit<McpOptions, "client">): Promise<Response> => {
  const { request, message, signal, send } = call;
  const headers = headersOfPerson(request);
  const client = createClient({
    base: new URL(request.url).origin,
    headers: () => headers,
    transport: async (url, init) => await send(new Request(url, init)),
  });
  const { clock, version, whyReadOnly, onError, onProtocolError } = options;
  const server = createMcpServer({ client, clock, version, whyReadOnly, onError, onProtocolError });
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport);
  const { promise: aborted, resolve } = Promise.withResolvers<Response>();
  const onAbort = (): void => resolve(new Response(null, { status: 503 }));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([transport.handleRequest(request, { parsedBody: message }), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    // Aborts what its tools do.
    await server.close();
  }
};

/** Headers that are about the body, the answer or the connection of a request, rather than about who sent it. */
const NOT_OF_PERSON =
  /^(accept|connection|content-|expect$|if-|keep-alive|last-event-id|mcp-|range|te$|trailer|transfer-encoding|upgrade$)/;

const headersOfPerson = ({ headers }: Request): Readonly<Record<string, string>> =>
  Object.fromEntries([...headers].filter(([name]) => !NOT_OF_PERSON.test(name)));
