import { Elysia, t } from "elysia";
import { noteNoAction } from "../../../store/people/audit-scope.ts";
import type { ApiContext } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { readMessage } from "../../guard/body.ts";
import { failures } from "../../shapes/failure.ts";

/** Path for agents. */
const MCP_PATH = "/mcp";

const Message = t.Unknown({
  title: "McpMessage",
  description: "A message of JSON-RPC 2.0, or several in a list",
  examples: [{ jsonrpc: "2.0", id: 1, method: "tools/list" }],
});

const Answer = t.Unknown({
  description: "The answer of JSON-RPC 2.0, or several in a list; 202 without a body for messages that need none",
});

export const mcpRoutes = ({ mcp, sendAs, requests, closing }: ApiContext) =>
  new Elysia().post(
    MCP_PATH,
    ({ request, body }) => {
      noteNoAction();
      if (mcp === null) throw new ApiError("NOT_FOUND", "this petit has no tools for agents");
      checkTypes(request);
      requests.keepOpen(request);
      return mcp({
        request,
        message: body,
        signal: AbortSignal.any([request.signal, closing]),
        send: (inner) => sendAs(request, inner),
      });
    },
    {
      parse: readMessage,
      body: Message,
      response: { 200: Answer, ...failures("INVALID_REQUEST", "NOT_FOUND", "PAYLOAD_TOO_LARGE") },
      detail: {
        operationId: "callMcp",
        tags: ["scheduler"],
        summary: "Talk to an agent, by the Model Context Protocol",
        description:
          "Streamable HTTP without sessions: each answer is one JSON body. `Content-Type` is `application/json`, and `Accept` has `application/json` and " +
          "`text/event-stream`, as the protocol says. Errors of the protocol are those of JSON-RPC, with status 200 or 400.",
      },
    },
  );

/** Throws `INVALID_REQUEST` unless the request has the types that the protocol prescribes. */
const checkTypes = ({ headers }: Request): void => {
  const accept = headers.get("accept") ?? "";
  if (!accept.includes("application/json") || !accept.includes("text/event-stream"))
    throw new ApiError("INVALID_REQUEST", "header 'accept': expected 'application/json, text/event-stream'");
  if (!/^application\/json\s*(;|$)/i.test(headers.get("content-type") ?? ""))
    throw new ApiError("INVALID_REQUEST", "header 'content-type': expected 'application/json'");
};
