import { errors, type NatsConnection } from "@nats-io/transport-node";

type Violation = InstanceType<typeof errors.PermissionViolationError>;
type Listener = (violation: Violation) => void;

/** What the server does not allow a connection to send. It says so later, and in no answer. */
export type Refusals = Disposable & {
  /** The first such refusal; null if there was none. */
  readonly error: Violation | null;
  /** Rejects with it. */
  readonly refused: Promise<never>;
};

/** Notes when the server refuses a message whose subject `isOwn` accepts. */
export const watchRefusals = (connection: NatsConnection, isOwn: (subject: string) => boolean): Refusals => {
  const { promise: refused, reject } = Promise.withResolvers<never>();
  refused.catch(() => {});
  let found: Violation | null = null;
  const listeners = listenersOf(connection);
  const listener: Listener = (violation) => {
    if (found !== null || !isOwn(violation.subject)) return;
    found = violation;
    reject(violation);
  };
  listeners.add(listener);
  return {
    get error() {
      return found;
    },
    refused,
    [Symbol.dispose]: () => listeners.delete(listener),
  };
};

/** The client can't stop to report its status before the connection is closed, so each connection is watched once. */
const watched = new WeakMap<NatsConnection, Set<Listener>>();

const listenersOf = (connection: NatsConnection): Set<Listener> => {
  const known = watched.get(connection);
  if (known !== undefined) return known;
  const listeners = new Set<Listener>();
  watched.set(connection, listeners);
  void report(connection, listeners).catch(() => {
    // The connection was closed.
  });
  return listeners;
};

const report = async (connection: NatsConnection, listeners: ReadonlySet<Listener>): Promise<void> => {
  for await (const event of connection.status()) {
    if (event.type !== "error" || !(event.error instanceof errors.PermissionViolationError)) continue;
    for (const listener of [...listeners]) listener(event.error);
  }
};
