import { useEffect, useState } from "react";
import { leaveGuard } from "../../data/leave-guard.ts";

/** Asks before a text that is not saved is left. `leave` goes where the user wanted to go; null while that is nowhere. */
export const useLeaving = (isUnsaved: boolean) => {
  const [leave, setLeave] = useState<(() => void) | null>(null);
  useEffect(() => {
    if (!isUnsaved) return;
    const onUnload = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", onUnload);
    const unprotect = leaveGuard.protect((navigate) => setLeave(() => navigate));
    return () => {
      unprotect();
      removeEventListener("beforeunload", onUnload);
    };
  }, [isUnsaved]);
  return { leave, stay: () => setLeave(null) };
};
