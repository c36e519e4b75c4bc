import { Status } from "../../ui/status/status.tsx";
import { barStyle } from "../../ui/status/status-fill.tsx";
import { barPaths } from "./row-shapes.ts";

const SHOWN = ["completed", "failed", "running", "cancelled", "interrupted"] as const;

const SCALE = { originMs: 0, pxPerMs: 1 };

/** Explains the shapes of the timeline. */
export const TimelineLegend = () => (
  <ul className="time-legend" aria-label="Legend">
    {SHOWN.map((status) => (
      <li key={status}>
        <svg aria-hidden="true" viewBox="0 0 20 28" className="time-legend-bar">
          {barPaths([{ ...SAMPLE, status }], SCALE, 19).map(({ path }) => (
            <path key={status} d={path} {...barStyle(status)} />
          ))}
        </svg>
        {status}
      </li>
    ))}
    <li>
      <Status of="skipped" />
    </li>
    <li>
      <Status of="missed" />
    </li>
    <li>
      <Status of="waiting" label="event waits" />
    </li>
    <li>
      <span className="time-legend-due" aria-hidden="true" /> upcoming
    </li>
    <li>slim: several runs</li>
    <li>
      <svg aria-hidden="true" viewBox="0 0 20 28" className="time-legend-bar">
        {barPaths([SOME_FAILED], SCALE, 19).map(({ status, path }) => (
          <path key={status} d={path} {...barStyle(status)} />
        ))}
      </svg>
      share that failed
    </li>
  </ul>
);

const SAMPLE = {
  run_id: "",
  trigger: "manual",
  started_at: 1,
  ended_at: 19,
  count: 1,
  failures: 1,
  successes: 0,
} as const;

const SOME_FAILED = { ...SAMPLE, status: "failed", count: 4, successes: 3 } as const;
