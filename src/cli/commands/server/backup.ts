import { formatRoundedSize } from "../../../lib/size.ts";
import { backUp } from "../../../store/database/backup.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";

export const backup = defineCommand({
  name: "backup",
  summary: "Copy the database, even while petit runs",
  description:
    "Copies the database given by --db to FILE, as a consistent snapshot that only its owner can read. An older copy is " +
    "replaced atomically; a file that is not a petit database is never replaced. If petit starts on the copy, runs that were " +
    "running at the time of the copy become interrupted. Artifacts are not in the database but in the folder DB-artifacts beside " +
    "it: copy that as well, as FILE-artifacts. `petit restore` puts both back.",
  args: { FILE: { type: "positional", required: true, description: "The file to write the copy to." } },
  settings: [],
  examples: ["petit backup petit-copy.db", 'petit --db /var/lib/petit/petit.db backup "/backup/petit-$(date +%F).db"'],
  run: async ({ FILE }, { terminal: { out, err }, settings, runtime, json }) => {
    const bytes = backUp({ path: settings.db, target: FILE, runtime });
    if (json) out.write(`${JSON.stringify({ file: FILE, bytes }, null, 2)}\n`);
    else err.write(`copied ${settings.db} to ${FILE}: ${formatRoundedSize(bytes)}\n`);
    return EXIT.DONE;
  },
});
