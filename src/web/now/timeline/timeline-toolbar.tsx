import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { lazyDialog } from "../../data/lazy-dialog.tsx";
import { petitNow } from "../../data/petit-time.ts";
import { jobsQuery } from "../../data/queries.ts";
import type { JobSummary } from "../../data/shapes.ts";
import { useShortcut } from "../../keyboard/shortcuts.ts";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { TagChoice } from "../../ui/tag-choice.tsx";
import {
  followed,
  isPeriod,
  nextZoom,
  type Period,
  panned,
  startOf,
  type TimeView,
  ZOOMS,
  type Zoom,
  zoomedTo,
} from "./time-window.ts";

type TimelineToolbarProps = {
  readonly view: TimeView;
  readonly change: (change: (view: TimeView) => TimeView) => void;
  readonly show: string;
  readonly onShow: (show: string) => void;
  readonly tag: string;
  readonly onTag: (tag: string) => void;
};

const PeriodDialog = lazyDialog(async () => (await import("./period-dialog.tsx")).PeriodDialog);

/** Share of the view by which a button moves it. */
const STEP_SHARE = 0.5;

export const TimelineToolbar = ({ view, change, show, onShow, tag, onTag }: TimelineToolbarProps) => {
  const [isAsking, setAsking] = useState(false);
  const jobs = useQuery(jobsQuery()).data?.jobs ?? NO_JOBS;
  const zoomTo = (zoom: Zoom | undefined): void => {
    if (zoom !== undefined) change((before) => zoomedTo(before, zoom, middleOf(before)));
  };
  const pan = (share: number): void => change((before) => panned(before, share * before.zoom.spanMs, petitNow()));
  const follow = (): void => change(followed);
  useShortcut({ key: "+", what: "Timeline: zoom in", run: () => zoomTo(nextZoom(view.zoom, -1)) });
  useShortcut({ key: "-", what: "Timeline: zoom out", run: () => zoomTo(nextZoom(view.zoom, 1)) });
  useShortcut({ key: "[", what: "Timeline: earlier", run: () => pan(-STEP_SHARE), doesRepeat: true });
  useShortcut({ key: "]", what: "Timeline: later", run: () => pan(STEP_SHARE), doesRepeat: true });
  useShortcut({ key: "n", what: "Timeline: back to now", run: follow });
  return (
    <div className="time-tools">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset does not support this layout. */}
      <div className="time-zooms" role="group" aria-label="Time span">
        {ZOOMS.map((zoom) => (
          <Button key={zoom.name} aria-pressed={zoom.name === view.zoom.name} onClick={() => zoomTo(zoom)}>
            {zoom.label}
          </Button>
        ))}
        <Button aria-pressed={isPeriod(view)} aria-haspopup="dialog" onClick={() => setAsking(true)}>
          {view.period === undefined ? "Period…" : periodText(view.period)}
        </Button>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
      <div className="time-pans" role="group" aria-label="Move in time">
        <Button aria-label="Earlier" onClick={() => pan(-STEP_SHARE)}>
          ←
        </Button>
        <Button aria-pressed={view.from === null} onClick={follow}>
          Now
        </Button>
        <Button aria-label="Later" onClick={() => pan(STEP_SHARE)}>
          →
        </Button>
      </div>
      <TagChoice jobs={jobs} value={tag} onChange={onTag} />
      <Choice label="Show" options={SHOW_OPTIONS} value={show} onChange={onShow} />
      {isAsking && (
        <PeriodDialog
          period={view.period ?? { since: "", until: "" }}
          onChoose={(chosen) => change(() => chosen)}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
};

const NO_JOBS: readonly JobSummary[] = [];

const periodText = ({ since, until }: Period): string => `${since} – ${until === "" ? "now" : until}`;

const SHOW_OPTIONS = {
  "": "all jobs",
  failing: "failing jobs first",
  ran: "jobs with runs",
  trouble: "jobs with problems",
} as const;

const middleOf = (view: TimeView) => {
  const now = petitNow();
  return { time: startOf(view, now) + view.zoom.spanMs / 2, now };
};
