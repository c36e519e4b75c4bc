import { SCHEMA_VERSION } from "../../../store/database/migrate.ts";
import type { Topic } from "./topic.ts";

export const upgrade: Topic = {
  name: "upgrade",
  summary: "To a newer petit, and back: what goes on, what the database becomes",
  parts: ({ version }) => [
    {
      text:
        "Put the new executable in the place of the old one, and restart petit. Tasks that run are not touched where it stops with " +
        "--on-shutdown leave, as the service does: the new petit goes on with them, by the definition they started with.",
    },
    {
      title: "How",
      lines: [
        "petit backup before.db              # a whole, checked copy, while petit runs",
        "sh install.sh                       # or copy the new executable over the old one",
        "petit validate /etc/petit/jobs      # what the new one says to the job files",
        "sudo systemctl restart petit        # or end petit with Ctrl-C, and start it again",
        "petit doctor                        # is all well, and is the new one running?",
      ],
    },
    {
      title: "With the service",
      lines: [
        "sudo petit --db /var/lib/petit/petit.db backup before.db",
        "sudo petit --db /var/lib/petit/petit.db doctor /etc/petit/jobs",
        "sudo install -o petit -g petit -m 600 before.db /var/lib/petit/petit.db   # back again",
      ],
    },
    {
      title: "The database",
      text:
        `petit ${version} writes schema ${SCHEMA_VERSION}. A database of any earlier schema is brought up to it at the start, and keeps every ` +
        "run, occurrence and line of output; each step is one transaction, so that a start that is killed leaves the old schema or a newer " +
        "one, whole. `petit --version --json` tells the schema of a petit, `petit doctor` that of a database.",
    },
    {
      title: "Back again",
      text:
        "An older petit refuses a database of a newer schema with exit status 2, and leaves it as it is. To go back, stop petit, put the " +
        "backup in the place of the database, remove the -wal file beside it, and start the older petit; what ran when the copy was made " +
        "counts as interrupted.",
    },
    {
      title: "What stays",
      text:
        "Versions follow Semantic Versioning: within a major version, job files, flags, exit statuses, --json and the API keep their " +
        "meaning; fields may be added. CHANGELOG.md tells what is new.",
    },
  ],
};
