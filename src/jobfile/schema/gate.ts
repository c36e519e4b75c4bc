import type { DependencyCondition } from "../../domain/dependency.ts";
import type { FieldType, ObjectType } from "./field.ts";
import { jobId } from "./text.ts";

/** Also used for a gate that is only a job id. */
export const DEFAULT_CONDITION = "last_success" satisfies DependencyCondition;

const GATE = {
  kind: "object",
  fields: {
    job: { type: jobId, doc: "The id of the other job.", example: "upstream_job" },
    job_id: { type: jobId, doc: "The same as `job`." },
    condition: {
      type: {
        kind: "shape",
        scalar: {
          kind: "choice",
          values: ["last_success", "last_complete"],
          refused: {
            within_window: "'within_window' requires a window; expected `condition: {within_window: {seconds: 3600}}`",
          },
        },
        map: {
          kind: "object",
          fields: {
            within_window: {
              type: {
                kind: "shape",
                scalar: { kind: "duration", minMs: 1 },
                map: {
                  kind: "object",
                  fields: {
                    seconds: {
                      type: { kind: "seconds", minMs: 1 },
                      required: true,
                      doc: "The window, in seconds.",
                      example: 3600,
                    },
                  },
                },
              },
              required: true,
              doc: "Some run of the other job completed, and ended within this window.",
              example: { seconds: 3600 },
            },
          },
        },
      },
      doc: "What the other job's newest run must be: `last_success` completed, `last_complete` completed or failed; or `{within_window: {seconds: N}}`: some run completed within the last N seconds.",
      default: DEFAULT_CONDITION,
    },
  },
  exclusive: [["job", "job_id"]],
  oneOf: [["job", "job_id"]],
} as const satisfies ObjectType;

/** A gate on another job: its id, or a map. */
export const gate = { kind: "shape", scalar: jobId, map: GATE } as const satisfies FieldType;
