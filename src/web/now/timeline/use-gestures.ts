import { type PointerEvent, type RefObject, useEffect, useRef } from "react";

type Gestures = {
  /** Called when the user moves the timeline by px. A positive value moves it to the right, into the past. */
  readonly onPan: (px: number) => void;
  /** Called when the user zooms in (-1) or out (1) around `x`, in px of the window. */
  readonly onZoom: (step: -1 | 1, x: number) => void;
};

/** Wheel distance per zoom level. */
const WHEEL_STEP = 80;
/** A pointer that moves less than this is a click. */
const DRAG_PX = 4;

/** Pans by dragging and horizontal scrolling; zooms by Ctrl with the wheel, or by pinching on a touchpad. */
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
    // A React listener is passive, so it can't prevent the browser from zooming the page.
    current.addEventListener("wheel", onWheel, { passive: false });
    return () => current.removeEventListener("wheel", onWheel);
  }, [element]);
  return useDrag(newest);
};

const useDrag = (gestures: RefObject<Gestures>) => {
  const press = useRef<{ x: number; moved: boolean } | null>(null);
  return {
    /** Returns true if the last press was a drag and not a click. */
    wasDragged: (): boolean => press.current?.moved ?? false,
    onPointerDown: (event: PointerEvent) => {
      const isControl = event.target instanceof Element && event.target.closest("button, select") !== null;
      press.current = event.button === 0 && !isControl ? { x: event.clientX, moved: false } : null;
    },
    onPointerMove: (event: PointerEvent) => {
      const { current } = press;
      if (current === null || event.buttons !== 1) return;
      const by = event.clientX - current.x;
      if (!current.moved && Math.abs(by) < DRAG_PX) return;
      if (!current.moved) event.currentTarget.setPointerCapture(event.pointerId);
      press.current = { x: event.clientX, moved: true };
      gestures.current.onPan(by);
    },
  };
};
