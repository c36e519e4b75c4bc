// Bundles src/web for browsers into one file: bundle.ts FILE. See scripts/build-page.
// Each line is a file of the page: path, content type, SHA-256, and the content compressed with gzip, in base64.
import { createHash } from "node:crypto";
import { mkdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

const ROOT = join(import.meta.dirname, "../..");
const FILE = process.argv[2] ?? join(ROOT, "dist/web/page.txt");

type File = { readonly path: string; readonly type: string; readonly bytes: Uint8Array };

const bundle = async (): Promise<readonly File[]> => {
  const { outputs } = await Bun.build({
    entrypoints: [join(ROOT, "src/web/index.html")],
    target: "browser",
    splitting: true,
    minify: true,
    publicPath: "/",
    naming: { entry: "[name].[ext]", chunk: "assets/[name]-[hash].[ext]", asset: "assets/[name]-[hash].[ext]" },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const files = await Promise.all(
    outputs.map(
      async (output): Promise<{ readonly path: string; readonly type: string; bytes: Uint8Array }> => ({
        path: `/${output.path.replace(/^\.?\//, "")}`,
        type: output.type,
        bytes: new Uint8Array(await output.arrayBuffer()),
      }),
    ),
  );
  const page = files.find(({ path }) => path === "/index.html");
  // The script applies the chosen theme, so that the page is not painted in another one first.
  const html = Buffer.from(page?.bytes ?? [])
    .toString()
    .replace('<script type="module"', '<script blocking="render" type="module"');
  if (page !== undefined) page.bytes = Buffer.from(html);
  // The page's stylesheet contains those of all parts that are loaded later. Nothing loads their separate stylesheets.
  const isLoaded = ({ path }: File): boolean => !path.endsWith(".css") || html.includes(path);
  // The order of the bundler's outputs depends on the folder.
  const loaded = files.filter(isLoaded).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return loaded.flatMap(extractFonts);
};

/** The bundler inlines fonts in the stylesheet, which blocks rendering. This moves them to separate files. */
const extractFonts = (file: File): readonly File[] => {
  if (!file.path.endsWith(".css")) return [file];
  const fonts: File[] = [];
  const css = Buffer.from(file.bytes)
    .toString()
    .replace(/data:font\/woff2;base64,([\w+/=]+)/g, (_, base64: string) => {
      const bytes = Buffer.from(base64, "base64");
      const path = `/assets/font-${digestOf(bytes).slice(0, 8)}.woff2`;
      fonts.push({ path, type: "font/woff2", bytes });
      return path;
    });
  return [{ ...file, bytes: Buffer.from(css) }, ...fonts];
};

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("base64url");

const lineOf = ({ path, type, bytes }: File): string => {
  return [path, type, digestOf(bytes).slice(0, 22), gzipSync(bytes, { level: 9 }).toString("base64")].join("\t");
};

const startedAt = new Date();
const files = await bundle();
mkdirSync(dirname(FILE), { recursive: true });
// Two builds may run at the same time, so the file is replaced atomically.
writeFileSync(`${FILE}.${process.pid}`, `${files.map(lineOf).join("\n")}\n`);
// Sources that change during the build must be newer than the file.
utimesSync(`${FILE}.${process.pid}`, startedAt, startedAt);
renameSync(`${FILE}.${process.pid}`, FILE);

for (const { path, bytes } of files) {
  const zipped = gzipSync(bytes, { level: 9 }).length;
  console.error(
    `${path.padEnd(40)} ${(bytes.length / 1024).toFixed(1).padStart(8)} KB ${(zipped / 1024).toFixed(1).padStart(8)} KB compressed`,
  );
}
