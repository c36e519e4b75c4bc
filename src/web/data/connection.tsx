import { MutationCache, notifyManager, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createContext, type ReactNode, use, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { EventApplier } from "./apply-events.ts";
import type { LiveEvent } from "./event.ts";
import { EventQueue } from "./event-queue.ts";
import { ApiFailure } from "./failure.ts";
import { inNextFrame } from "./frame.ts";
import { type ConnectionState, LiveStream } from "./live-stream.ts";
import { tell } from "./notices.ts";
import { useTokenState } from "./token.ts";

// However many answers come at once, what they change is drawn once a frame.
notifyManager.setScheduler(inNextFrame);

/** The one stream of events of a page, and the cache that it keeps fresh. */
class Connection {
  readonly client = new QueryClient({
    defaultOptions: {
      queries: {
        // Events tell what is stale; while they don't come, a stream that begins has all asked again.
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 5 * 60_000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        networkMode: "always",
        retry: (count, error) => error instanceof ApiFailure && error.code === "UNREACHABLE" && count < 2,
      },
      mutations: { networkMode: "always" },
    },
    mutationCache: new MutationCache({
      onSuccess: (_data, _given, _context, { meta }) => {
        if (meta?.done !== undefined) tell({ text: meta.done });
      },
      onError: (error, _given, _context, { meta }) => {
        if (meta?.failed !== undefined) tell({ text: meta.failed, error });
      },
    }),
  });
  readonly #listeners = new Set<(event: LiveEvent) => void>();
  readonly #stateListeners = new Set<() => void>();
  readonly #applier = new EventApplier(this.client);
  #state: ConnectionState = "connecting";
  #opened = 0;
  readonly #queue = new EventQueue({
    onEvents: (events) => {
      this.#applier.apply(events);
      for (const event of events) for (const listener of this.#listeners) listener(event);
    },
    onOverflow: () => this.#applier.refreshAll(),
  });
  readonly stream = new LiveStream({
    onEvent: (event) => this.#queue.add(event),
    onState: (state) => {
      this.#state = state;
      for (const listener of this.#stateListeners) listener();
    },
    onOpen: () => {
      if (this.#opened++ > 0) this.#applier.refreshAll();
    },
  });

  readonly onEvent = (listener: (event: LiveEvent) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  readonly onState = (listener: () => void): (() => void) => {
    this.#stateListeners.add(listener);
    return () => void this.#stateListeners.delete(listener);
  };

  readonly state = (): ConnectionState => this.#state;
}

const ConnectionContext = createContext<Connection | null>(null);

/** Gives what is inside petit's data, live. */
export const ConnectionProvider = ({ children }: { readonly children: ReactNode }) => {
  const [connection] = useState(() => new Connection());
  const { token } = useTokenState();
  useEffect(() => {
    const retry = (): void => connection.stream.retryNow();
    connection.stream.start();
    addEventListener("online", retry);
    return () => {
      removeEventListener("online", retry);
      connection.stream.stop();
    };
  }, [connection]);
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another token is another reason to ask.
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    connection.stream.retryNow();
    void connection.client.invalidateQueries();
  }, [connection, token]);
  return useMemo(
    () => (
      <ConnectionContext value={connection}>
        <QueryClientProvider client={connection.client}>{children}</QueryClientProvider>
      </ConnectionContext>
    ),
    [connection, children],
  );
};

const useConnection = (): Connection => {
  const connection = use(ConnectionContext);
  if (connection === null) throw new Error("there is no ConnectionProvider around this");
  return connection;
};

export const useConnectionState = (): ConnectionState => {
  const { onState, state } = useConnection();
  return useSyncExternalStore(onState, state);
};

/**
 * Calls `listener` with each event of petit, for as long as the component is there; the newest one given counts. Those of
 * a frame come together: what they change is drawn once.
 */
export const useLiveEvents = (listener: (event: LiveEvent) => void): void => {
  const { onEvent } = useConnection();
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  }, [listener]);
  useEffect(() => onEvent((event) => newest.current(event)), [onEvent]);
};
