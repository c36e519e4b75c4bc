import type { ArtifactList } from "../../api/artifacts/shape.ts";
import { suggest } from "../../lib/suggest.ts";
import { EXIT, Failure } from "../exit.ts";
import { oneLine } from "../terminal/text-width.ts";

export type ArtifactBody = (typeof ArtifactList.static)["artifacts"][number];

/** Maximum number of artifacts that are listed for an ambiguous path. */
const LISTED = 5;

/** Returns the artifact with a path, or the only one whose path ends with it. Throws a `Failure` otherwise. */
export const findArtifact = (artifacts: readonly ArtifactBody[], path: string, run: string): ArtifactBody => {
  const wanted = path.replace(/^\.?\/+/, "");
  const exact = artifacts.find((each) => each.path === wanted);
  if (exact !== undefined) return exact;
  const [found, ...others] = artifacts.filter((each) => each.path.endsWith(`/${wanted}`));
  if (found !== undefined && others.length === 0) return found;
  const problem =
    found === undefined ? unknownPath(artifacts, wanted, run) : ambiguousPath([found, ...others], wanted, run);
  throw new Failure(EXIT.USAGE, problem);
};

const ambiguousPath = (matching: readonly ArtifactBody[], path: string, run: string): string => {
  const lines = matching.slice(0, LISTED).map((each) => `\n  ${oneLine(each.path)}`);
  const more = matching.length > LISTED ? "\n  …" : "";
  return `${matching.length} artifacts of run ${run} end with '${oneLine(path)}':${lines.join("")}${more}`;
};

const unknownPath = (artifacts: readonly ArtifactBody[], path: string, run: string): string => {
  const problem = `run ${run} has no artifact '${oneLine(path)}'`;
  if (artifacts.length === 0) return `${problem}; it has none at all`;
  const similar = suggest(
    path,
    artifacts.flatMap((each) => [each.path, each.path.slice(each.path.indexOf("/") + 1)]),
  );
  return similar === null
    ? `${problem}; without a PATH, they are listed`
    : `${problem}; did you mean '${oneLine(similar)}'?`;
};
