import { memo, use, useId } from "react";
import type { TaskCondition } from "../../domain/graph.ts";
import { HighlightContext, useIsEdgeLit, useIsPointing } from "./highlight.ts";
import type { Layout } from "./layout/layout.ts";
import type { RoutedEdge } from "./layout/routes.ts";

type EdgesProps = {
  readonly layout: Layout;
  /** Condition of each node. */
  readonly conditions: ReadonlyMap<string, TaskCondition>;
};

/** Draws the edges of a graph. The edges of the pointed or selected node are highlighted. */
export const Edges = memo(({ layout: { edges, width, height }, conditions }: EdgesProps) => {
  const arrow = useId();
  const isPointing = useIsPointing();
  return (
    <svg
      className={isPointing ? "graph-edges is-pointing" : "graph-edges"}
      width={width}
      height={height}
      aria-hidden="true"
      focusable="false"
    >
      <defs>
        {["", "is-lit"].map((name) => (
          <marker
            key={name}
            id={`${arrow}${name}`}
            className={`graph-arrow ${name}`}
            viewBox="0 0 8 8"
            refX="5"
            refY="4"
            markerWidth="8"
            markerHeight="8"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M0 0 8 4 0 8z" />
          </marker>
        ))}
      </defs>
      {edges.map((edge) => (
        <EdgePath
          key={`${edge.source} ${edge.target}`}
          edge={edge}
          arrow={arrow}
          condition={conditions.get(edge.target) ?? "all_success"}
        />
      ))}
    </svg>
  );
});

type EdgePathProps = { readonly edge: RoutedEdge; readonly arrow: string; readonly condition: TaskCondition };

const EdgePath = memo(({ edge: { source, target, path }, arrow, condition }: EdgePathProps) => {
  const isLit = useIsEdgeLit(source, target);
  const { pointed } = use(HighlightContext);
  return (
    <g className={`graph-edge graph-edge-${condition}${isLit ? " is-lit" : ""}`}>
      <path
        className="graph-edge-path"
        data-source={source}
        data-target={target}
        d={path}
        markerEnd={`url(#${arrow}${isLit ? "is-lit" : ""})`}
      />
      {/* A wide invisible path, which the pointer can hit. */}
      <path
        className="graph-edge-hit"
        d={path}
        onPointerEnter={() => pointed.point({ edge: `${source} ${target}` })}
        onPointerLeave={() => pointed.point(null)}
      >
        <title>{`${source} → ${target}`}</title>
      </path>
    </g>
  );
});
