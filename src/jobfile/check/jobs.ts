import { findCycle } from "../../domain/graph.ts";
import { isName } from "../../domain/ids.ts";
import type { Queues } from "../../domain/limits/queue.ts";
import type { Call, Declaration, FormerId, Gate } from "../declaration.ts";
import { makeHints } from "../hints.ts";
import { judgeMount, type OwnFolders } from "../mount.ts";
import type { Conflict } from "../problem.ts";
import { checkCalls, checkGatesOfCalls, checkNesting } from "./calls.ts";
import { refuseNats } from "./labels.ts";
import { checkPrivileges, type Privileges } from "./limits.ts";
import { checkQueues } from "./queues.ts";
import { checkFollows } from "./triggers/follows.ts";

/** What the settings of the scheduler allow jobs to use. */
export type Setup = {
  /** The queues that jobs can name; null to accept any. */
  readonly queues: Queues | null;
  /** Whether there is NATS, which workers and `nats` triggers need. */
  readonly hasWorkers: boolean;
  /** The folders that containers must not mount; null to accept any. */
  readonly ownFolders: OwnFolders | null;
  /** What tasks on this machine may be; null to accept any. */
  readonly privileges: Privileges | null;
};

/** Whether the declarations are all jobs of a folder, or a part of them: then others may exist. */
export type Extent = "all" | "part";

/**
 * Checks that job ids are unique, also those of the past, that gates and tasks name existing jobs (if all jobs are there), that neither form a cycle, that
 * tasks pass fitting params to the jobs that they run, and what depends on the setup.
 */
export const checkJobs = (
  declarations: readonly Declaration[],
  { queues, hasWorkers, ownFolders, privileges }: Setup,
  extent: Extent,
): readonly Conflict[] => {
  const byId = new Map<string, Declaration>();
  const duplicates: Conflict[] = [];
  for (const declaration of declarations) {
    if (declaration.id === null || declaration.isGuess || !isName(declaration.id)) continue;
    const earlier = byId.get(declaration.id);
    if (earlier === undefined) byId.set(declaration.id, declaration);
    else duplicates.push(duplicate(declaration, earlier));
  }
  const known = new Set(declarations.flatMap(({ id }) => id ?? []));
  const newIds = new Map(declarations.flatMap(({ id, formerly }) => formerly.map(({ jobId }) => [jobId, id])));
  const nearest = makeHints(known, "expected the id of a job in this folder");
  const hintFor = (id: string): string => {
    const newId = newIds.get(id) ?? null;
    return newId === null ? nearest(id) : `it is called '${newId}' now`;
  };
  const unknown = declarations.flatMap((declaration) =>
    [...declaration.gates, ...declaration.calls, ...declaration.follows].flatMap((link) =>
      known.has(link.jobId) || !isName(link.jobId) ? [] : [unknownJob(declaration, link, hintFor)],
    ),
  );
  const gates = findRings(byId, { linksOf: ({ gates: each }) => each, verb: "depend" });
  const calls = findRings(byId, { linksOf: ({ calls: each }) => each, verb: "run" });
  return [
    ...duplicates,
    ...checkFormerIds(declarations),
    ...(extent === "all" ? unknown : []),
    ...gates.rings,
    ...calls.rings,
    ...checkCalls(byId),
    ...checkNesting(byId, calls.edges),
    ...checkGatesOfCalls(byId),
    ...checkFollows(byId),
    ...(queues === null ? [] : checkQueues(declarations, queues)),
    ...(hasWorkers ? [] : refuseNats(declarations)),
    ...(ownFolders === null ? [] : checkMounts(declarations, ownFolders)),
    ...(privileges === null ? [] : checkPrivileges(declarations, privileges)),
  ];
};

/** Reports containers that mount what petit stores. */
const checkMounts = (declarations: readonly Declaration[], folders: OwnFolders): readonly Conflict[] =>
  declarations.flatMap(({ file, mounts }) =>
    mounts.flatMap(({ source, path, position }) => {
      const mount = judgeMount(source, folders);
      if (!("problem" in mount)) return [];
      return [{ problem: { file, ...position, path, message: mount.problem }, files: [file] }];
    }),
  );

/** Where a job names another one. */
type Link = Pick<Gate | Call, "jobId" | "path" | "position">;

const duplicate = (declaration: Declaration, earlier: Declaration): Conflict => ({
  problem: {
    file: declaration.file,
    ...declaration.position,
    path: "id",
    message: `'${declaration.id}' is the id of the job at ${earlier.file}:${earlier.position.line} as well; expected another in ${declaration.file} or there`,
  },
  files: [declaration.file, earlier.file],
});

/** Checks that the ids that jobs had before belong to no job of today, and to one job each. */
const checkFormerIds = (declarations: readonly Declaration[]): readonly Conflict[] => {
  const today = new Map(declarations.flatMap((each) => (each.id === null ? [] : [[each.id, each] as const])));
  const claims = new Map<string, Declaration>();
  return declarations.flatMap((declaration) =>
    declaration.formerly.flatMap((former) => {
      const earlier = claims.get(former.jobId);
      if (earlier === undefined) claims.set(former.jobId, declaration);
      const why = whyNot(former, declaration, { today: today.get(former.jobId), earlier });
      // A history can't be moved back, so of two jobs that claim it none gets it.
      return why === null
        ? []
        : [refusedFormerId(declaration, former, { why, others: earlier === undefined ? [] : [earlier] })];
    }),
  );
};

type OtherClaims = { readonly today: Declaration | undefined; readonly earlier: Declaration | undefined };

const whyNot = ({ jobId }: FormerId, declaration: Declaration, { today, earlier }: OtherClaims): string | null => {
  if (jobId === declaration.id) return `'${jobId}' is the id of this job; expected one that it had before`;
  if (today !== undefined)
    return `'${jobId}' is the id of the job at ${placeOf(today)}; expected the id of a job that is in no file any more`;
  // A list that repeats an id is reported where it is read.
  if (earlier === undefined || earlier === declaration) return null;
  return `'${jobId}' is a former id of the job at ${placeOf(earlier)} as well; expected it in one of them`;
};

const placeOf = ({ file, position }: Declaration): string => `${file}:${position.line}`;

const refusedFormerId = (
  { file }: Declaration,
  { path, position }: FormerId,
  { why, others }: { readonly why: string; readonly others: readonly Declaration[] },
): Conflict => ({
  problem: { file, ...position, path, message: why },
  files: [file, ...others.map((other) => other.file)],
});

const unknownJob = (declaration: Declaration, gate: Link, hintFor: (id: string) => string): Conflict => ({
  problem: {
    file: declaration.file,
    ...gate.position,
    path: gate.path,
    message: `there is no job '${gate.jobId}'; ${hintFor(gate.jobId)}`,
  },
  files: [declaration.file],
});

type RingOptions = {
  readonly linksOf: (declaration: Declaration) => readonly Link[];
  readonly verb: keyof typeof RINGS;
};

/** Returns each cycle once, at the link of its first job, and the links of each job that form no cycle. */
const findRings = (byId: ReadonlyMap<string, Declaration>, options: RingOptions) => {
  const rings: Conflict[] = [];
  const edges = new Map<string, string[]>();
  for (const [id, declaration] of byId) {
    edges.set(
      id,
      options
        .linksOf(declaration)
        .map((link) => link.jobId)
        .filter((other) => byId.has(other)),
    );
  }
  for (let ring = findCycle(edges); ring !== null; ring = findCycle(edges)) {
    const [id = "", next = ""] = ring;
    edges.set(
      id,
      (edges.get(id) ?? []).filter((other) => other !== next),
    );
    rings.push(...ringConflict(ring, byId, options));
  }
  return { rings, edges };
};

const RINGS = {
  depend: { alone: "a job depends on itself", together: "jobs depend on each other in a cycle" },
  run: { alone: "a job runs itself", together: "jobs run each other in a cycle" },
} as const;

const ringConflict = (
  ring: readonly string[],
  byId: ReadonlyMap<string, Declaration>,
  { linksOf, verb }: RingOptions,
): Conflict[] => {
  const [id = "", next = ""] = ring;
  const declaration = byId.get(id);
  const link = declaration === undefined ? undefined : linksOf(declaration).find(({ jobId }) => jobId === next);
  if (declaration === undefined || link === undefined) return [];
  const wrong = RINGS[verb][ring.length === 2 ? "alone" : "together"];
  return [
    {
      problem: {
        file: declaration.file,
        ...link.position,
        path: link.path,
        message: `${wrong}: ${ring.join(" → ")}; expected no cycle`,
      },
      files: ring.flatMap((member) => byId.get(member)?.file ?? []),
    },
  ];
};
