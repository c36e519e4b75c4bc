import type { ReactNode } from "react";
import type { LogFilter } from "../data/lines.ts";
import { Button } from "../ui/button.tsx";
import { CopyLog, DownloadLog } from "./log-export.tsx";
import type { LogDisplay } from "./use-log-display.ts";

type LogToolbarProps = {
  readonly runId: string;
  readonly filter: LogFilter;
  readonly display: LogDisplay;
  readonly onToggle: (name: keyof LogDisplay) => void;
  readonly onStart: () => void;
  readonly onEnd: () => void;
  /** The search. */
  readonly children: ReactNode;
};

export const LogToolbar = ({ runId, filter, display, onToggle, onStart, onEnd, children }: LogToolbarProps) => (
  <div className="log-toolbar">
    {children}
    <div className="log-buttons">
      <Button kind="quiet" aria-pressed={display.hasTimes} onClick={() => onToggle("hasTimes")}>
        Times
      </Button>
      <Button kind="quiet" aria-pressed={display.isWrapped} onClick={() => onToggle("isWrapped")}>
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
