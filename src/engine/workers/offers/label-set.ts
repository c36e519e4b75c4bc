import { createHash } from "node:crypto";
import { canonicalLabels } from "../../../domain/workers/labels.ts";

/** Returns the name of a set of labels: 32 hexadecimal digits. It is part of the subject of its offers. */
export const labelSetName = (labels: readonly string[]): string =>
  createHash("sha256").update(canonicalLabels(labels).join(",")).digest("hex").slice(0, 32);
