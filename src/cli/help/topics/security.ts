import { flagOf } from "../../../app/settings/setting.ts";
import { SETTINGS, type SettingKey } from "../../../app/settings/settings.ts";
import type { Topic, TopicRow } from "./topic.ts";

const KEYS = [
  "apiHost",
  "tokenFile",
  "allowedHosts",
  "corsOrigins",
  "maxConnections",
  "api",
] as const satisfies readonly SettingKey[];

const settingRow = (key: (typeof KEYS)[number]): TopicRow => {
  const setting = SETTINGS[key];
  const offDoc = "offDoc" in setting ? setting.offDoc : undefined;
  return [`--${offDoc === undefined ? "" : "no-"}${flagOf(setting)}`, offDoc ?? setting.doc];
};

export const security: Topic = {
  name: "security",
  summary: "Access control: the token, the address, what tasks can see",
  sections: () => [
    {
      text:
        "Anyone who can trigger a job or write a job file can run programs as petit's user. By default petit listens on 127.0.0.1, " +
        "where every user of the machine can reach it. On any other address it requires a token. `petit service install` creates one " +
        "where petit runs as root, or where several people can log in; commands of root find it by themselves.",
    },
    { title: "Settings", rows: KEYS.map(settingRow) },
    {
      title: "The token",
      text:
        "`petit token FILE` creates a token; with --name NAME it adds one for a person, and petit shows who did what. petit reads it from --token-file, the variable PETIT_API_TOKEN or the systemd credential " +
        "petit-token, never from the command line. Clients send it as `Authorization: Bearer …`. petit speaks plain HTTP; use a proxy " +
        "for TLS. /api/health and the dashboard's static files need no token; they contain no data.",
    },
    {
      title: "People and roles",
      text:
        "`petit tokens create NAME --role ROLE` creates a token that petit stores as a digest, also while it runs. A viewer reads; an operator also triggers, cancels, retries, approves and pauses jobs; " +
        "an admin may do everything, and so may the tokens of --token-file. With --jobs or --tags a token is limited to some jobs; others do not exist for whoever has it. `petit tokens revoke NAME` ends a token, its logins and its streams at once. `petit whoami` says who you are.",
    },
    {
      title: "People who log in elsewhere",
      text:
        "`auth` in the configuration file takes people whom a proxy in front of petit has identified: auth: {proxy: {from: [ADDRESS], secret: {file: FILE}, user: Remote-User, groups: Remote-Groups, roles: {admin: [GROUP], " +
        'viewer: ["*"]}}}. The headers count only from these addresses and with the secret in X-Petit-Proxy-Secret; any other request that has them is refused. With `auth`, nobody is anonymous. ' +
        "auth: {oidc: {issuer: URL, client_id: ID, client_secret: {file: FILE}, roles: …}} lets people log in at an OpenID provider; its redirect URI is public_url with /api/session/callback.",
    },
    {
      title: "Connections",
      text:
        "The number of connections is bounded, so that clients which open many and finish no request can't take the files that tasks " +
        "need. Beyond --max-connections petit closes those on which it has sent nothing for the longest time. It keeps streams " +
        "while they take at most half of the bound. The bound exists on Linux only.",
    },
    {
      title: "Browsers",
      text:
        "petit refuses requests with a foreign Host and requests from pages of other sites, so that a page that somebody visits can't " +
        "trigger a job. One login in the dashboard holds for all tabs: its cookie can't be read by scripts, is not sent by other sites, and " +
        "changes something only for petit's own pages. The dashboard shows the output of jobs as text, never as markup.",
    },
    {
      title: "Tasks",
      rows: [
        ["programs", "Templates are never expanded in script and command, so that a param can't become code."],
        ["params", "A trigger can pass only the params that a job declares; `pattern` and `enum` restrict them."],
        [
          "environment",
          "Tasks inherit petit's environment without PETIT_* and systemd's variables; `inherit_environment: false` omits all of it.",
        ],
        [
          "working_dir",
          "A bunfig.toml, tsconfig.json, .env file or Python module there has no effect on a task. An inline TypeScript program " +
            "loads only the packages that it imports from the folder's node_modules: let no other user write to that folder.",
        ],
        [
          "secrets",
          "Secrets that a job file names with {env: …}, {file: …} or {credential: …} are read when needed. They never reach a log, a " +
            "response or the database; *** replaces them in the output of their job. Another form, such as base64, is not recognized.",
        ],
        [
          "containers",
          "A container has only the folders that its task names. JOBS_DIR is read-only there, and folders with petit's database, " +
            "spool or artifacts are refused.",
        ],
        [
          "same user",
          "Tasks run as petit's user and can read what that user can: the token file, the systemd credentials, the database, and the " +
            "environment of other tasks. On Linux they can't read petit's own environment and memory, unless petit runs as root with " +
            "all capabilities. For the same reason petit never writes a core dump. To isolate a task, run it as another user (sudo -u).",
        ],
      ],
    },
    {
      title: "Files",
      text:
        "Only its owner can read the database, which holds all output of tasks: petit sets its mode at the start. The same holds for a " +
        "backup. petit refuses a database, a file next to it, its spool or its artifacts folder if it belongs to another user, because that user could " +
        "decide what petit runs. It trusts its own user, root, and under sudo the user who called it. Only the owner of the files " +
        "counts, so that root in a container can use a volume whose folder belongs to a user of the host. petit warns about a folder " +
        "that others can write to. `petit service install` runs petit as its own user, in a unit that restricts what it and its tasks " +
        "can do.",
    },
  ],
};
