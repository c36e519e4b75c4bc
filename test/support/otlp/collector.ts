import { openRuntime } from "#runtime";
import { type DecodedRequest, type DecodedSpan, decodeRequest } from "./decode.ts";

export type TraceRequest = DecodedRequest & { readonly path: string; readonly headers: Headers };

/** A receiver of traces that decodes what it gets. */
export type Collector = AsyncDisposable & {
  readonly url: string;
  /** The requests that were answered with success. */
  readonly requests: readonly TraceRequest[];
  /** Number of requests, also of those that were refused. */
  readonly asked: number;
  readonly spans: readonly DecodedSpan[];
  /** Resolves when there is something in what was received. */
  until<T>(find: (spans: readonly DecodedSpan[]) => T | undefined): Promise<T>;
  /** Resolves with the spans of a trace when that of its run is among them. */
  traceOf(runId: string): Promise<readonly DecodedSpan[]>;
};

/** Starts a receiver. `respond` can refuse a request; by default all are accepted. */
export const startCollector = (
  respond: (index: number) => Response | Promise<Response> = () => new Response(""),
): Collector => {
  const requests: TraceRequest[] = [];
  const waiting = new Set<() => void>();
  let asked = 0;
  const server = openRuntime().serve({
    hostname: "127.0.0.1",
    port: 0,
    maxBodyBytes: 4 * 2 ** 20,
    maxConnections: 1_000,
    onClosed: () => {},
    fetch: async (request) => {
      const index = asked++;
      const bytes = new Uint8Array(await request.arrayBuffer());
      for (const check of [...waiting]) check();
      const response = await respond(index);
      if (!response.ok) return response;
      const { pathname: path } = new URL(request.url);
      requests.push({ ...decodeRequest(bytes), path, headers: request.headers });
      for (const check of [...waiting]) check();
      return response;
    },
  });
  const all = (): readonly DecodedSpan[] => requests.flatMap(({ spans }) => spans);
  const until: Collector["until"] = (find) =>
    new Promise((resolve) => {
      const check = (): void => {
        const found = find(all());
        if (found === undefined) return;
        waiting.delete(check);
        resolve(found);
      };
      waiting.add(check);
      check();
    });
  return {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    get asked() {
      return asked;
    },
    get spans() {
      return all();
    },
    until,
    traceOf: async (runId) => {
      const { traceId } = await until((spans) =>
        spans.find(({ attributes }) => isRun(attributes) && attributes["cicd.pipeline.run.id"] === runId),
      );
      return all().filter((span) => span.traceId === traceId);
    },
    [Symbol.asyncDispose]: () => server.stop(0),
  };
};

const isRun = (attributes: DecodedSpan["attributes"]): boolean => "cicd.pipeline.name" in attributes;
