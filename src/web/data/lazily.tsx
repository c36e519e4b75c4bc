import { type ComponentType, type JSX, lazy, useState } from "react";
import { loadModule } from "./load-module.ts";

/**
 * Returns a component that is loaded when it is first rendered, or earlier with `load`. Render it inside `Suspense`. A component
 * that is already loaded is rendered at once: React shows the fallback of a lazy component for at least 300 ms.
 */
export const lazily = <Props extends object>(load: () => Promise<ComponentType<Props>>) => {
  let loaded: ComponentType<Props> | null = null;
  const loadOnce = async (): Promise<ComponentType<Props>> => {
    loaded = await load();
    return loaded;
  };
  const Lazy = lazy(async () => ({ default: (await loadModule(loadOnce)) as ComponentType<object> }));
  // biome-ignore lint/correctness/noComponentHookFactories: each call defines one component, when a module is loaded.
  const Component = (props: Props): JSX.Element => {
    // A mounted component stays the same, or it would lose its state.
    const [Known] = useState(() => loaded);
    return Known === null ? <Lazy {...props} /> : <Known {...props} />;
  };
  return { load: loadOnce, Component };
};
