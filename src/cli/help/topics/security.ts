import { flagOf } from "../../../app/settings/setting.ts";
import { SETTINGS, type SettingKey } from "../../../app/settings/settings.ts";
import type { Row, Topic } from "./topic.ts";

const KEYS = [
  "apiHost",
  "tokenFile",
  "allowedHosts",
  "corsOrigins",
  "maxConnections",
  "api",
] as const satisfies readonly SettingKey[];

const settingRow = (key: (typeof KEYS)[number]): Row => {
  const setting = SETTINGS[key];
  const offDoc = "offDoc" in setting ? setting.offDoc : undefined;
  return [`--${offDoc === undefined ? "" : "no-"}${flagOf(setting)}`, offDoc ?? setting.doc];
};

export const security: Topic = {
  name: "security",
  summary: "Who may do what: the token, the address, what tasks see",
  parts: () => [
    {
      text:
        "Whoever may trigger a job or write a job file runs programs as petit's user. petit listens on 127.0.0.1, where every user " +
        "of the machine may ask it, and on any other address only with a token.",
    },
    { title: "Settings", rows: KEYS.map(settingRow) },
    {
      title: "The token",
      text:
        "`petit token FILE` makes one. It comes from --token-file, the variable PETIT_API_TOKEN or the systemd credential petit-token, never " +
        "from the command line, and is sent as `Authorization: Bearer …`. TLS is a proxy's: petit speaks plain HTTP. Open without it are " +
        "/api/health and the page's own files, which hold no data.",
    },
    {
      title: "Connections",
      text:
        "They are bounded, so that clients which open many and finish no request can't take the files that tasks need. " +
        "Beyond --max-connections petit closes those on which it has sent nothing for the longest time. It keeps streams " +
        "while they take at most half of the bound. The bound exists on Linux only.",
    },
    {
      title: "Browsers",
      text:
        "Requests under a foreign Host, and from pages of other sites, are refused: a page that somebody visits can't trigger anything. " +
        "What jobs print is text on the page, never markup.",
    },
    {
      title: "Tasks",
      rows: [
        ["programs", "Templates are never expanded in script and command, so that a param can't become a program."],
        ["params", "A trigger may pass only what a job declares; `pattern` and `enum` narrow it down."],
        [
          "environment",
          "Tasks see petit's own, less PETIT_* and systemd's; `inherit_environment: false` leaves all of it out.",
        ],
        [
          "working_dir",
          "A bunfig.toml, tsconfig.json, .env file or Python module there has no effect on a task. Only the packages that an inline " +
            "TypeScript program imports are taken from its node_modules: let no other user write to that folder.",
        ],
        ["secrets", "Those of `notify` are read when they are needed, and are in no log, no answer and no database."],
        [
          "same user",
          "Tasks run as petit's user and can read what that user can: the token's file, the systemd credentials, the database, and the " +
            "environment of other tasks. On Linux petit's own environment and memory are closed to them, unless petit runs as root with " +
            "all capabilities; so no core dump of petit is written. To keep a task away from them, have it run as another user (sudo -u).",
        ],
      ],
    },
    {
      title: "Files",
      text:
        "The database, with all output of tasks, is readable by its owner alone, whatever its mode was before; so is a backup. A database, " +
        "a file beside it or a spool folder that belongs to another user is refused, since its owner could decide what petit runs: trusted " +
        "are petit's own user, root, and under sudo the user who called it. Only the owner of the files counts, so that root in a container " +
        "can use a volume whose folder belongs to a user of the host; but a folder that others can write to is warned about. `petit service " +
        "install` runs petit as a user of its own, in a unit that narrows down what it and its tasks may do.",
    },
  ],
};
