import type { WireScope } from "../../../domain/workers/protocol.ts";
import type { TemplateScope } from "../../../jobfile/template.ts";

/** Returns the values for templates as JSON. It includes only the tasks for which `isNeeded` returns true. */
export const encodeScope = (scope: TemplateScope, isNeeded: (taskId: string) => boolean): WireScope => ({
  ...scope,
  outputs: [...scope.outputs].filter(([taskId]) => isNeeded(taskId)),
  statuses: [...scope.statuses].filter(([taskId]) => isNeeded(taskId)),
  itemCounts: [...scope.itemCounts].filter(([taskId]) => isNeeded(taskId)),
});

export const decodeScope = (scope: WireScope): TemplateScope => ({
  ...scope,
  outputs: new Map(scope.outputs),
  statuses: new Map(scope.statuses),
  itemCounts: new Map(scope.itemCounts),
  jobId: scope.jobId,
});
