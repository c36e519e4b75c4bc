import { type KeyboardEvent, type MouseEvent, useState } from "react";
import { useLocation } from "wouter";
import { petit } from "../../data/client.ts";
import { SHORT_ID_LENGTH, type TimelineJob } from "../../data/timeline.ts";
import { adjacentItem, itemAt, type RowItem, rowItems } from "./row-items.ts";
import type { TimelineScale } from "./row-shapes.ts";

type PointedItem = {
  /** Index of its row. */
  readonly index: number;
  readonly key: string;
  /** The element that shows its row. */
  readonly track: Element;
};

type PointedItemOptions = {
  readonly rowAt: (index: number) => TimelineJob | undefined;
  readonly scale: TimelineScale;
  /** Px by which the rows are moved to the right. */
  readonly shift: number;
  readonly now: number;
  /** Called with the time of an item that the keyboard selects: it may be outside of the view. */
  readonly onReach: (at: number) => void;
};

/** Tracks the item under the pointer, or selected with the arrow keys from the name of a row. */
export const usePointedItem = ({ rowAt, scale, shift, now, onReach }: PointedItemOptions) => {
  const [, navigate] = useLocation();
  const [pointed, setPointed] = useState<PointedItem | null>(null);
  const itemsOf = (index: number): readonly RowItem[] => {
    const row = rowAt(index);
    return row === undefined ? [] : rowItems(row, scale, now);
  };
  const item = pointed === null ? null : (itemsOf(pointed.index).find(({ key }) => key === pointed.key) ?? null);
  const rowOf = (target: EventTarget): { index: number; track: Element } | null => {
    const element = target instanceof Element ? target.closest<HTMLElement>("[data-index]") : null;
    const track = element?.querySelector(".time-track");
    return track == null ? null : { index: Number(element?.dataset.index), track };
  };
  const find = (event: MouseEvent): { item: RowItem; index: number; track: Element } | null => {
    const row = rowOf(event.target);
    if (row === null) return null;
    const found = itemAt(itemsOf(row.index), event.clientX - row.track.getBoundingClientRect().left - shift);
    return found === null ? null : { ...row, item: found };
  };
  const point = (event: MouseEvent): void => {
    const found = find(event);
    setPointed(found === null ? null : { index: found.index, key: found.item.key, track: found.track });
  };
  const step = (event: KeyboardEvent, by: 1 | -1): void => {
    const row = rowOf(event.target);
    if (row === null) return;
    const key = pointed?.index === row.index ? pointed.key : null;
    const next = adjacentItem(itemsOf(row.index), key, by, now);
    if (next === null) return;
    event.preventDefault();
    setPointed({ ...row, key: next.key });
    onReach(next.at);
  };
  const follow = ({ href, run }: Pick<RowItem, "href" | "run"> = { href: null }): void => {
    if (run !== undefined) void pathOfRun(run.jobId, run.id).then(navigate, () => navigate(`/runs?job=${run.jobId}`));
    else if (href !== null) navigate(href);
  };
  return {
    item,
    anchor: item === null || pointed === null ? null : anchorOf(pointed.track, item, shift),
    clear: () => setPointed(null),
    point,
    open: (event: MouseEvent): void => follow(find(event)?.item),
    onKeyDown: (event: KeyboardEvent): void => {
      if (event.key === "ArrowRight") step(event, 1);
      if (event.key === "ArrowLeft") step(event, -1);
      if (event.key === "Escape") setPointed(null);
      if (event.key === "Enter" && item?.href != null) {
        event.preventDefault();
        follow(item);
      }
    },
  };
};

/** Returns the anchor of the tooltip: the visible part of the item. */
const anchorOf = (track: Element, { left, right }: RowItem, shift: number) => ({
  getBoundingClientRect: (): DOMRect => {
    const around = track.getBoundingClientRect();
    const [first, last] = [left, right].map((x) => Math.min(Math.max(0, x + shift), around.width));
    return new DOMRect(around.left + (first ?? 0), around.top, (last ?? 0) - (first ?? 0), around.height);
  },
});

/** Returns the path of the run of a bar, or of the runs of its job if the run is gone. */
const pathOfRun = async (jobId: string, runId: string): Promise<string> => {
  if (runId.length > SHORT_ID_LENGTH) return `/runs/${runId}`;
  const { runs } = await petit.get("/api/runs", { query: { job: jobId, id: runId, limit: 10 } });
  const run = runs.find(({ id }) => id.endsWith(runId));
  return run === undefined ? `/runs?job=${jobId}` : `/runs/${run.id}`;
};
