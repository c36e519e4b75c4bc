import { findCycle } from "../../domain/graph.ts";
import { isName } from "../../domain/ids.ts";
import type { Declaration, Gate } from "../declaration.ts";
import { makeHints } from "../hints.ts";
import type { Problem } from "../problem.ts";

/** A problem between jobs, and the files that it affects. */
export type Conflict = { readonly problem: Problem; readonly files: readonly string[] };

/** Checks that job ids are unique, that each gate names an existing job, and that gates form no cycle. */
export const checkJobs = (declarations: readonly Declaration[]): readonly Conflict[] => {
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
    declaration.gates.flatMap((gate) => (known.has(gate.jobId) ? [] : [unknownJob(declaration, gate, hintFor)])),
  );
  return [...duplicates, ...unknown, ...findRings(byId)];
};

const duplicate = (declaration: Declaration, earlier: Declaration): Conflict => ({
  problem: {
    file: declaration.file,
    ...declaration.position,
    path: "id",
    message: `'${declaration.id}' is the id of the job at ${earlier.file}:${earlier.position.line} as well; expected another in ${declaration.file} or there`,
  },
  files: [declaration.file, earlier.file],
});

const unknownJob = (declaration: Declaration, gate: Gate, hintFor: (id: string) => string): Conflict => ({
  problem: {
    file: declaration.file,
    ...gate.position,
    path: gate.path,
    message: `there is no job '${gate.jobId}'; ${hintFor(gate.jobId)}`,
  },
  files: [declaration.file],
});

/** Returns each cycle once, at the gate of its first job. */
const findRings = (byId: ReadonlyMap<string, Declaration>): Conflict[] => {
  const rings: Conflict[] = [];
  const edges = new Map<string, string[]>();
  for (const [id, declaration] of byId) {
    edges.set(
      id,
      declaration.gates.map((gate) => gate.jobId).filter((other) => byId.has(other)),
    );
  }
  for (let ring = findCycle(edges); ring !== null; ring = findCycle(edges)) {
    const [id = "", next = ""] = ring;
    edges.set(
      id,
      (edges.get(id) ?? []).filter((other) => other !== next),
    );
    rings.push(...ringConflict(ring, byId));
  }
  return rings;
};

const ringConflict = (ring: readonly string[], byId: ReadonlyMap<string, Declaration>): Conflict[] => {
  const [id = "", next = ""] = ring;
  const declaration = byId.get(id);
  const gate = declaration?.gates.find((candidate) => candidate.jobId === next);
  if (declaration === undefined || gate === undefined) return [];
  const wrong = ring.length === 2 ? "a job depends on itself" : "jobs depend on each other in a cycle";
  return [
    {
      problem: {
        file: declaration.file,
        ...gate.position,
        path: gate.path,
        message: `${wrong}: ${ring.join(" → ")}; expected no cycle`,
      },
      files: ring.flatMap((member) => byId.get(member)?.file ?? []),
    },
  ];
};
