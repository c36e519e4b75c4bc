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

/** Of the view, for a press of a button. */
const STEP_SHARE = 0.5;

export const TimelineToolbar = ({ view, change, show, onShow }: TimelineToolbarProps) => {
  const zoomTo = (zoom: Zoom | undefined): void => {
    if (zoom !== undefined) change((before) => zoomedTo(before, zoom, middleOf(before)));
  };
  const pan = (share: number): void => change((before) => panned(before, share * before.zoom.spanMs, Date.now()));
  const follow = (): void => change(({ zoom }) => ({ zoom, from: null }));
  const at = ZOOMS.indexOf(view.zoom);
  useShortcut({ key: "+", what: "Time line: see less time", run: () => zoomTo(ZOOMS[at - 1]) });
  useShortcut({ key: "-", what: "Time line: see more time", run: () => zoomTo(ZOOMS[at + 1]) });
  useShortcut({ key: "[", what: "Time line: earlier", run: () => pan(-STEP_SHARE), doesRepeat: true });
  useShortcut({ key: "]", what: "Time line: later", run: () => pan(STEP_SHARE), doesRepeat: true });
  useShortcut({ key: "n", what: "Time line: back to the present", run: follow });
  return (
    <div className="time-tools">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset can't be laid out as freely. */}
      <div className="time-zooms" role="group" aria-label="How much time">
        {ZOOMS.map((zoom) => (
          <Button key={zoom.name} aria-pressed={zoom === view.zoom} onClick={() => zoomTo(zoom)}>
            {zoom.label}
          </Button>
        ))}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
      <div className="time-pans" role="group" aria-label="Which time">
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
      <Choice label="Show" options={SHOW_LABELS} value={show} onChange={onShow} />
    </div>
  );
};

const SHOW_LABELS = { "": "all jobs", ran: "those that ran", trouble: "those with trouble" } as const;

const middleOf = (view: TimeView) => {
  const now = Date.now();
  return { time: startOf(view, now) + view.zoom.spanMs / 2, now };
};
