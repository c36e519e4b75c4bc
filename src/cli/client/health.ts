import type { HealthReasonBody } from "../../api/shapes/health.ts";
import type { Health } from "../../engine/engine.ts";

type ReportedReason = typeof HealthReasonBody.static;

/** The result of a health request: a petit, another server, or no response. */
export type HealthAnswer =
  | {
      readonly kind: "petit";
      readonly version: string;
      readonly status: Health["status"];
      readonly reasons: readonly ReportedReason[];
    }
  | { readonly kind: "stranger" }
  | { readonly kind: "silence"; readonly why: string };

/** A petit that is suspended or overloaded accepts connections but does not answer. */
const TIMEOUT_MS = 3_000;

/** Requests the health of a petit, which requires no token. Never throws. */
export const askHealth = async (base: string): Promise<HealthAnswer> => {
  let response: Response;
  try {
    response = await fetch(`${base.replace(/\/$/, "")}/api/health`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    return { kind: "silence", why: isLate ? `no answer in ${TIMEOUT_MS / 1000} s` : "nothing listens there" };
  }
  return readHealth(await response.json().catch(() => null));
};

const STATUSES = ["ok", "degraded", "unavailable"] as const satisfies readonly Health["status"][];

const readHealth = (body: unknown): HealthAnswer => {
  if (typeof body !== "object" || body === null || !("status" in body) || !("version" in body)) return STRANGER;
  const status = STATUSES.find((each) => each === body.status);
  if (status === undefined) return STRANGER;
  const reasons = "reasons" in body && Array.isArray(body.reasons) ? body.reasons.filter(isReason) : [];
  return { kind: "petit", version: String(body.version), status, reasons };
};

/** Checks what every reason has; a server of another version may have further codes. */
const isReason = (reason: unknown): reason is ReportedReason =>
  typeof reason === "object" &&
  reason !== null &&
  "code" in reason &&
  typeof reason.code === "string" &&
  "message" in reason &&
  typeof reason.message === "string";

const STRANGER: HealthAnswer = { kind: "stranger" };
