import { formatRoundedSize } from "../../lib/size.ts";
import { backUp } from "../../store/database/backup.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";

export const backup = defineCommand({
  name: "backup",
  summary: "Copy the database, also while a scheduler runs on it",
  description:
    "Copies the database that --db names to FILE, which then has all that was stored at one moment; only its owner can " +
    "read it. An older copy is replaced in one step, whole or not at all; a file that is no petit database never is. What " +
    "ran at that moment counts as interrupted where petit is started on the copy. To restore, stop petit and put the " +
    "copy in the place of the database, without its -wal file.",
  args: { FILE: { type: "positional", required: true, description: "The copy." } },
  settings: [],
  examples: ["petit backup petit-copy.db", 'petit --db /var/lib/petit/petit.db backup "/backup/petit-$(date +%F).db"'],
  run: async ({ FILE }, { terminal: { out, err }, settings, runtime, json }) => {
    const bytes = backUp({ path: settings.db, target: FILE, runtime });
    if (json) out.write(`${JSON.stringify({ file: FILE, bytes }, null, 2)}\n`);
    else err.write(`${settings.db} was copied to ${FILE}: ${formatRoundedSize(bytes)}\n`);
    return EXIT.DONE;
  },
});
