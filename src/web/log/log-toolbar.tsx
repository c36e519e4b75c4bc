import type { ReactNode } from "react";
import type { LogFilter } from "../data/lines.ts";
import { Button } from "../ui/button.tsx";
import { CopyLog, DownloadLog } from "./log-export.tsx";
import type { LogDisplay } from "./use-log-display.ts";

type LogToolbarProps = {
  readonly runId: string;
  readonly filter: LogFilter;
  readonly display: LogDisplay;
  readonly onTimes: () => void;
  readonly onWrap: () => void;
  readonly onStart: () => void;
  readonly onEnd: () => void;
  /** The buttons that go to errors. */
  readonly errors: ReactNode;
  /** The search. */
  readonly children: ReactNode;
};

export const LogToolbar = ({
  runId,
  filter,
  display,
  onTimes,
  onWrap,
  onStart,
  onEnd,
  errors,
  children,
}: LogToolbarProps) => (
  <div className="log-toolbar">
    {children}
    <div className="log-buttons">
      {errors}
      <Button kind="quiet" aria-pressed={display.hasTimes} onClick={onTimes}>
        Times
      </Button>
      <Button kind="quiet" aria-pressed={display.isWrapped} onClick={onWrap}>
        Wrap
      </Button>
      <Button kind="quiet" onClick={onStart}>
        Start
      </Button>
      <Button kind="quiet" onClick={onEnd}>
        End
      </Button>
      <CopyLog runId={runId} filter={filter} />
      <DownloadLog runId={runId} filter={filter} />
    </div>
  </div>
);
