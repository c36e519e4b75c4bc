import { inboxTrigger } from "./inbox.ts";
import { HOOK_TRIGGERS } from "./webhooks.ts";

/**
 * Returns jobs whose tasks record what they do in the file `did` of `dir`: lines `start RUN TASK ATTEMPT`, `end …` before they exit
 * with 0, and `beside …` if another process runs the same task at that moment. They print the lines `1` to `LINES`.
 */
export const tortureJobs = (dir: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(jobs(dir)).map(([id, body]) => [`${id}.yaml`, jobFile(dir, id, body)]));

/** The number of lines that every completed attempt has printed. */
export const LINES = 5;

/** The number of lines that the job `burst` prints before these, many more than are stored. */
const BURST = 200_000;

/** The periods of the jobs in seconds. A job is due at multiples of its period. */
export const PERIODS = {
  tick: 1,
  chain: 2,
  queue: 2,
  replace: 3,
  skip: 1,
  flaky: 2,
  rerun: 2,
  stubborn: 5,
  one: 2,
  other: 3,
  items: 3,
  parent: 4,
} as const;

/** The queue of the jobs `one` and `other`, which lets one run run. */
export const QUEUE = "shared";

const jobs = (dir: string): Record<string, string> => ({
  tick: `schedule: "* * * * * *"
tasks:
  - ${task("only", "0.05")}`,
  chain: `schedule: "*/2 * * * * *"
tasks:
  - ${task("a", "0.15", { writesOutput: true })}
  - ${task("b", "0.15", { after: "a" })}
  - ${task("c", "0.15", { after: "b" })}
  - ${task("tidy", "0.05", { after: "c", condition: "all_done" })}`,
  queue: `schedule: {cron: "*/2 * * * * *", catchup: all, catchup_window: 20s}
max_concurrency: 1
on_overlap: queue
tasks:
  - ${task("only", "0.5")}`,
  replace: `schedule: "*/3 * * * * *"
max_concurrency: 1
on_overlap: replace
kill_grace: 200ms
tasks:
  - ${task("only", "4")}
  - ${task("tidy", "0.05", { after: "only", condition: "all_done" })}`,
  skip: `schedule: "@every 1s"
max_concurrency: 1
tasks:
  - ${task("only", "1.4")}`,
  flaky: `schedule: "*/2 * * * * *"
tasks:
  - ${task("only", "0.1", { exit: "[ $(($$ % 3)) = 0 ] || exit $(($$ % 2 * 74 + 1))", retry: true })}
  - ${task("alarm", "0.05", { after: "only", condition: "on_failure" })}`,
  rerun: `schedule: "*/2 * * * * *"
on_interrupt: rerun
tasks:
  - ${task("only", "0.8")}`,
  stubborn: `schedule: {cron: "*/5 * * * * *", jitter: 1s}
kill_grace: 300ms
tasks:
  - ${task("only", "30", { before: "trap '' TERM", timeout: "1s" })}`,
  one: `schedule: "*/2 * * * * *"
queue: ${QUEUE}
tasks:
  - ${task("only", "0.3", { before: ALONE })}`,
  other: `schedule: "*/3 * * * * *"
queue: ${QUEUE}
priority: 1
tasks:
  - {id: ask, type: approval, timeout: 300ms, on_timeout: approve}
  - ${task("only", "0.2", { after: "ask", before: ALONE })}`,
  items: `schedule: "*/3 * * * * *"
tasks:
  - ${task("each", "0.1", { isForEach: true })}
  - ${task("join", "0.05", { after: "each" })}`,
  parent: `schedule: "*/4 * * * * *"
tasks:
  - {id: call, type: job, job: child, foreach: [1, 2]}
  - ${task("end", "0.05", { after: "call" })}`,
  child: `max_concurrency: 1
tasks:
  - ${task("only", "0.1")}`,
  burst: `tasks:
  - ${task("burst", "0.4", { before: `seq 1 ${BURST}` })}`,
  hook: `${HOOK_TRIGGERS.hook}
tasks:
  - ${task("only", "0.1")}`,
  bundle: `${HOOK_TRIGGERS.bundle}
tasks:
  - ${task("only", "0.05")}`,
  after_hook: `${HOOK_TRIGGERS.after_hook}
tasks:
  - ${task("only", "0.05")}`,
  inbox: `${inboxTrigger(dir)}
max_concurrency: 3
tasks:
  - ${task("only", "0.05")}`,
  manual: `params: {n: {default: "0"}}
tasks:
  - ${task("left", "0.3")}
  - ${task("right", "0.2")}
  - ${task("both", "0.05", { after: "left, right" })}`,
});

type TaskOptions = {
  readonly after?: string;
  readonly condition?: string;
  readonly timeout?: string;
  readonly retry?: boolean;
  /** True if the task runs for each of three items. */
  readonly isForEach?: boolean;
  /** True if the task writes an output. */
  readonly writesOutput?: boolean;
  /** Shell code before and after the common code. */
  readonly before?: string;
  readonly exit?: string;
};

const task = (id: string, seconds: string, options: TaskOptions = {}): string => {
  const fields = [
    `id: ${id}`,
    "type: shell",
    `depends_on: [${options.after ?? ""}]`,
    ...(options.condition === undefined ? [] : [`condition: ${options.condition}`]),
    ...(options.timeout === undefined ? [] : [`timeout: ${options.timeout}`]),
    ...(options.isForEach ? ["foreach: {range: [1, 3]}"] : []),
    ...(options.retry ? ["retry: {max_attempts: 2, delay: 300ms}"] : []),
    `script: ${JSON.stringify(script(seconds, options))}`,
  ];
  return fields.join("\n    ");
};

/** Records another process that has a place in the queue at this moment. */
const ALONE = `place="$DID/place"
if [ -e "$place" ]; then
  case "$(cut -d' ' -f3 "/proc/$(cat "$place")/stat" 2>/dev/null)" in
    ''|Z|X) ;;
    *) echo "crowded $PETIT_RUN_ID $PETIT_TASK_ID $PETIT_ATTEMPT" >> "$DID/did" ;;
  esac
fi
echo $$ > "$place"`;

const script = (seconds: string, { before = "", writesOutput = false, exit = "" }: TaskOptions): string => `${before}
me="$PETIT_RUN_ID $PETIT_TASK_ID\${PETIT_ITEM_INDEX:+/$PETIT_ITEM_INDEX}"
lock="$DID/lock-$PETIT_RUN_ID-$PETIT_TASK_ID-$PETIT_ITEM_INDEX"
if [ -e "$lock" ]; then
  case "$(cut -d' ' -f3 "/proc/$(cat "$lock")/stat" 2>/dev/null)" in
    ''|Z|X) ;;
    *) echo "beside $me $PETIT_ATTEMPT" >> "$DID/did" ;;
  esac
fi
echo $$ > "$lock"
echo "start $me $PETIT_ATTEMPT" >> "$DID/did"
for line in 1 2 3; do echo $line; done
sleep ${seconds}
for line in 4 5; do echo $line; done
${writesOutput ? 'echo "told=$PETIT_RUN_ID" >> "$PETIT_OUTPUT"' : ""}
${exit}
echo "end $me $PETIT_ATTEMPT" >> "$DID/did"`;

/** The tasks do not use petit's fake clock. */
const jobFile = (dir: string, id: string, body: string): string =>
  `id: ${id}
inherit_environment: false
environment: {PATH: /usr/bin:/bin, DID: ${JSON.stringify(dir)}}
${body}
`;
