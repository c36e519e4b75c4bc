import { type RefObject, useRef, useState } from "react";
import type { EditorHandle, TextPosition } from "../editor/code-editor.tsx";
import type { CheckProblem } from "../job-files.ts";

type WalkOptions = {
  /** The problems of the file in the editor. */
  readonly problems: readonly CheckProblem[];
  readonly editor: RefObject<EditorHandle | null>;
};

/** Moves the cursor from problem to problem, around the end. `current` is where it was moved to last. */
export const useProblemWalk = ({ problems, editor }: WalkOptions) => {
  const [current, setCurrent] = useState<CheckProblem | null>(null);
  const own = useStable(problems);
  const go = (problem: CheckProblem): void => {
    setCurrent(problem);
    editor.current?.goTo(problem);
  };
  const step = (by: 1 | -1): void => {
    const at = editor.current?.position() ?? START;
    const sorted = own.toSorted(compare);
    const next =
      by === 1
        ? (sorted.find((each) => compare(each, at) > 0) ?? sorted[0])
        : (sorted.findLast((each) => compare(each, at) < 0) ?? sorted.at(-1));
    if (next !== undefined) go(next);
  };
  return { own, current, go, step };
};

const START: TextPosition = { line: 1, column: 1 };

const compare = (a: TextPosition, b: TextPosition): number => a.line - b.line || a.column - b.column;

/** Returns the same list as long as its items are the same. */
const useStable = <Item>(list: readonly Item[]): readonly Item[] => {
  const kept = useRef(list);
  const isSame = kept.current.length === list.length && list.every((item, index) => item === kept.current[index]);
  if (!isSame) kept.current = list;
  return kept.current;
};
