import { findCycle } from "../../domain/graph.ts";
import { isName } from "../../domain/ids.ts";
import type { Queues } from "../../domain/limits/queue.ts";
import type { Call, Declaration, Gate } from "../declaration.ts";
import { makeHints } from "../hints.ts";
import type { OwnFolders } from "../mount.ts";
import type { Conflict } from "../problem.ts";
import { checkCalls, checkGatesOfCalls, checkNesting } from "./calls.ts";
import { refuseWorkers } from "./labels.ts";
import { checkMounts } from "./mounts.ts";
import { checkQueues } from "./queues.ts";

/** What the settings of the scheduler allow jobs to use. */
export type Setup = {
  /** The queues that jobs can name; null to accept any. */
  readonly queues: Queues | null;
  /** Whether tasks can run on workers, which needs NATS. */
  readonly hasWorkers: boolean;
  /** The folders that containers must not mount; null to accept any. */
  readonly ownFolders: OwnFolders | null;
};

/** Whether the declarations are all jobs of a folder, or a part of them: then others may exist. */
export type Extent = "all" | "part";

/**
 * Checks that job ids are unique, that gates and tasks name existing jobs (if all jobs are there), that neither form a cycle, that
 * tasks pass fitting params to the jobs that they run, and what depends on the setup.
 */
export const checkJobs = (
  declarations: readonly Declaration[],
  { queues, hasWorkers, ownFolders }: Setup,
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
  const hintFor = makeHints(known, "expected the id of a job in this folder");
  const unknown = declarations.flatMap((declaration) =>
    [...declaration.gates, ...declaration.calls].flatMap((link) =>
      known.has(link.jobId) || !isName(link.jobId) ? [] : [unknownJob(declaration, link, hintFor)],
    ),
  );
  const gates = findRings(byId, { linksOf: ({ gates: each }) => each, verb: "depend" });
  const calls = findRings(byId, { linksOf: ({ calls: each }) => each, verb: "run" });
  return [
    ...duplicates,
    ...(extent === "all" ? unknown : []),
    ...gates.rings,
    ...calls.rings,
    ...checkCalls(byId),
    ...checkNesting(byId, calls.edges),
    ...checkGatesOfCalls(byId),
    ...(queues === null ? [] : checkQueues(declarations, queues)),
    ...(hasWorkers ? [] : refuseWorkers(declarations)),
    ...(ownFolders === null ? [] : checkMounts(declarations, ownFolders)),
  ];
};

/** A place where a job names another one. */
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
