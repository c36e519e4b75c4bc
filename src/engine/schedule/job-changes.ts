import type { JobId } from "../../domain/ids.ts";
import { type AuditDetails, type AuditFacts, type AuditWay, auditFacts } from "../../domain/people/audit.ts";
import type { FilesOrigin, ReloadCause, ReloadRequest } from "../../domain/versions/version.ts";
import { assertNever } from "../../lib/never.ts";
import type { StoredJob } from "../../store/jobs.ts";
import { currentAction } from "../../store/people/audit-scope.ts";

type Jobs = ReadonlyMap<JobId, StoredJob>;

export type JobChange = {
  readonly before: Jobs;
  readonly after: Jobs;
  readonly origin: FilesOrigin;
  readonly request: ReloadRequest;
};

/** How many ids of jobs an entry of the audit log has of each kind. */
const MAX_IDS = 100;

/** Returns what the audit log says about a reading of the job files; null if no definition has changed. */
export const changeFacts = ({ before, after, origin, request }: JobChange): AuditFacts | null => {
  const added = [...after.keys()].filter((id) => !before.has(id));
  const removed = [...before.keys()].filter((id) => !after.has(id));
  const changed = [...after].flatMap(([id, { versionId }]) =>
    (before.get(id)?.versionId ?? versionId) === versionId ? [] : [id],
  );
  const ids = [...added, ...changed, ...removed];
  if (ids.length === 0) return null;
  const { commit } = origin;
  const details: AuditDetails = {
    added: added.slice(0, MAX_IDS),
    changed: changed.slice(0, MAX_IDS),
    removed: removed.slice(0, MAX_IDS),
    counts: { added: added.length, changed: changed.length, removed: removed.length },
    commit: commit?.id ?? null,
    author: commit?.author ?? null,
    cause: request.cause,
  };
  const jobId = ids.length === 1 ? (ids[0] ?? null) : null;
  const action = request.cause === "api" ? currentAction() : null;
  if (action !== null) {
    const { who, role, how, address, requestId } = action.facts;
    return { who, role, how, address, requestId, action: "jobs.change", target: null, jobId, runId: null, details };
  }
  const editors = new Set(
    ids.map((id) => origin.editOf?.((after.get(id) ?? before.get(id))?.job.source.file ?? "")?.by ?? null),
  );
  const [editor = null] = editors.size === 1 ? editors : [];
  return auditFacts({
    who: request.by ?? editor,
    how: wayOf(request.cause, commit !== null),
    action: "jobs.change",
    jobId,
    details,
  });
};

const wayOf = (cause: ReloadCause, isGit: boolean): AuditWay => {
  switch (cause) {
    case "watch":
      return isGit ? "git" : "watch";
    case "start":
    case "signal":
      return cause;
    case "api":
      return "command";
    default:
      return assertNever(cause);
  }
};
