import { SCHEMA_VERSION } from "../../../store/database/migrate.ts";
import type { Topic } from "./topic.ts";

export const upgrade: Topic = {
  name: "upgrade",
  summary: "Upgrading, downgrading, and the Rust petit",
  sections: ({ version }) => [
    {
      text:
        "Replace the old executable with the new one and restart petit. With --on-shutdown leave, which the service uses, the restart " +
        "does not touch running tasks: the new petit continues them with the definition they started with.",
    },
    {
      title: "Steps",
      lines: [
        "petit backup before.db              # a complete, checked copy, while petit runs",
        "sh install.sh                       # or copy the new executable over the old one",
        "petit validate /etc/petit/jobs      # check the job files with the new version",
        "sudo systemctl restart petit        # or end petit with Ctrl-C and start it again",
        "petit doctor                        # check that the new version runs without problems",
      ],
    },
    {
      title: "With the service",
      lines: [
        "sudo petit --db /var/lib/petit/petit.db backup before.db",
        "sudo petit --db /var/lib/petit/petit.db doctor /etc/petit/jobs",
        "sudo petit --db /var/lib/petit/petit.db restore before.db      # to go back, while petit is stopped",
      ],
    },
    {
      title: "The database",
      text:
        `petit ${version} writes schema ${SCHEMA_VERSION}. At the start it migrates a database of any earlier schema and keeps every ` +
        "run, occurrence and line of output. Each step is one transaction: if petit is killed during the migration, the database has " +
        "a complete older or newer schema. `petit --version --json` shows the schema of an executable, `petit doctor` that of a database.",
    },
    {
      title: "Downgrading",
      text:
        "An older petit refuses a database of a newer schema with exit status 2 and does not change it. To go back, stop petit, put the " +
        "older executable in place, run `petit restore before.db` with it, and start it. That keeps the newer database aside, and the " +
        "start catches nothing up. Runs that were running when the backup was made become interrupted. If the older petit has no " +
        "command `restore`, replace the database with the backup and remove the -wal file next to it.",
    },
    {
      title: "Compatibility",
      text:
        "Versions follow Semantic Versioning. Within a major version, job files, flags, exit statuses, --json and the API keep their " +
        "meaning; fields may be added. CHANGELOG.md lists the changes.",
    },
    {
      title: "From the Rust petit",
      text:
        "petit reads the job files of the Rust petit unchanged but for these differences. `petit import petit-rs DIR -o JOBS_DIR` rewrites " +
        "the files so that the jobs run as they did, and names what stays different.",
      rows: [
        ["weekday numbers", "there 1 is Sunday; here 0 or 7, as in cron"],
        ["day of month and weekday", "there both must match; here either is enough, as in cron"],
        ["default time zone", "there UTC; here the timezone setting, otherwise the system's"],
        ["after downtime", "there nothing is caught up; here the newest missed occurrence"],
        ["@every", "there from the last look at the clock; here from the Unix epoch"],
        ["relative working_dir", "there from petit's own folder; here from the job file's"],
        ["depends_on of a job", "there not enforced; here enforced"],
        ["unknown fields", "there ignored; here errors, or they have an effect"],
        ["python tasks", "there run by python; here by python3"],
        ["${{", "there without a meaning; here the start of a template"],
      ],
    },
  ],
};
