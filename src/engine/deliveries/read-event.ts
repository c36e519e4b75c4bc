import type { Run } from "../../domain/run.ts";
import { type Json, parseExactly } from "../../lib/json.ts";
import type { Store } from "../../store/store.ts";

type EventSource = { readonly deliveries: Pick<Store["deliveries"], "findEvent"> };

/** Returns the event that started a run; null if none did, or if it was deleted since. */
export const readEvent = ({ deliveryId }: Pick<Run, "deliveryId">, store: EventSource): Json => {
  const event = deliveryId === null ? null : store.deliveries.findEvent(deliveryId);
  return event === null ? null : parseExactly(event);
};
