import type { Person } from "../domain/people/person.ts";
import type { RequestConnection } from "../runtime/runtime.ts";
import type { Denials } from "./audit/denials.ts";
import type { Authentication } from "./guard/authentication.ts";
import type { ApiOptions, JobFileEditor, JobRepository, McpHandler, OutputSearch } from "./options.ts";

/** What every route gets. */
export type ApiContext = Pick<
  ApiOptions,
  "auth" | "engine" | "store" | "log" | "clock" | "version" | "hostname" | "system"
> & {
  /** URL under which people reach the dashboard, without a slash at the end; null if that is not known. */
  readonly publicUrl: string | null;
  /** The repository with the job files; null if they are in a folder. */
  readonly repository: JobRepository | null;
  /** Edits the job files; null if that is not allowed. */
  readonly editor: JobFileEditor | null;
  /** Searches the output of runs; null if searches are off. */
  readonly search: OutputSearch | null;
  /** Answers the requests of agents; null if this API doesn't serve them. */
  readonly mcp: McpHandler | null;
  /** Answers a request as if it had come over the connection of another one, whose headers it needs to come from the same person. */
  readonly sendAs: (original: Request, request: Request) => Response | Promise<Response>;
  readonly requests: RequestRegistry;
  readonly authentication: Authentication;
  readonly denials: Pick<Denials, "add">;
  /** Aborts when the API closes: streams end, and waits return. */
  readonly closing: AbortSignal;
};

/** The id and the connection of each request in progress. */
export class RequestRegistry {
  readonly #entries = new WeakMap<
    Request,
    { readonly id: string; readonly connection: RequestConnection | undefined }
  >();
  readonly #people = new WeakMap<Request, Person>();
  readonly #clients = new WeakMap<Request, string>();

  add(request: Request, id: string, connection: RequestConnection | undefined): void {
    this.#entries.set(request, { id, connection });
  }

  idOf(request: Request): string | null {
    return this.#entries.get(request)?.id ?? null;
  }

  /** Records who sent a request. */
  setPerson(request: Request, person: Person): void {
    this.#people.set(request, person);
  }

  /** Returns who sent a request: the name of the token, or else the address of the peer, or null if it has disconnected. */
  actorOf(request: Request): string | null {
    return this.#people.get(request)?.name ?? this.addressOf(request);
  }

  /** Returns whether an admin sent a request. */
  isFromAdmin(request: Request): boolean {
    return this.#people.get(request)?.role === "admin";
  }

  /** Records the address of the client, as the proxy that forwards its request says. */
  setClient(request: Request, address: string): void {
    this.#clients.set(request, address);
  }

  /** Returns the address of the client: what the proxy says, or else the peer; null if it has disconnected. */
  addressOf(request: Request): string | null {
    return this.#clients.get(request) ?? this.peerOf(request);
  }

  /** Returns the address of the peer, or null if it has disconnected. */
  peerOf(request: Request): string | null {
    const address = this.#entries.get(request)?.connection?.peerAddress ?? null;
    // IPv4 over an IPv6 socket, RFC 4291, section 2.5.5.2.
    return address === null ? null : address.replace(/^::ffff:(?=\d+\.)/, "");
  }

  /** Returns the connection of a request; undefined if it came over none. */
  connectionOf(request: Request): RequestConnection | undefined {
    return this.#entries.get(request)?.connection;
  }

  /** Disables the idle timeout of the connection, for an answer that takes its time. */
  keepOpen(request: Request): void {
    this.#entries.get(request)?.connection?.keepOpen(0);
  }
}
