import { expect, test } from "bun:test";
import { triggerText } from "../../../../src/domain/words/deliveries/trigger.ts";

test.each([
  [{ type: "webhook", path: "/api/hooks/a", verify: "github" }, "a webhook at /api/hooks/a (github)"],
  [{ type: "files", paths: ["/in/*.csv", "b"], batch: "each" }, "a new file that matches /in/*.csv or b"],
  [{ type: "files", paths: ["/in/*.csv"], batch: "all" }, "new files that match /in/*.csv"],
  [{ type: "run", job_id: "load", on: ["completed", "failed"] }, "the end of a run of load: completed or failed"],
  [{ type: "nats", stream: "ORDERS", subject: "orders.*" }, "a message on orders.* of the stream ORDERS"],
] as const)("what starts a run is said: %j", (trigger, text) => {
  expect(triggerText(trigger)).toBe(text);
});
