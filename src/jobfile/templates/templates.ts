import backup from "./backup.yaml" with { type: "text" };
import newFiles from "./new-files.yaml" with { type: "text" };
import scheduledCommand from "./scheduled-command.yaml" with { type: "text" };
import taskGraph from "./task-graph.yaml" with { type: "text" };
import webhook from "./webhook.yaml" with { type: "text" };

/** A valid job file that a new one can begin with. */
type Template = { readonly name: string; readonly description: string; readonly text: string };

/** Each shows another use, from the most common one on. */
export const TEMPLATES: readonly Template[] = [
  { name: "Scheduled command", description: "Runs a program at certain times.", text: scheduledCommand },
  {
    name: "Backup",
    description: "Runs a script each night, retries it, and tells somebody if it fails.",
    text: backup,
  },
  { name: "Task graph", description: "Runs several tasks, each after those that it depends on.", text: taskGraph },
  { name: "Webhook", description: "Runs when another system sends a signed request.", text: webhook },
  { name: "New files", description: "Runs for each new file of a folder.", text: newFiles },
];
