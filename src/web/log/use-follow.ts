import { type RefObject, useLayoutEffect, useRef } from "react";

type UseFollowOptions = {
  readonly scroller: RefObject<HTMLElement | null>;
  /** Height of all lines, CSS px. */
  readonly size: number;
  readonly total: number;
  readonly isFollowing: boolean;
  readonly onFollowing: (isFollowing: boolean) => void;
};

/** So near to the end, CSS px, one is there. */
const NEAR_END_PX = 24;

/** Keeps the newest line in sight until the reader scrolls up; at the end again, it goes on. */
export const useFollow = ({ scroller, size, total, isFollowing, onFollowing }: UseFollowOptions) => {
  const lastTop = useRef(0);
  const seen = useRef(total);
  if (isFollowing) seen.current = total;
  // biome-ignore lint/correctness/useExhaustiveDependencies: more lines, or higher ones, have another end.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!isFollowing || element === null) return;
    element.scrollTop = element.scrollHeight;
    lastTop.current = element.scrollTop;
  }, [isFollowing, size, total]);
  const onScroll = (): void => {
    const element = scroller.current;
    if (element === null) return;
    const isUp = element.scrollTop < lastTop.current - 1;
    const left = element.scrollHeight - element.clientHeight - element.scrollTop;
    lastTop.current = element.scrollTop;
    if (isFollowing && isUp && left > NEAR_END_PX) onFollowing(false);
    if (!isFollowing && !isUp && left <= NEAR_END_PX) onFollowing(true);
  };
  return { onScroll, newLines: total - seen.current };
};
