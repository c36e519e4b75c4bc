import { useEffect, useState } from "react";

/** Often enough for bars that grow. */
const EVERY_MS = 200;

/** Ms since the epoch, some times a second while `isOn` and somebody looks. */
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
