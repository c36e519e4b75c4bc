import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tempFolder } from "../../support/cli.ts";

const SCRIPT = join(import.meta.dir, "../../../scripts/install.sh");
const TARGET = `petit-linux-${process.arch}.tar.gz`;

type Bytes = Uint8Array<ArrayBuffer>;
/** Files by path. The connection breaks in the middle of one that is `cut`. */
type Files = Readonly<Record<string, Bytes | { readonly cut: Bytes }>>;

let files: Files = {};
const server = createServer(({ url = "" }, response) => {
  const file = files[url];
  if (file === undefined) return response.writeHead(404).end("no such file");
  if (!("cut" in file)) return response.end(file);
  response.writeHead(200, { "content-length": file.cut.length });
  return response.write(file.cut.subarray(0, file.cut.length / 2), () => response.destroy());
});
let origin: string;
let work: string;
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), "petit-install-"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});
afterAll(() => {
  server.close();
  rmSync(work, { recursive: true });
});

/** Returns an archive like those of scripts/release. Its petit prints a version and exits with `status`. */
const archive = (version: string, status = 0): Bytes => {
  const folder = join(work, `petit-${version}-target`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "petit"), `#!/bin/sh\necho petit ${version}\nexit ${status}\n`);
  chmodSync(join(folder, "petit"), 0o755);
  return new Uint8Array(Bun.spawnSync(["tar", "-C", work, "-czf", "-", `petit-${version}-target`]).stdout);
};

const textOf = (text: string): Bytes => new TextEncoder().encode(text);

const sums = (bytes: Bytes): string => `${createHash("sha256").update(bytes).digest("hex")}  ${TARGET}\n`;

/** Returns the files of a release below a path. `checksums` defaults to the correct ones. */
const publish = (path: string, bytes: Bytes, checksums = sums(bytes)): Files => ({
  [`${path}/${TARGET}`]: bytes,
  [`${path}/SHA256SUMS`]: textOf(checksums),
});

type Installing = {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
};

const SHELLS = [["sh"], ["bash", "--posix"], ["busybox", "sh"]].filter(([name = ""]) => Bun.which(name) !== null);

describe.each(SHELLS.map((shell) => [shell.join(" ")]))("install.sh, run by %s,", (shell) => {
  const install = async (prefix: string, { args = [], env = {}, stdin, cwd = work }: Installing = {}) => {
    const child = Bun.spawn(
      [...shell.split(" "), ...(stdin === undefined ? [SCRIPT] : ["-s", "--"]), "--prefix", prefix, ...args],
      {
        env: { PATH: process.env.PATH ?? "", HOME: prefix, PETIT_BASE_URL: origin, ...env },
        cwd,
        stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const [stderr, status] = [await new Response(child.stderr).text(), await child.exited];
    return { status, stderr };
  };
  const installed = (prefix: string): string => Bun.spawnSync([join(prefix, "bin/petit")]).stdout.toString();
  const kept = (prefix: string): readonly string[] => readdirSync(join(prefix, "bin"));

  test("installs the newest release, and replaces it with a newer one", async () => {
    using folder = tempFolder();
    files = publish("/latest/download", archive("1.0.0"));
    const first = await install(folder.path);
    expect([first.status, first.stderr]).toEqual([0, expect.stringContaining("installed petit 1.0.0 as")]);
    expect(first.stderr).toContain("is not in your PATH");
    files = publish("/latest/download", archive("1.1.0"));
    const second = await install(folder.path, { env: { PATH: `${folder.path}/bin:${process.env.PATH}` } });
    expect(second.stderr).toContain("replacing petit 1.0.0");
    expect(second.stderr).not.toContain("PATH");
    expect([installed(folder.path), kept(folder.path)]).toEqual(["petit 1.1.0\n", ["petit"]]);
  });

  test("installs the requested version, also when it is piped to a shell", async () => {
    using folder = tempFolder();
    files = { ...publish("/latest/download", archive("2.0.0")), ...publish("/download/v1.2.3", archive("1.2.3")) };
    const piped = { args: ["--version", "v1.2.3"], stdin: readFileSync(SCRIPT, "utf8") };
    expect(await install(folder.path, piped)).toMatchObject({ status: 0 });
    expect(installed(folder.path)).toBe("petit 1.2.3\n");
  });

  const bytes = archiveOnce(() => archive("3.0.0"));
  const REFUSED: Readonly<Record<string, { serve(): Files; says: string; installing?: Installing; status?: number }>> =
    {
      "a wrong checksum": {
        serve: () => publish("/latest/download", bytes(), sums(textOf("something else"))),
        says: "the checksum of",
      },
      "checksums without the archive": {
        serve: () => publish("/latest/download", bytes(), `${"0".repeat(64)}  petit-plan9-x64.tar.gz\n`),
        says: "has no entry for",
      },
      "no checksums": {
        serve: () => ({ [`/latest/download/${TARGET}`]: bytes() }),
        says: "SHA256SUMS can't be downloaded",
      },
      "no archive": {
        serve: () => ({ "/latest/download/SHA256SUMS": textOf(sums(bytes())) }),
        says: "can't be downloaded completely",
      },
      "an interrupted download": {
        serve: () => ({ ...publish("/latest/download", bytes()), [`/latest/download/${TARGET}`]: { cut: bytes() } }),
        says: "can't be downloaded completely",
      },
      "a file that is not an archive": {
        serve: () => publish("/latest/download", textOf("not an archive")),
        says: "can't be unpacked",
      },
      "an executable that can't run here": {
        serve: () => publish("/latest/download", archive("3.0.0", 127)),
        says: "can't run on this machine",
      },
      "an unreachable server": {
        serve: () => ({}),
        says: "can't be downloaded",
        installing: { env: { PETIT_BASE_URL: "http://127.0.0.1:9" } },
      },
      "an unknown address": {
        serve: () => ({}),
        says: "set PETIT_BASE_URL",
        installing: { env: { PETIT_BASE_URL: "" } },
      },
      "an invalid version": {
        serve: () => ({}),
        says: "'newest' is not a version",
        installing: { args: ["--version", "newest"] },
        status: 2,
      },
      "an empty prefix": {
        serve: () => ({}),
        says: "--prefix requires a folder",
        installing: { args: ["--prefix="] },
        status: 2,
      },
      "a prefix from an unset variable": {
        serve: () => ({}),
        says: "--prefix requires a folder",
        installing: { args: ["--prefix", ""] },
        status: 2,
      },
      "an unknown argument": {
        serve: () => ({}),
        says: "unknown argument '--force'",
        installing: { args: ["--force"] },
        status: 2,
      },
    };

  for (const [what, { serve, says, installing, status = 1 }] of Object.entries(REFUSED)) {
    test(`refuses ${what}, and keeps the installed version`, async () => {
      using folder = tempFolder();
      folder.write("bin/petit", "#!/bin/sh\necho petit 0.9.0\n");
      chmodSync(join(folder.path, "bin/petit"), 0o755);
      files = serve();
      expect(await install(folder.path, installing)).toEqual({ status, stderr: expect.stringContaining(says) });
      expect([installed(folder.path), kept(folder.path)]).toEqual(["petit 0.9.0\n", ["petit"]]);
    });
  }

  test("leaves no folder behind when the download fails", async () => {
    using folder = tempFolder();
    files = {};
    const prefix = join(folder.path, "opt/new petit");
    expect(await install(prefix)).toEqual({ status: 1, stderr: expect.stringContaining("can't be downloaded") });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("keeps an empty folder that existed before a failed installation", async () => {
    using folder = tempFolder();
    mkdirSync(join(folder.path, "bin"));
    files = {};
    expect(await install(folder.path)).toMatchObject({ status: 1 });
    expect(readdirSync(folder.path)).toEqual(["bin"]);
  });

  test("accepts a relative folder, and an address that ends with a slash", async () => {
    using folder = tempFolder();
    files = publish("/latest/download", archive("1.0.0"));
    const env = { PETIT_BASE_URL: `${origin}/` };
    const done = await install("-here", { cwd: folder.path, env });
    expect(done).toEqual({
      status: 0,
      stderr: expect.stringContaining(`export PATH="${folder.path}/-here/bin:$PATH"`),
    });
    expect(installed(join(folder.path, "-here"))).toBe("petit 1.0.0\n");
  });

  test("refuses to install petit where a folder has that name", async () => {
    using folder = tempFolder();
    folder.write("bin/petit/kept", "");
    files = publish("/latest/download", archive("1.0.0"));
    expect(await install(folder.path)).toEqual({ status: 1, stderr: expect.stringContaining("is a folder") });
    expect(readdirSync(join(folder.path, "bin/petit"))).toEqual(["kept"]);
  });

  test("refuses a folder that is not writable, before it downloads anything", async () => {
    files = {};
    const refused = await install("/proc/petit");
    expect(refused).toEqual({ status: 1, stderr: expect.stringMatching(/can't be created|is not writable/) });
    expect(refused.stderr).not.toContain("downloading");
  });

  // busybox may use its built-in uname instead of the one in PATH.
  test.skipIf(shell.startsWith("busybox")).each([
    ["Linux", "riscv64", "does not support the processor 'riscv64'"],
    ["SunOS", "x86_64", "does not support 'SunOS'"],
    ["MINGW64_NT-10.0", "x86_64", "petit-windows-x64.zip"],
    ["Darwin", "arm64", "/petit-darwin-arm64.tar.gz"],
    ["Linux", "aarch64", "/petit-linux-arm64"],
  ])("chooses the right file for %s on %s", async (system, machine, says) => {
    using folder = tempFolder();
    folder.write("fake/uname", `#!/bin/sh\n[ "$1" = -m ] && echo ${machine} || echo ${system}\n`);
    chmodSync(join(folder.path, "fake/uname"), 0o755);
    files = {};
    const refused = await install(folder.path, { env: { PATH: `${folder.path}/fake:${process.env.PATH}` } });
    expect(refused).toEqual({ status: 1, stderr: expect.stringContaining(says) });
  });

  test("does nothing when it is incomplete itself", async () => {
    using folder = tempFolder();
    const text = readFileSync(SCRIPT, "utf8");
    for (const share of [0.3, 0.6, 0.9]) {
      await install(folder.path, { stdin: text.slice(0, text.length * share) });
      expect(readdirSync(folder.path)).toEqual([]);
    }
  });
});

/** Returns a function that makes the archive at its first call, when the folder for it exists. */
function archiveOnce(make: () => Bytes): () => Bytes {
  let made: Bytes | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
