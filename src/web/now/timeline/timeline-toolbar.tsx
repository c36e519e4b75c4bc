import { useShortcut } from "../../keyboard/shortcuts.ts";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { panned, startOf, type TimeView, ZOOMS, type Zoom, zoomedTo } from "./time-window.ts";

type TimelineToolbarProps = {
  readonly view: TimeView;
  readonly change: (change: (view: TimeView) => TimeView) => void;
  readonly show: string;
  readonly onShow: (show: string) => void;
};

/** Share of the view by which a button moves it. */
const STEP_SHARE = 0.5;

export const TimelineToolbar = ({ view, change, show, onShow }: TimelineToolbarProps) => {
  const zoomTo = (zoom: Zoom | undefined): void => {
    if (zoom !== undefined) change((before) => zoomedTo(before, zoom, middleOf(before)));
  };
  const pan = (share: number): void => change((before) => panned(before, share * before.zoom.spanMs, Date.now()));
  const follow = (): void => change(({ zoom }) => ({ zoom, from: null }));
  const level = ZOOMS.indexOf(view.zoom);
  useShortcut({ key: "+", what: "Timeline: zoom in", run: () => zoomTo(ZOOMS[level - 1]) });
  useShortcut({ key: "-", what: "Timeline: zoom out", run: () => zoomTo(ZOOMS[level + 1]) });
  useShortcut({ key: "[", what: "Timeline: earlier", run: () => pan(-STEP_SHARE), doesRepeat: true });
  useShortcut({ key: "]", what: "Timeline: later", run: () => pan(STEP_SHARE), doesRepeat: true });
  useShortcut({ key: "n", what: "Timeline: back to now", run: follow });
  return (
    <div className="time-tools">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset does not support this layout. */}
      <div className="time-zooms" role="group" aria-label="Time span">
        {ZOOMS.map((zoom) => (
          <Button key={zoom.name} aria-pressed={zoom === view.zoom} onClick={() => zoomTo(zoom)}>
            {zoom.label}
          </Button>
        ))}
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
      <Choice label="Show" options={SHOW_OPTIONS} value={show} onChange={onShow} />
    </div>
  );
};

const SHOW_OPTIONS = {
  "": "all jobs",
  failing: "failing jobs first",
  ran: "jobs with runs",
  trouble: "jobs with problems",
} as const;

const middleOf = (view: TimeView) => {
  const now = Date.now();
  return { time: startOf(view, now) + view.zoom.spanMs / 2, now };
};
