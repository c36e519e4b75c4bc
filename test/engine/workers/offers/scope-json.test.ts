import { expect, test } from "bun:test";
import { decodeScope, encodeScope } from "../../../../src/engine/workers/offers/scope-json.ts";
import type { TemplateScope } from "../../../../src/jobfile/template.ts";
import { taskId } from "../../../support/engine/factories.ts";

const SCOPE: TemplateScope = {
  params: { day: "monday" },
  config: { size: 3 },
  outputs: new Map([
    [taskId("a"), { rows: "42" }],
    [taskId("b"), {}],
  ]),
  statuses: new Map([[taskId("a"), "completed"]]),
  itemCounts: new Map([[taskId("a"), 2]]),
  item: { index: 0, key: "x", value: "x" },
  jobId: "hello",
  runId: "r",
  scheduledFor: null,
  intervalStart: null,
  event: null,
};

test("the values for templates survive JSON", () => {
  const sent = JSON.parse(JSON.stringify(encodeScope(SCOPE, () => true)));
  expect(decodeScope(sent, null)).toEqual(SCOPE);
});

test("the values of tasks that are not needed are left out", () => {
  const { outputs, statuses } = decodeScope(
    encodeScope(SCOPE, (taskId) => taskId === "b"),
    null,
  );
  expect([[...outputs.keys()], [...statuses.keys()]]).toEqual([[taskId("b")], []]);
});
