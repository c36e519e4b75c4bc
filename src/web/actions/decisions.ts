/** The buttons of a task that waits for approval. */
export const DECISIONS = [
  { kind: "approve", label: "Approve", button: "primary" },
  { kind: "reject", label: "Reject", button: "danger" },
] as const;
