import { t } from "elysia";
import type { Engine } from "../../engine/engine.ts";
import type { Problem } from "../../jobfile/problem.ts";
import { ActorOrNull, exactly, instantOrNull, integer, word } from "./schemas.ts";

export const SchedulerBody = exactly(
  {
    state: word(
      ["running", "paused", "stopped"],
      "`paused`: no occurrence fires, manual triggers work; `stopped`: petit is starting or stopping",
    ),
    is_running: t.Boolean({ description: "True if the state is `running`" }),
    is_paused: t.Boolean({ description: "True if the state is `paused`" }),
    paused_at: instantOrNull("When it was paused; null if it is not, or if an older version paused it"),
    paused_by: ActorOrNull,
  },
  {
    title: "SchedulerState",
    description: "State of the scheduler",
    examples: [{ state: "running", is_running: true, is_paused: false, paused_at: null, paused_by: null }],
  },
);

export const schedulerBody = ({
  state,
  schedulerPause: pause,
}: Pick<Engine, "state" | "schedulerPause">): typeof SchedulerBody.static => ({
  state,
  is_running: state === "running",
  is_paused: state === "paused",
  paused_at: pause === null || pause.at === 0 ? null : pause.at,
  paused_by: pause?.by ?? null,
});

export const ProblemBody = exactly(
  {
    file: t.String({ description: "Path relative to JOBS_DIR; `.` for the folder, or the commit, as a whole" }),
    line: integer({ minimum: 1, description: "Line, from 1" }),
    column: integer({ minimum: 1, description: "Column, from 1" }),
    path: t.String({ description: "Path of the field; empty for the file as a whole" }),
    message: t.String({ description: "What is wrong, and what was expected" }),
  },
  { title: "Problem", description: "A problem in a job file" },
);

export const problemBody = ({ file, line, column, path, message }: Problem): typeof ProblemBody.static => ({
  file,
  line,
  column,
  path,
  message,
});
