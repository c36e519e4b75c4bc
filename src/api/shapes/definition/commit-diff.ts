import { t } from "elysia";
import type { CommitInfo, CommitPreview } from "../../../domain/versions/repository.ts";
import type { JobsDiff } from "../../comparison/commit-diff.ts";
import { ProblemBody, problemBody } from "../scheduler.ts";
import { exactly, instant, nullable } from "../schemas.ts";
import { CommitBody, commitOf } from "./repository.ts";
import { ScheduleMoveOrNull, scheduleMoveBody } from "./schedule-move.ts";
import { ChangeBody } from "./version.ts";

const next = t.Array(instant("When it is due"), { description: "Its next occurrences, at most 5" });

const fields = {
  id: t.String({ description: "Id of the job" }),
  file: t.String({ description: "Path of its file within the folder of the job files" }),
};

const ListedJobBody = exactly({ ...fields, next }, { title: "ListedJob", description: "A job that only one side has" });

const ChangedJobBody = exactly(
  {
    ...fields,
    former_id: nullable(t.String(), "The id that the job has now, if the commit changes it; otherwise null"),
    changes: t.Array(ChangeBody, { description: "The fields that differ" }),
    next: nullable(
      exactly({ before: next, after: next }),
      "The next occurrences, if the schedule differs; otherwise null",
    ),
    move: ScheduleMoveOrNull,
  },
  { title: "ChangedJob", description: "A job that a commit changes" },
);

const lists = {
  added: t.Array(ListedJobBody, { description: "By id" }),
  removed: t.Array(ListedJobBody, { description: "By id" }),
  changed: t.Array(ChangedJobBody, { description: "By id" }),
};

const timezoneText = t.String({ description: "The time zone of schedules that name none" });

export const DraftDiffBody = exactly(
  { timezone: timezoneText, ...lists },
  {
    title: "JobFileDiff",
    description:
      "What a save of a text would change of the jobs that run: also jobs of other files that have changed since they were read, because it reads all files",
  },
);

export const JobsDiffBody = exactly(
  {
    commit: CommitBody,
    in_use: nullable(CommitBody, "The commit that it is compared with; null if none is in use"),
    timezone: timezoneText,
    problems: t.Array(ProblemBody, { description: "Why petit does not take the commit; empty if nothing is wrong" }),
    ...lists,
  },
  { title: "JobsDiff", description: "What a commit would change of the jobs that run" },
);

type JobsDiffParts = {
  readonly preview: CommitPreview;
  readonly inUse: CommitInfo | null;
  readonly timezone: string;
  readonly diff: JobsDiff;
};

export const jobsDiffBody = ({ preview, inUse, timezone, diff }: JobsDiffParts): typeof JobsDiffBody.static => ({
  commit: commitOf(preview.commit),
  in_use: inUse === null ? null : commitOf(inUse),
  timezone,
  problems: preview.problems.map(problemBody),
  ...listedJobs(diff),
});

/** Encodes the jobs that differ. */
export const listedJobs = (diff: JobsDiff): Omit<typeof DraftDiffBody.static, "timezone"> => ({
  added: diff.added.map(listedBody),
  removed: diff.removed.map(listedBody),
  changed: diff.changed.map(({ id, file, formerId, changes, next: times, move }) => ({
    id,
    file,
    former_id: formerId,
    changes: changes.map(({ path, kind, before, after, diff: lines }) => ({
      path,
      kind,
      before,
      after,
      diff: lines === null ? null : [...lines],
    })),
    next: times === null ? null : { before: [...times.before], after: [...times.after] },
    move: scheduleMoveBody(move),
  })),
});

const listedBody = ({ id, file, next: times }: JobsDiff["added"][number]): typeof ListedJobBody.static => ({
  id,
  file,
  next: [...times],
});
