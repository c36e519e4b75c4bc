/** What each attempt of a task prints and leaves, which its end is checked against. */
export type TaskPlan = {
  /** The numbered lines that it prints to stdout, half of them at its start. */
  readonly lines: number;
  /** The numbered lines of its artifact; 0 if it has none. */
  readonly artifactLines: number;
};

type TaskOptions = Partial<TaskPlan> & {
  readonly seconds: string;
  /** Fields of the task, apart from `id`, `type` and `script`. */
  readonly fields?: readonly string[];
  /** Shell code before and after the common code. */
  readonly before?: string;
  readonly exit?: string;
};

const SHORT_LINES = 20;
const BURST_LINES = 20_000;
const ARTIFACT_LINES = 4_000;

/** The text of line `index`, from 1, which an attempt prints, or writes to its artifact. */
export const lineOf = (attempt: string, index: number): string => `${index} ${attempt}`;

/** The jobs, by id, with the fields of the job and its tasks. */
const jobsFor = (lostAfterMs: number): Record<string, { fields?: string[]; tasks: Record<string, TaskOptions> }> => {
  const long = ((lostAfterMs * 1.3) / 1_000).toFixed(1);
  return {
    short: { fields: ["runs_on: [a]"], tasks: { only: { seconds: "0.1" } } },
    tick: { fields: ['schedule: "*/2 * * * * *"', "runs_on: b"], tasks: { only: { seconds: "0.2" } } },
    rerun: { fields: ["runs_on: [a, b]", "on_interrupt: rerun"], tasks: { only: { seconds: "1.5" } } },
    flaky: {
      fields: ["runs_on: [a]"],
      tasks: {
        only: {
          seconds: "0.1",
          fields: ["retry: {max_attempts: 2, delay: 200ms}"],
          exit: "[ $(($$ % 3)) = 0 ] || exit $(($$ % 2 * 74 + 1))",
        },
      },
    },
    stubborn: {
      fields: ["runs_on: [c]", "kill_grace: 300ms"],
      tasks: { only: { seconds: "30", before: "trap '' TERM", fields: ["timeout: 1s"] } },
    },
    items: {
      fields: ["runs_on: [a]", "on_interrupt: rerun"],
      tasks: {
        each: {
          seconds: "0.3",
          artifactLines: ARTIFACT_LINES,
          fields: ["foreach: {range: [1, 4]}", "max_parallel: 3"],
        },
      },
    },
    parent: {
      tasks: { call: { seconds: "", fields: ["type: job", "job: child", "foreach: [1, 2]"] } },
    },
    child: { fields: ["runs_on: b"], tasks: { only: { seconds: "0.2" } } },
    mixed: {
      tasks: {
        first: { seconds: "0.05" },
        away: { seconds: "0.3", artifactLines: 100, fields: ["runs_on: c", "depends_on: [first]"] },
        last: {
          seconds: "0.05",
          fields: ["depends_on: [away]", `environment: {TOLD: "\${{ tasks.away.outputs.told }}"}`],
          before: `[ "$TOLD" = "$PETIT_RUN_ID" ] || exit ${WRONG_OUTPUT}`,
        },
      },
    },
    burst: { fields: ["runs_on: [b]"], tasks: { only: { seconds: "0.4", lines: BURST_LINES } } },
    long: { fields: ["runs_on: [a]"], tasks: { only: { seconds: long } } },
    long_rerun: { fields: ["runs_on: [a]", "on_interrupt: rerun"], tasks: { only: { seconds: long } } },
    bounded: { fields: ["runs_on: [a]", "timeout: 1500ms"], tasks: { only: { seconds: "5" } } },
  };
};

/** The exit status of a task that did not get the output of another one. */
export const WRONG_OUTPUT = 9;

/** Returns the text of each job file. Their tasks write into the folder `marks`, and have the machine's clock. */
export const workerJobs = (marks: string, lostAfterMs: number): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(jobsFor(lostAfterMs)).map(([id, { fields = [], tasks }]) => {
      const head = [`id: ${id}`, `environment: {MARKS: ${JSON.stringify(marks)}, LD_PRELOAD: ""}`, ...fields, "tasks:"];
      return [`${id}.yaml`, [...head, ...Object.entries(tasks).map(taskText), ""].join("\n")];
    }),
  );

/** Returns the plan of each task, by `JOB/TASK`. */
export const taskPlans = (): ReadonlyMap<string, TaskPlan> =>
  new Map(
    Object.entries(jobsFor(0)).flatMap(([job, { tasks }]) =>
      Object.entries(tasks).map(([task, { lines = SHORT_LINES, artifactLines = 0 }]): [string, TaskPlan] => [
        `${job}/${task}`,
        { lines, artifactLines },
      ]),
    ),
  );

const taskText = ([id, options]: readonly [string, TaskOptions]): string => {
  const { fields = [] } = options;
  const isShell = !fields.includes("type: job");
  const lines = [
    `id: ${id}`,
    ...fields,
    ...(isShell ? ["type: shell", `script: ${JSON.stringify(script(options))}`] : []),
  ];
  return `  - ${lines.join("\n    ")}`;
};

/**
 * Each attempt makes a file with O_EXCL, whose name identifies it, and writes into it when it begins and ends, in seconds since boot.
 * `twice` means that the file existed, and makes another one; `concurrent`, that another process runs the same task at that moment.
 */
const script = ({ seconds, lines = SHORT_LINES, artifactLines = 0, before = "", exit = "" }: TaskOptions): string => `
task="$PETIT_RUN_ID $PETIT_TASK_ID \${PETIT_ITEM_INDEX:--}"
me="$task $PETIT_ATTEMPT"
mark="$MARKS/$PETIT_RUN_ID,$PETIT_TASK_ID,\${PETIT_ITEM_INDEX:--},$PETIT_ATTEMPT"
lock="$MARKS/lock,$PETIT_RUN_ID,$PETIT_TASK_ID,\${PETIT_ITEM_INDEX:--}"
started() { set -- $(cat "/proc/$1/stat" 2>/dev/null); case "$3" in ''|Z|X) ;; *) shift 21; echo "$1" ;; esac; }
now() { read -r now rest </proc/uptime; }
now
if ! ( set -C; echo "begin $now $$ $MACHINE" > "$mark" ) 2>/dev/null; then
  echo "twice $now $me $MACHINE" >> "$MARKS/faults"
  mark="$mark,$$"
  echo "begin $now $$ $MACHINE" > "$mark"
fi
if [ -e "$lock" ]; then
  read -r pid start other <"$lock"
  if [ -n "$start" ] && [ "$(started "$pid")" = "$start" ]; then
    echo "concurrent $now $me $MACHINE, $other" >> "$MARKS/faults"
  fi
fi
echo "$$ $(started $$) $MACHINE $PETIT_ATTEMPT" > "$lock"
${before}
seq -f "%.0f $me" 1 ${lines / 2}
${artifactLines === 0 ? "" : `seq -f "%.0f $me" 1 ${artifactLines} > "$PETIT_ARTIFACTS/data.txt"`}
sleep ${seconds}
seq -f "%.0f $me" ${lines / 2 + 1} ${lines}
echo "told=$PETIT_RUN_ID" >> "$PETIT_OUTPUT"
${exit}
now
echo "end $now" >> "$mark"
`;
