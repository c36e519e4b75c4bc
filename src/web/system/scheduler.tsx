import { useQuery } from "@tanstack/react-query";
import { activeTexts } from "../../domain/words/waiting-for.ts";
import { usePause } from "../data/actions.ts";
import { schedulerQuery } from "../data/queries.ts";
import type { SystemData } from "../data/shapes.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { type AnyStatus, StatusIcon, statusStyle } from "../ui/status/status.tsx";
import { PausedSince } from "../ui/time/paused-since.tsx";

type SchedulerStateName = SystemData["scheduler"]["state"];

const STATE_TEXT = {
  running: { title: "The scheduler is running", like: "completed", text: "Occurrences fire when they are due." },
  paused: {
    title: "The scheduler is paused",
    like: "missed",
    text: "Occurrences are skipped, also after a restart. Manual triggers work, and running runs continue.",
  },
  stopped: { title: "The scheduler is stopped", like: "pending", text: "petit is starting or stopping." },
} as const satisfies Record<
  SchedulerStateName,
  { readonly title: string; readonly like: AnyStatus; readonly text: string }
>;

export const Scheduler = ({ system: { scheduler, runs } }: { readonly system: SystemData }) => {
  // The scheduler query is updated by events, so it is newer.
  const { state, paused_at, paused_by } = useQuery(schedulerQuery()).data ?? scheduler;
  const { title, like, text } = STATE_TEXT[state];
  const active = activeTexts(runs);
  return (
    <section className="card" style={statusStyle(like)}>
      <h2>
        <StatusIcon of={like} /> {title}
      </h2>
      {state === "paused" && (
        <p>
          Paused
          <PausedSince at={paused_at} by={paused_by} />.
        </p>
      )}
      <p>{text}</p>
      <p className="muted">{active.length === 0 ? "No runs are running" : `Runs: ${active.join(", ")}`}.</p>
      {state !== "stopped" && <PauseButton isPaused={state === "paused"} />}
    </section>
  );
};

const PauseButton = ({ isPaused }: { readonly isPaused: boolean }) => {
  const pause = usePause();
  return (
    <ActionButton
      needs="admin"
      isOnce
      kind={isPaused ? "primary" : "plain"}
      isBusy={pause.isPending}
      onClick={() => pause.mutate(!isPaused)}
    >
      {isPaused ? "Resume" : "Pause"}
      <span className="visually-hidden"> the scheduler</span>
    </ActionButton>
  );
};
