import { createHmac } from "node:crypto";

/**
 * Header of a webhook's signature: `t=<seconds since the epoch>,v1=<hex>`, the HMAC-SHA256 of `<t>.<body>` with the target's
 * secret. The receiver computes it from the unchanged bytes of the body, compares in constant time, and rejects an old `t`.
 */
export const SIGNATURE_HEADER = "Petit-Signature";

/** Returns the value of the signature header. `now` is in ms since the epoch. */
export const signBody = (body: string, { secret, now }: { readonly secret: string; readonly now: number }): string => {
  const seconds = Math.floor(now / 1000);
  const digest = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return `t=${seconds},v1=${digest}`;
};
