import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { petitCommand } from "./petit/petit.ts";
import { runtimeEnvironment } from "./runtime-command.ts";

export type ToolAnswer = {
  readonly text: string;
  readonly isError: boolean;
  /** The fields before the fence. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The lines in the fence, without it. */
  readonly lines: readonly string[];
};

/** An agent: the SDK's own client, connected to a petit. */
export interface Agent extends AsyncDisposable {
  readonly client: Client;
  call(name: string, args?: Readonly<Record<string, unknown>>): Promise<ToolAnswer>;
  toolNames(): Promise<readonly string[]>;
}

type StdioOptions = {
  /** URL of petit. */
  readonly url: string;
  /** Further arguments of `petit mcp`. */
  readonly args?: readonly string[];
};

/** Starts `petit mcp` and connects to it. */
export const connectStdio = async ({ url, args = [] }: StdioOptions): Promise<Agent> => {
  const [command = "", ...before] = petitCommand();
  return connect(
    new StdioClientTransport({
      command,
      args: [...before, "mcp", "--url", url, ...args],
      env: { ...runtimeEnvironment, PATH: process.env.PATH ?? "", HOME: "/nonexistent", TZ: "UTC" },
      stderr: "ignore",
    }),
  );
};

type HttpOptions = {
  /** URL of petit. */
  readonly url: string;
  readonly token?: string;
};

/** Connects to `/mcp` of a petit. */
export const connectHttp = ({ url, token }: HttpOptions): Promise<Agent> =>
  connect(
    new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
      requestInit: { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } },
    }) as Transport,
  );

const connect = async (transport: Transport): Promise<Agent> => {
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(transport);
  return {
    client,
    call: async (name, args = {}) => answerOf(await client.callTool({ name, arguments: args })),
    toolNames: async () => (await client.listTools()).tools.map((tool) => tool.name),
    [Symbol.asyncDispose]: () => client.close(),
  };
};

const answerOf = (result: Awaited<ReturnType<Client["callTool"]>>): ToolAnswer => {
  const content = Array.isArray(result.content) ? result.content : [];
  const text = content.map((part) => String(part.text)).join("\n");
  const isError = result.isError === true;
  const [head = "", fence] = splitFence(text);
  return { text, isError, data: isError ? {} : JSON.parse(head), lines: fence };
};

/** Splits an answer at its fence. Throws if the fence is not closed by the key that opened it. */
const splitFence = (text: string): readonly [string, readonly string[]] => {
  const open = /^<untrusted-text ([0-9a-f]{16})> .*$/m.exec(text);
  if (open === null) return [text, []];
  const lines = text.slice(open.index).split("\n");
  if (lines.at(-1) !== `</untrusted-text ${open[1]}>`) throw new Error(`the fence is not closed: ${text}`);
  return [text.slice(0, open.index), lines.slice(1, -1)];
};
