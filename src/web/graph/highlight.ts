import { createContext, use, useSyncExternalStore } from "react";
import { ExternalStore } from "../data/external-store.ts";

/** What the pointer is at: a node, or an edge as `source target`. */
export type Pointed = { readonly node: string } | { readonly edge: string } | null;

/** Stores what the pointer is at, so that only the edges whose highlight changes render again. */
export class PointedStore extends ExternalStore<Pointed> {
  constructor() {
    super(null);
  }

  readonly point = (pointed: Pointed): void => this.set(pointed);
}

/** What a graph highlights: the pointed item, else the selected node. */
export type Highlight = { readonly pointed: PointedStore; readonly selectedNode: string | null };

export const HighlightContext = createContext<Highlight>({ pointed: new PointedStore(), selectedNode: null });

/** Returns true for an edge of the highlighted node, and for the pointed edge. */
export const useIsEdgeLit = (source: string, target: string): boolean => {
  const { pointed, selectedNode } = use(HighlightContext);
  return useSyncExternalStore(pointed.subscribe, () => {
    const now = pointed.get();
    if (now !== null && "edge" in now) return now.edge === `${source} ${target}`;
    const node = now?.node ?? selectedNode;
    return node === source || node === target;
  });
};

/** Returns true while the pointer is at an edge or a node, so that the other edges are drawn faint. */
export const useIsPointing = (): boolean => {
  const { pointed } = use(HighlightContext);
  return useSyncExternalStore(pointed.subscribe, () => pointed.get() !== null);
};
