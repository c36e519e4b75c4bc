import { type Container, type Job, type Program, secretsOfTask, type Task } from "../job.ts";
import type { Run } from "../run.ts";

/** The features that a worker knows whose hello lists none: those of the first version of petit. Never add one here. */
const FIRST_FEATURES = ["artifacts", "container", "http", "secrets", "skip_exit_codes", "ssh"] as const;

/** What a task can use that a worker of another version may not know. A task that uses nothing of it runs on every worker. */
export const FEATURES = [...FIRST_FEATURES, "event", "interval", "leftovers", "limits", "run_as"] as const;
type Feature = (typeof FEATURES)[number];

/** The feature that a task uses if it has a field; null if the field changes nothing for a worker, or if all workers know it. */
type FeatureOf<Fields extends PropertyKey> = { readonly [Field in Fields]: Feature | null };

const OF_JOB: FeatureOf<keyof Job> = {
  id: null,
  formerly: null,
  name: null,
  description: null,
  tags: null,
  links: null,
  enabled: null,
  schedule: null,
  triggers: null,
  maxConcurrency: null,
  onOverlap: null,
  queue: null,
  priority: null,
  timeoutMs: null,
  warnAfterMs: null,
  expect: null,
  killGraceMs: null,
  onInterrupt: null,
  dependsOn: null,
  config: null,
  params: null,
  outputs: null,
  environment: null,
  inheritEnvironment: null,
  retention: null,
  notify: null,
  hasDefaultNotify: null,
  tasks: null,
  source: null,
};

const OF_TASK: FeatureOf<keyof Task> = {
  id: null,
  name: null,
  dependsOn: null,
  condition: null,
  program: null,
  args: null,
  workingDir: null,
  stdin: null,
  environment: null,
  timeoutMs: null,
  retry: null,
  container: "container",
  items: null,
  if: null,
  allowFailure: null,
  skipExitCodes: "skip_exit_codes",
  artifacts: "artifacts",
  runsOn: null,
  limits: "limits",
  runAs: "run_as",
  leftovers: "leftovers",
};

const OF_CONTAINER: FeatureOf<keyof Container> = {
  image: null,
  engine: null,
  volumes: null,
  user: null,
  network: null,
  pull: null,
  memory: null,
  cpus: null,
  entrypoint: null,
};

type FieldsOf<Each> = Each extends unknown ? keyof Each : never;

/** `type` is the feature of the type itself. */
const OF_PROGRAM: {
  readonly [Type in Program["type"]]: FeatureOf<FieldsOf<Extract<Program, { readonly type: Type }>>>;
} = {
  command: { type: null, command: null },
  shell: { type: null, script: null, shell: null },
  python: { type: null, inline: null, text: null, file: null },
  typescript: { type: null, inline: null, text: null, file: null },
  http: {
    type: "http",
    url: null,
    method: null,
    headers: null,
    body: null,
    statuses: null,
    outputs: null,
    caFile: null,
  },
  ssh: {
    type: "ssh",
    host: null,
    user: null,
    port: null,
    identityFile: null,
    knownHosts: null,
    jump: null,
    script: null,
  },
  // They have no process, so that no worker runs them.
  approval: { type: null, prompt: null, onTimeout: null },
  job: { type: null, jobId: null, params: null, wait: null },
};

/** Returns the features that an attempt of a task in a run needs of its worker, sorted. */
export const featuresOf = (
  job: Job,
  task: Task,
  { deliveryId, scheduledFor }: Pick<Run, "deliveryId" | "scheduledFor">,
): readonly Feature[] => {
  const { program, container } = task;
  const used: readonly (Feature | null)[] = [
    ...usedOf(job, OF_JOB),
    ...usedOf(task, OF_TASK),
    ...usedOf(program, OF_PROGRAM[program.type]),
    ...(container === undefined ? [] : usedOf(container, OF_CONTAINER)),
    secretsOfTask(job, task).length > 0 ? "secrets" : null,
    deliveryId === null ? null : "event",
    scheduledFor !== null && namesInterval(job, task) ? "interval" : null,
  ];
  return [...new Set(used)].filter((feature) => feature !== null).sort();
};

/** Returns whether a task names the interval of its run, in a template or as a variable. */
const namesInterval = ({ environment }: Job, task: Task): boolean =>
  /interval_(?:start|end)/i.test(JSON.stringify([environment, task]));

const usedOf = (value: object, features: { readonly [field: string]: Feature | null }): readonly (Feature | null)[] =>
  Object.entries(value).map(([field, each]) => (isGiven(each) ? (features[field] ?? null) : null));

/** Returns whether the value of a field is another one than that of a job file without it. */
const isGiven = (value: unknown): boolean => {
  if (value === undefined || value === null || value === false) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
};

/** What a hello says about the features of its worker. */
type WithFeatures = { readonly features?: readonly string[] | undefined };

/** Returns the features that a worker lacks of those that a task uses. */
export const lackingFeatures = (
  { features = FIRST_FEATURES }: WithFeatures,
  used: readonly string[],
): readonly string[] => used.filter((feature) => !features.includes(feature));
