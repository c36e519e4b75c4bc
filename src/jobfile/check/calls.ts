import { topological } from "../../domain/graph.ts";
import type { Param } from "../../domain/job.ts";
import { resolveParams } from "../../domain/params/param.ts";
import { MAX_NESTING } from "../../domain/run.ts";
import type { Call, Declaration, Params } from "../declaration.ts";
import { hint, listed } from "../hints.ts";
import type { Conflict } from "../problem.ts";

/** The declarations of the jobs, by id. */
type Jobs = ReadonlyMap<string, Declaration>;

/** Checks what tasks of type `job` pass to the jobs that they run, and which of their outputs are read. Jobs that do not exist are reported elsewhere. */
export const checkCalls = (byId: Jobs): readonly Conflict[] =>
  [...byId.values()].flatMap((declaration) =>
    declaration.calls.flatMap((call) => {
      const { params = null, outputs = null } = byId.get(call.jobId) ?? {};
      return [
        ...(params === null ? [] : checkParams(declaration, call, params)),
        ...(outputs === null ? [] : checkOutputs(declaration, call, outputs)),
      ];
    }),
  );

const checkParams = ({ file }: Declaration, call: Call, params: Params): readonly Conflict[] => {
  const dynamic = new Set(call.params.filter(({ value }) => value === null).map(({ name }) => name));
  const known = Object.entries(params).map(([name, param]): [string, Param] => [
    name,
    dynamic.has(name) ? { ...param, enum: null, pattern: null } : param,
  ]);
  const given = Object.fromEntries(call.params.map(({ name, value }) => [name, value ?? ""]));
  const resolved = resolveParams(Object.fromEntries(known), given);
  if ("values" in resolved) return [];
  return resolved.problems.map(({ name, problem }) => {
    const { path, position } = call.params.find((param) => param.name === name) ?? call.given;
    return { problem: { file, ...position, path, message: `job '${call.jobId}': ${problem}` }, files: [file] };
  });
};

const checkOutputs = ({ file }: Declaration, call: Call, outputs: readonly string[]): readonly Conflict[] =>
  call.reads.flatMap(({ name, path, position }) => {
    if (call.waits && outputs.includes(name)) return [];
    const known = outputs.length === 0 ? "it declares none" : `it declares ${listed(outputs)}`;
    const message = call.waits
      ? `job '${call.jobId}' has no output '${name}'; ${hint(name, outputs, known)}`
      : `the task does not wait for job '${call.jobId}', so it has no outputs; expected it without 'wait: false'`;
    return [{ problem: { file, ...position, path, message }, files: [file] }];
  });

/** Checks that jobs run each other at most so many levels deep. `edges` are the calls of each job, without cycles. */
export const checkNesting = (byId: Jobs, edges: ReadonlyMap<string, readonly string[]>): readonly Conflict[] => {
  const called = new Set([...edges.values()].flat());
  const deepest = new Map<string, readonly string[]>();
  // Those that are run come first.
  for (const { id, dependsOn } of topological([...edges].map(([id, dependsOn]) => ({ id, dependsOn })))) {
    const below = dependsOn.map((next) => deepest.get(next) ?? [next]);
    const longest = below.reduce<readonly string[]>((a, b) => (b.length > a.length ? b : a), []);
    // What is below a chain that is too long already is not needed.
    deepest.set(id, [id, ...longest].slice(0, MAX_NESTING + 2));
  }
  return [...deepest].flatMap(([id, chain]) => {
    const isTop = !called.has(id);
    if (!isTop || chain.length <= MAX_NESTING + 1) return [];
    const declaration = byId.get(id);
    const call = declaration?.calls.find(({ jobId }) => jobId === chain[1]);
    if (declaration === undefined || call === undefined) return [];
    const message = `runs jobs more than ${MAX_NESTING} deep: ${chain.join(" → ")}; expected at most ${MAX_NESTING}`;
    return [
      { problem: { file: declaration.file, ...call.position, path: call.path, message }, files: [declaration.file] },
    ];
  });
};

/**
 * Reports each gate on a job that waits for this one: while a run of that job waits, its newest run has not ended, so the gate
 * never opens.
 */
export const checkGatesOfCalls = (byId: Jobs): readonly Conflict[] =>
  [...byId].flatMap(([caller, { calls }]) => {
    if (calls.length === 0) return [];
    return [...waitedFor(caller, byId)].flatMap((id) => {
      const declaration = byId.get(id);
      const gate = declaration?.gates.find((each) => each.jobId === caller && !each.isWindow);
      if (declaration === undefined || gate === undefined) return [];
      const message = `'${caller}' runs this job and waits for it, so its newest run has not ended then; expected no gate on it`;
      const { file } = declaration;
      return [
        {
          problem: { file, ...gate.position, path: gate.path, message },
          files: [file, byId.get(caller)?.file ?? file],
        },
      ];
    });
  });

/** Returns the jobs that runs of a job wait for, directly or through others. */
const waitedFor = (caller: string, byId: Jobs): ReadonlySet<string> => {
  const found = new Set<string>();
  const queue = [caller];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const { jobId, waits } of byId.get(id)?.calls ?? []) {
      if (!waits || found.has(jobId)) continue;
      found.add(jobId);
      queue.push(jobId);
    }
  }
  return found;
};
