import { EXIT, type ExitStatus, Failure } from "../exit.ts";
import { checkFiles, checkFolder } from "./check.ts";
import type { Imported, Importer, ImportRequest } from "./imported.ts";
import { importJson, writeFates, writeGone, writeProblems } from "./report.ts";
import { type SavedFile, saveFiles } from "./save.ts";

/** Imports jobs, and writes them to the output folder or to stdout. Writes nothing if anything can't be read. */
export const runImport = async (
  importer: Importer,
  request: ImportRequest,
  { force, strict }: { readonly force: boolean; readonly strict: boolean },
): Promise<ExitStatus> => {
  const { context, outputDir } = request;
  const { out, err } = context.terminal;
  const imported = await importer(request);
  if (imported.problems.length > 0) {
    if (context.json) out.write(importJson({ ...imported, files: [] }, null));
    else writeProblems(imported.problems, err);
    return EXIT.FAILED;
  }
  if (imported.files.length === 0 && imported.fates.length === 0)
    throw new Failure(EXIT.FAILED, `${request.source ?? "standard input"} has nothing to import; nothing was written`);
  if (outputDir !== null) await checkFolder(imported.files, { dir: outputDir, replaces: force });
  await checkFiles(imported.files, outputDir);
  const saved = outputDir === null ? null : await saveFiles(imported.files, outputDir);
  if (context.json) out.write(importJson(imported, saved));
  else writeResult(imported, saved, request);
  const isLeftOut = imported.fates.some(({ outcome }) => outcome === "left_out");
  return imported.files.length > 0 && !(strict && isLeftOut) ? EXIT.DONE : EXIT.FAILED;
};

const writeResult = (
  { files, fates, gone }: Imported,
  saved: readonly SavedFile[] | null,
  { context, outputDir }: ImportRequest,
): void => {
  const { out, err } = context.terminal;
  if (saved === null) out.write(files.map(({ text }) => (text.endsWith("\n") ? text : `${text}\n`)).join("---\n"));
  else for (const { file, replaced } of saved) out.write(`${replaced ? "replaced" : "wrote"} ${file}\n`);
  writeFates(fates, err);
  if (outputDir !== null) writeGone(gone, outputDir, err);
};
