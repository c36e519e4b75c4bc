import type { Delivery } from "../../domain/deliveries/delivery.ts";

/** `isNew` is false if it is one that petit has accepted before. */
export type Acceptance = { readonly delivery: Delivery; readonly isNew: boolean };

/** What became of a request to a webhook's address. */
export type WebhookResult =
  /** There is no such webhook. */
  | { readonly kind: "unknown" }
  /** The request does not prove that its sender has the secret. */
  | { readonly kind: "refused" }
  /** The provider only tests the address. Slack expects `challenge` back. */
  | { readonly kind: "handshake"; readonly challenge: string | null }
  | ({ readonly kind: "accepted" } & Acceptance);

/** A request to make. `eventType` is the provider's type of the event; null for its usual one. */
export type WebhookTest = {
  readonly name: string | null;
  readonly body: Uint8Array;
  readonly eventType: string | null;
  /** Who sends it; null if that is not known. */
  readonly by: string | null;
};
