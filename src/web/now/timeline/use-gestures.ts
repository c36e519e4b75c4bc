import { type PointerEvent, type RefObject, useEffect, useRef } from "react";

type Gestures = {
  /** Moved by px: to the right, into the past. */
  readonly onPan: (px: number) => void;
  /** Towards what is at this px of the track: nearer (-1) or wider (1). */
  readonly onZoom: (step: -1 | 1, x: number) => void;
};

/** How far a wheel turns, or two fingers move, for a step of zoom. */
const WHEEL_STEP = 80;
/** What moves less is a click. */
const DRAG_PX = 4;

/** Dragging and sideways scrolling pan; a wheel with Ctrl, or two fingers on a touchpad, zooms. */
export const useGestures = (element: RefObject<HTMLElement | null>, { onPan, onZoom }: Gestures) => {
  const newest = useRef({ onPan, onZoom });
  newest.current = { onPan, onZoom };
  useEffect(() => {
    const { current } = element;
    if (current === null) return;
    let turned = 0;
    const onWheel = (event: WheelEvent): void => {
      const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
      if (event.ctrlKey) {
        event.preventDefault();
        turned += event.deltaY;
        if (Math.abs(turned) < WHEEL_STEP) return;
        newest.current.onZoom(turned < 0 ? -1 : 1, event.clientX);
        turned = 0;
      } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        event.preventDefault();
        newest.current.onPan(-sideways);
      }
    };
    // React's own listener could not keep the page from being zoomed.
    current.addEventListener("wheel", onWheel, { passive: false });
    return () => current.removeEventListener("wheel", onWheel);
  }, [element]);
  return useDrag(newest);
};

const useDrag = (gestures: RefObject<Gestures>) => {
  const held = useRef<{ x: number; moved: boolean } | null>(null);
  return {
    /** Whether what was held has just been moved: then it was no click. */
    wasDragged: (): boolean => held.current?.moved ?? false,
    onPointerDown: (event: PointerEvent) => {
      const isControl = event.target instanceof Element && event.target.closest("button, select") !== null;
      held.current = event.button === 0 && !isControl ? { x: event.clientX, moved: false } : null;
    },
    onPointerMove: (event: PointerEvent) => {
      const { current } = held;
      if (current === null || event.buttons !== 1) return;
      const by = event.clientX - current.x;
      if (!current.moved && Math.abs(by) < DRAG_PX) return;
      if (!current.moved) event.currentTarget.setPointerCapture(event.pointerId);
      held.current = { x: event.clientX, moved: true };
      gestures.current.onPan(by);
    },
  };
};
