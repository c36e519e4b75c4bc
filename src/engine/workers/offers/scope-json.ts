import type { WireScope } from "../../../domain/workers/protocol.ts";
import type { TemplateScope } from "../../../jobfile/template.ts";
import type { Json } from "../../../lib/json.ts";

/** Returns the values for templates as JSON. It includes only the tasks for which `isNeeded` returns true. */
export const encodeScope = (scope: TemplateScope, isNeeded: (taskId: string) => boolean): WireScope => ({
  params: scope.params,
  config: scope.config,
  item: scope.item,
  jobId: scope.jobId,
  runId: scope.runId,
  scheduledFor: scope.scheduledFor,
  intervalStart: scope.intervalStart,
  outputs: [...scope.outputs].filter(([taskId]) => isNeeded(taskId)),
  statuses: [...scope.statuses].filter(([taskId]) => isNeeded(taskId)),
  itemCounts: [...scope.itemCounts].filter(([taskId]) => isNeeded(taskId)),
});

/** `event` comes as a file of its own. */
export const decodeScope = (scope: WireScope, event: Json): TemplateScope => ({
  ...scope,
  outputs: new Map(scope.outputs),
  statuses: new Map(scope.statuses),
  itemCounts: new Map(scope.itemCounts),
  event,
  intervalStart: scope.intervalStart ?? null,
});
