import { useEffect, useState } from "react";

/** Interval for bars that grow. */
const EVERY_MS = 200;

/** Returns the time in ms since the Unix epoch, updated 5 times per second while `isOn` and the page is visible. */
export const useFastNow = (isOn: boolean): number => {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [isOn]);
  return now;
};
