import type { Declaration, Follow } from "../../declaration.ts";
import type { Conflict } from "../../problem.ts";

/** The declarations of the jobs, by id. */
type Jobs = ReadonlyMap<string, Declaration>;

/**
 * Reports each `run` trigger by which jobs would start one another without end: also through tasks that run a job, and through jobs that
 * wait for another one by `depends_on`. Rings without such a trigger are reported elsewhere.
 */
export const checkFollows = (byId: Jobs): readonly Conflict[] => {
  if (![...byId.values()].some(({ follows }) => follows.length > 0)) return [];
  const causes = causesOf(byId);
  const reported = new Set<string>();
  return [...byId].flatMap(([id, { file, follows }]) =>
    follows.flatMap((follow) => {
      const chain = byId.has(follow.jobId) ? findChain(id, follow.jobId, causes) : null;
      if (chain === null) return [];
      const ring = [follow.jobId, ...chain];
      const key = [...new Set(ring)].sort().join(" ");
      if (reported.has(key)) return [];
      reported.add(key);
      return [{ problem: problemOf(file, follow, ring), files: ring.flatMap((each) => byId.get(each)?.file ?? []) }];
    }),
  );
};

const problemOf = (file: string, { path, position }: Follow, ring: readonly string[]) => ({
  file,
  ...position,
  path,
  message: `jobs start one another in a cycle: ${ring.join(" → ")}; expected no cycle`,
});

/** Returns the jobs that a run of a job starts, or lets start. */
const causesOf = (byId: Jobs): ReadonlyMap<string, readonly string[]> => {
  const causes = new Map<string, string[]>();
  const add = (from: string, to: string): void => {
    const known = causes.get(from);
    if (known === undefined) causes.set(from, [to]);
    else known.push(to);
  };
  for (const [id, { follows, gates, calls }] of byId) {
    for (const { jobId } of [...follows, ...gates]) add(jobId, id);
    for (const { jobId } of calls) add(id, jobId);
  }
  return causes;
};

/** Returns the shortest way from a job to another one, both included; null if there is none. */
const findChain = (
  from: string,
  to: string,
  causes: ReadonlyMap<string, readonly string[]>,
): readonly string[] | null => {
  const before = new Map<string, string | null>([[from, null]]);
  const queue = [from];
  for (let at = 0; at < queue.length; at++) {
    const id = queue[at] ?? "";
    if (id === to) return pathTo(id, before);
    for (const next of causes.get(id) ?? []) {
      if (before.has(next)) continue;
      before.set(next, id);
      queue.push(next);
    }
  }
  return null;
};

const pathTo = (id: string, before: ReadonlyMap<string, string | null>): readonly string[] => {
  const path: string[] = [];
  for (let each: string | null = id; each !== null; each = before.get(each) ?? null) path.unshift(each);
  return path;
};
