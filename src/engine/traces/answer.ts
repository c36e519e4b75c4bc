import { readFields } from "./protobuf.ts";

/** What a receiver says of a request that it has accepted: how many of its spans it did not take, and what it says about that. */
export type PartialSuccess = { readonly rejected: number; readonly message: string };

/** Fields of `ExportTraceServiceResponse` and `ExportTracePartialSuccess`. */
const PARTIAL_SUCCESS = 1;
const REJECTED_SPANS = 1;
const ERROR_MESSAGE = 2;

/** Reads the answer to a request. Whatever is not one says nothing. */
export const readPartialSuccess = (body: Uint8Array | null): PartialSuccess => {
  let [rejected, message] = [0, ""];
  for (const { field, value } of readFields(body ?? new Uint8Array())) {
    if (field !== PARTIAL_SUCCESS || typeof value === "number") continue;
    for (const inner of readFields(value)) {
      if (inner.field === REJECTED_SPANS && typeof inner.value === "number") rejected = inner.value;
      if (inner.field === ERROR_MESSAGE && typeof inner.value !== "number")
        message = new TextDecoder().decode(inner.value);
    }
  }
  return { rejected, message };
};
