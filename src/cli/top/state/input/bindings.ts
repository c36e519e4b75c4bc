import type { KeyPress } from "../message.ts";
import { activeList, type ListId, PANELS, type TopState } from "../state.ts";

/** What a key does. */
export type KeyCommand =
  | "quit"
  | "help"
  | "filter"
  | "back"
  | "open"
  | "up"
  | "down"
  | "page-up"
  | "page-down"
  | "first"
  | "last"
  | "next-panel"
  | "previous-panel"
  | "panel-1"
  | "panel-2"
  | "panel-3"
  | "panel-4"
  | "panel-5"
  | "logs"
  | "job"
  | "trigger"
  | "cancel"
  | "retry"
  | "approve"
  | "reject"
  | "acknowledge"
  | "handled"
  | "items"
  | "pause"
  | "pause-all"
  | "reload"
  | "sort"
  | "stderr"
  | "wrap"
  | "follow"
  | "suspend";

export type Binding = {
  readonly command: KeyCommand;
  readonly keys: readonly KeyPress[];
  /** How the help writes the keys. Empty if another binding names them. */
  readonly shown: string;
  readonly text: string;
  /** A word for the last line of the screen; without one, only the help names the key. */
  readonly hint?: string;
  /** The lists in which the key works. [default: all] */
  readonly lists?: readonly ListId[];
};

const OVERVIEW: readonly ListId[] = PANELS;
const WITH_JOB: readonly ListId[] = ["attention", "jobs", "runs", "coming", "job-runs", "tasks", "log"];
const WITH_RUN: readonly ListId[] = ["attention", "jobs", "runs", "job-runs", "tasks", "log"];

/** All keys, in the order of the help. */
const BINDINGS: readonly Binding[] = [
  {
    command: "open",
    keys: ["enter", "right"],
    shown: "Enter →",
    text: "Open the selected item",
    hint: "open",
    lists: [...OVERVIEW, "job-runs", "tasks"],
  },
  {
    command: "back",
    keys: ["escape", "left"],
    shown: "Esc ←",
    text: "Go back; first removes the filter",
    hint: "back",
  },
  {
    command: "approve",
    keys: ["a"],
    shown: "a",
    text: "Approve the task that waits; asks for a comment",
    hint: "approve",
    lists: ["attention", "tasks", "log"],
  },
  {
    command: "reject",
    keys: ["x"],
    shown: "x",
    text: "Reject the task that waits; asks for a comment",
    hint: "reject",
    lists: ["attention", "tasks", "log"],
  },
  {
    command: "acknowledge",
    keys: ["z"],
    shown: "z",
    text: "Acknowledge or snooze what needs attention, or take that back",
    lists: ["attention"],
  },
  {
    command: "handled",
    keys: ["A"],
    shown: "A",
    text: "List what is acknowledged or snoozed, too, or fold it",
    lists: ["attention"],
  },
  {
    command: "logs",
    keys: ["l"],
    shown: "l",
    text: "Show the log of the run or task",
    hint: "log",
    lists: WITH_RUN.filter((list) => list !== "log"),
  },
  {
    command: "trigger",
    keys: ["t"],
    shown: "t",
    text: "Run the job now; asks for its params and for confirmation",
    hint: "trigger",
    lists: WITH_JOB,
  },
  {
    command: "retry",
    keys: ["r"],
    shown: "r",
    text: "Retry the run or the task; asks for confirmation",
    hint: "retry",
    lists: WITH_RUN,
  },
  {
    command: "cancel",
    keys: ["c"],
    shown: "c",
    text: "Cancel the run; asks for confirmation",
    hint: "cancel",
    lists: WITH_RUN,
  },
  {
    command: "items",
    keys: ["i"],
    shown: "i",
    text: "List the items of the task, or hide them",
    hint: "items",
    lists: ["tasks"],
  },
  {
    command: "job",
    keys: ["J"],
    shown: "J",
    text: "Show the job of the run, with its history",
    lists: WITH_JOB.filter((list) => list !== "job-runs"),
  },
  {
    command: "follow",
    keys: ["f"],
    shown: "f",
    text: "Follow the newest lines, or stop following",
    hint: "follow",
    lists: ["log"],
  },
  {
    command: "wrap",
    keys: ["w"],
    shown: "w",
    text: "Continue long lines in the next row, or cut them",
    lists: ["tasks", "log"],
  },
  {
    command: "stderr",
    keys: ["e"],
    shown: "e",
    text: "Show only stderr, or both streams",
    hint: "stderr",
    lists: ["tasks", "log"],
  },
  {
    command: "sort",
    keys: ["s"],
    shown: "s",
    text: "Sort jobs by name, by status or by next occurrence",
    hint: "sort",
    lists: ["jobs"],
  },
  {
    command: "pause",
    keys: ["p"],
    shown: "p",
    text: "Pause or resume the schedule of the job; asks for confirmation",
    lists: WITH_JOB,
  },
  {
    command: "pause-all",
    keys: ["P"],
    shown: "P",
    text: "Pause or resume all schedules; asks for confirmation",
  },
  { command: "reload", keys: ["R"], shown: "R", text: "Read the job files again; asks for confirmation" },
  {
    command: "filter",
    keys: ["/"],
    shown: "/",
    text: "Filter the list or the log; Esc removes the filter",
    hint: "filter",
  },
  { command: "next-panel", keys: ["tab"], shown: "Tab", text: "Go to the next panel", lists: OVERVIEW },
  {
    command: "previous-panel",
    keys: ["shift-tab"],
    shown: "Shift-Tab",
    text: "Go to the previous panel",
    lists: OVERVIEW,
  },
  {
    command: "panel-1",
    keys: ["1"],
    shown: "1 2 3 4 5",
    text: "Go to a panel: attention, jobs, runs, coming, workers",
    lists: OVERVIEW,
  },
  { command: "panel-2", keys: ["2"], shown: "", text: "", lists: OVERVIEW },
  { command: "panel-3", keys: ["3"], shown: "", text: "", lists: OVERVIEW },
  { command: "panel-4", keys: ["4"], shown: "", text: "", lists: OVERVIEW },
  { command: "panel-5", keys: ["5"], shown: "", text: "", lists: OVERVIEW },
  { command: "up", keys: ["up", "k"], shown: "↑ k", text: "Move up" },
  { command: "down", keys: ["down", "j"], shown: "↓ j", text: "Move down" },
  { command: "page-up", keys: ["page-up", "ctrl-b", "ctrl-u"], shown: "PgUp Ctrl-B", text: "Move up by a page" },
  {
    command: "page-down",
    keys: ["page-down", "ctrl-f", "ctrl-d", " "],
    shown: "PgDn Ctrl-F",
    text: "Move down by a page",
  },
  {
    command: "first",
    keys: ["home", "g"],
    shown: "Home g",
    text: "Go to the first item; in a log, to the oldest line in memory",
  },
  { command: "last", keys: ["end", "G"], shown: "End G", text: "Go to the last item; in a log, to the newest line" },
  { command: "help", keys: ["?"], shown: "?", text: "Show the keys; typing searches them", hint: "help" },
  { command: "suspend", keys: ["ctrl-z"], shown: "Ctrl-Z", text: "Stop until the shell's fg continues it" },
  { command: "quit", keys: ["q", "ctrl-c"], shown: "q Ctrl-C", text: "Quit", hint: "quit" },
];

/** Returns what a key does in the active list; null if nothing. */
export const commandFor = (state: TopState, key: KeyPress): KeyCommand | null =>
  bindingsFor(state).find(({ keys }) => keys.includes(key))?.command ?? null;

/** Returns the keys that work in the active list. */
export const bindingsFor = (state: TopState): readonly Binding[] => {
  const list = activeList(state);
  return BINDINGS.filter(({ lists }) => lists === undefined || lists.includes(list));
};

/** Returns the keys that contain a text, for the help. */
export const searchBindings = (search: string): readonly Binding[] => {
  const wanted = search.toLowerCase();
  return BINDINGS.filter(({ shown }) => shown !== "").filter(({ shown, text }) =>
    `${shown} ${text}`.toLowerCase().includes(wanted),
  );
};
