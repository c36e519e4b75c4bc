import { type ComponentType, useEffect, useState } from "react";
import { loadModule } from "./load-module.ts";

const LOADS: (() => Promise<unknown>)[] = [];

/**
 * Returns a dialog that is loaded when it is first opened, or earlier by `preloadDialogs`. Until it is loaded, nothing is shown. It does not use
 * `Suspense`, whose fallback React shows for at least 300 ms.
 */
export const lazyDialog = <Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> => {
  let loaded: ComponentType<Props> | null = null;
  const loadOnce = async (): Promise<ComponentType<Props>> => {
    loaded ??= await load();
    return loaded;
  };
  LOADS.push(loadOnce);
  return (props: Props) => {
    const [Loaded, setLoaded] = useState(() => loaded);
    useEffect(() => {
      if (Loaded !== null) return;
      let isOpen = true;
      const set = (next: () => ComponentType<Props>): void => {
        if (isOpen) setLoaded(next);
      };
      loadModule(loadOnce).then(
        (component) => set(() => component),
        // The error boundary of the view shows it.
        (error: unknown) =>
          set(() => {
            throw error;
          }),
      );
      return () => {
        isOpen = false;
      };
    }, [Loaded]);
    return Loaded === null ? null : <Loaded {...props} />;
  };
};

/** Loads all dialogs, so that they open at once, also while petit is unreachable. A failure is reported when one is opened. */
export const preloadDialogs = async (): Promise<void> => {
  await Promise.allSettled(LOADS.map((load) => load()));
};
