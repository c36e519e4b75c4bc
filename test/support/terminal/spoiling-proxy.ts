import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A proxy of petit that replaces answers. */
export interface SpoilingProxy extends AsyncDisposable {
  readonly url: string;
  /** Answers further requests for a path, without its query, with this text. */
  readonly spoil: (path: string, answer: { readonly type: string; readonly text: string }) => void;
}

/** Starts a proxy of the petit at `url`. */
export const spoilingProxy = async (url: string): Promise<SpoilingProxy> => {
  const spoiled = new Map<string, { readonly type: string; readonly text: string }>();
  const server = createServer(async (request, response) => {
    const path = request.url ?? "/";
    const answer = spoiled.get(path.split("?")[0] ?? "");
    if (answer !== undefined) {
      response.writeHead(200, { "content-type": answer.type }).end(answer.text);
      return;
    }
    if (path.startsWith("/api/events")) {
      // Stays open until the path is spoiled.
      response.writeHead(200, { "content-type": "text/event-stream" }).write(":\n\n");
      streams.add(() => response.end(spoiled.get("/api/events")?.text ?? ""));
      return;
    }
    const from = await fetch(`${url}${path}`);
    response.writeHead(from.status, { "content-type": from.headers.get("content-type") ?? "" }).end(await from.bytes());
  });
  const streams = new Set<() => void>();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spoil: (path, answer) => {
      spoiled.set(path, answer);
      for (const end of streams) end();
      streams.clear();
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};
