import { MutationCache, notifyManager, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createContext, type ReactNode, use, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { isUnreachable } from "../../../client/error.ts";
import type { LiveEvent } from "../../../client/live-event.ts";
import { useStore } from "../external-store.ts";
import { type ConnectionState, LiveStream } from "../live-stream.ts";
import { noticeStore } from "../notice-store.ts";
import { sessionStore } from "../session-store.ts";
import { EventApplier } from "./event-applier.ts";
import { EventBatcher, inNextFrame } from "./event-batcher.ts";

// Renders the changes of all answers of a frame together.
notifyManager.setScheduler(inNextFrame);

/** The event stream of the page, and the query cache that it keeps up to date. */
class LiveConnection {
  readonly client = new QueryClient({
    defaultOptions: {
      queries: {
        // Events report what is stale. After a lost connection, everything is refetched.
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: 5 * 60_000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        networkMode: "always",
        retry: (count, error) => isUnreachable(error) && count < 2,
      },
      mutations: { networkMode: "always" },
    },
    mutationCache: new MutationCache({
      onSuccess: (_data, _variables, _context, { meta }) => {
        if (meta?.done !== undefined) noticeStore.show({ text: meta.done });
      },
      onError: (error, _variables, _context, { meta }) => {
        if (meta?.failed !== undefined) noticeStore.show({ text: meta.failed, error });
      },
    }),
  });
  readonly #listeners = new Set<(event: LiveEvent) => void>();
  readonly #stateListeners = new Set<() => void>();
  readonly #applier = new EventApplier(this.client);
  #state: ConnectionState = "connecting";
  #opened = 0;
  readonly #queue = new EventBatcher({
    onBatch: (events) => {
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
    onOpen: (quietMs) => {
      const isFirst = this.#opened++ === 0;
      // The browser fetches the first data before the script of the page runs, and so before the stream opens.
      const isMissed = quietMs !== null && quietMs < performance.now() + MARGIN_MS;
      if (!isFirst || isMissed) this.#applier.refreshAll();
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

/** Added to the age of the page, which counts from the request of its document. */
const MARGIN_MS = 250;

/** Creates the connection of the page. It connects when the provider is mounted. */
export const createConnection = (): LiveConnection => new LiveConnection();

const ConnectionContext = createContext<LiveConnection | null>(null);

type ProviderProps = { readonly connection: LiveConnection; readonly children: ReactNode };

/** Provides the query cache and the live events to its children. */
export const ConnectionProvider = ({ connection, children }: ProviderProps) => {
  const { logins } = useStore(sessionStore);
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
  // biome-ignore lint/correctness/useExhaustiveDependencies: a login requires new requests.
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    connection.stream.retryNow();
    void connection.client.invalidateQueries();
  }, [connection, logins]);
  return useMemo(
    () => (
      <ConnectionContext value={connection}>
        <QueryClientProvider client={connection.client}>{children}</QueryClientProvider>
      </ConnectionContext>
    ),
    [connection, children],
  );
};

const useConnection = (): LiveConnection => {
  const connection = use(ConnectionContext);
  if (connection === null) throw new Error("useConnection must be used inside a ConnectionProvider");
  return connection;
};

export const useConnectionState = (): ConnectionState => {
  const { onState, state } = useConnection();
  return useSyncExternalStore(onState, state);
};

/** Calls the newest `listener` with each event while the component is mounted. Events of one frame are delivered together. */
export const useLiveEvents = (listener: (event: LiveEvent) => void): void => {
  const { onEvent } = useConnection();
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  }, [listener]);
  useEffect(() => onEvent((event) => newest.current(event)), [onEvent]);
};
