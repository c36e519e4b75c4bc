import { useEffect, useRef, useState } from "react";
import { useConnectionState } from "../../data/live/connection.tsx";
import { type CheckData, checkJobFile, type DraftText } from "../job-files.ts";

/** Delay of a check after the last key, in ms. */
const DELAY_MS = 300;

type Check = {
  /** The newest answer; null before the first. */
  readonly answer: CheckData | null;
  /** True if the answer is about the present text. */
  readonly isFresh: boolean;
  /** Why the present text could not be checked; null if it was, or is being checked. */
  readonly error: unknown;
};

type Answered = {
  readonly draft: DraftText;
  readonly version: number;
  readonly answer: CheckData | null;
  readonly error: unknown;
};

/**
 * Checks a text while it is typed: after a pause, the newest only. A check that is outdated is cancelled. `version` stands for the files on
 * the disk: the text is checked again when it changes, and when petit is back after it was away.
 */
export const useCheck = ({ path, text, base }: DraftText, version: number): Check => {
  const [answered, setAnswered] = useState<Answered | null>(null);
  const isConnected = useConnectionState() === "connected";
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a connection that is back is a reason to check again.
  useEffect(() => {
    const ending = new AbortController();
    const draft = { path, text, base };
    const check = async (): Promise<void> => {
      try {
        const answer = await checkJobFile(draft, ending.signal);
        if (!ending.signal.aborted) setAnswered({ draft, version, answer, error: null });
      } catch (error) {
        if (!ending.signal.aborted)
          setAnswered((before) => ({ draft, version, answer: before?.answer ?? null, error }));
      }
    };
    const timer = setTimeout(check, isFirst.current ? 0 : DELAY_MS);
    isFirst.current = false;
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [path, text, base, version, isConnected]);
  const isOfPresent =
    answered !== null && answered.draft.text === text && answered.draft.base === base && answered.version === version;
  return {
    answer: answered?.answer ?? null,
    isFresh: isOfPresent && answered.error === null,
    error: isOfPresent ? answered.error : null,
  };
};
