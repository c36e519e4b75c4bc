import type { HealthReasonBody } from "../../api/shapes/health.ts";
import { createClient } from "../../client/client.ts";
import { ClientError } from "../../client/error.ts";
import type { Health } from "../../engine/engine.ts";

type ReportedReason = typeof HealthReasonBody.static;

/** What answers at an address: petit, another server, or nothing. */
export type HealthAnswer =
  | {
      readonly kind: "petit";
      readonly version: string;
      readonly status: Health["status"];
      readonly reasons: readonly ReportedReason[];
    }
  | { readonly kind: "foreign" }
  | { readonly kind: "unreachable"; readonly why: string };

/** A petit that is stopped by a signal, or starved, accepts connections and does not answer. */
const TIMEOUT_MS = 3_000;

/** Requests the health of the petit at `base`, without a token. Never throws. */
export const askHealth = async (base: string): Promise<HealthAnswer> => {
  try {
    return readHealth(await createClient({ base: base.replace(/\/$/, ""), timeoutMs: TIMEOUT_MS }).get("/api/health"));
  } catch (error) {
    if (!(error instanceof ClientError) || error.failure.kind !== "unreachable") return FOREIGN;
    const { why, response } = error.failure;
    if (response !== null) return FOREIGN;
    return {
      kind: "unreachable",
      why: why === "timeout" ? `no answer in ${TIMEOUT_MS / 1000} s` : "nothing listens there",
    };
  }
};

const STATUSES = [
  "ok",
  "degraded",
  "unavailable",
  "starting",
  "stopping",
] as const satisfies readonly Health["status"][];

/** Another server can have fields of the same names, and a petit of another version can have other reasons. */
const readHealth = (body: {
  readonly status: unknown;
  readonly version: unknown;
  readonly reasons?: unknown;
}): HealthAnswer => {
  const status = STATUSES.find((each) => each === body.status);
  if (status === undefined) return FOREIGN;
  const reasons = Array.isArray(body.reasons) ? body.reasons.filter(isReason) : [];
  return { kind: "petit", version: String(body.version), status, reasons };
};

const isReason = (reason: unknown): reason is ReportedReason =>
  typeof reason === "object" &&
  reason !== null &&
  "code" in reason &&
  typeof reason.code === "string" &&
  "message" in reason &&
  typeof reason.message === "string";

const FOREIGN: HealthAnswer = { kind: "foreign" };
