import { type RefObject, useLayoutEffect, useRef } from "react";

type UseFollowOptions = {
  readonly scroller: RefObject<HTMLElement | null>;
  /** Height of all lines, in CSS px. */
  readonly size: number;
  readonly total: number;
  readonly isFollowing: boolean;
  readonly onFollowing: (isFollowing: boolean) => void;
};

/** Distance from the end that counts as the end, in CSS px. */
const NEAR_END_PX = 24;

/** Keeps the newest line visible until the user scrolls up, and again when the user scrolls to the end. */
export const useFollow = ({ scroller, size, total, isFollowing, onFollowing }: UseFollowOptions) => {
  const lastTop = useRef(0);
  const seenTotal = useRef(total);
  if (isFollowing) seenTotal.current = total;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the end moves when lines are added or change their height.
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
    const distance = element.scrollHeight - element.clientHeight - element.scrollTop;
    lastTop.current = element.scrollTop;
    if (isFollowing && isUp && distance > NEAR_END_PX) onFollowing(false);
    if (!isFollowing && !isUp && distance <= NEAR_END_PX) onFollowing(true);
  };
  return { onScroll, newLines: total - seenTotal.current };
};
