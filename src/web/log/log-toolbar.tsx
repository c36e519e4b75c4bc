import type { ReactNode } from "react";
import { Button } from "../ui/button.tsx";
import type { LogFilter } from "./book/line.ts";
import { CopyLog, DownloadLog } from "./log-export.tsx";
import type { LogLook } from "./use-log-look.ts";

type ToolbarProps = {
  readonly runId: string;
  readonly filter: LogFilter;
  readonly look: LogLook;
  readonly onToggle: (name: keyof LogLook) => void;
  readonly onStart: () => void;
  readonly onEnd: () => void;
  /** The search. */
  readonly children: ReactNode;
};

export const LogToolbar = ({ runId, filter, look, onToggle, onStart, onEnd, children }: ToolbarProps) => (
  <div className="log-toolbar">
    {children}
    <div className="log-buttons">
      <Button kind="quiet" aria-pressed={look.hasTimes} onClick={() => onToggle("hasTimes")}>
        Times
      </Button>
      <Button kind="quiet" aria-pressed={look.isWrapped} onClick={() => onToggle("isWrapped")}>
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
