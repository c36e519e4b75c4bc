import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tempFolder } from "../support/cli.ts";

const SCRIPT = join(import.meta.dir, "../../scripts/install.sh");
const TARGET = `petit-linux-${process.arch}.tar.gz`;

type Bytes = Uint8Array<ArrayBuffer>;
/** By their paths; one that is cut ends in its middle. */
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

/** An archive as scripts/release makes it, of a petit that says its version and ends with a status. */
const archive = (version: string, status = 0): Bytes => {
  const folder = join(work, `petit-${version}-target`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "petit"), `#!/bin/sh\necho petit ${version}\nexit ${status}\n`);
  chmodSync(join(folder, "petit"), 0o755);
  return new Uint8Array(Bun.spawnSync(["tar", "-C", work, "-czf", "-", `petit-${version}-target`]).stdout);
};

const textOf = (text: string): Bytes => new TextEncoder().encode(text);

const sums = (bytes: Bytes): string => `${createHash("sha256").update(bytes).digest("hex")}  ${TARGET}\n`;

/** A release below that path; without `checksums` the right ones. */
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

  test("installs the newest release, and puts a newer one in its place", async () => {
    using folder = tempFolder();
    files = publish("/latest/download", archive("1.0.0"));
    const first = await install(folder.path);
    expect([first.status, first.stderr]).toEqual([0, expect.stringContaining("petit 1.0.0 is installed as")]);
    expect(first.stderr).toContain("is not in your PATH");
    files = publish("/latest/download", archive("1.1.0"));
    const second = await install(folder.path, { env: { PATH: `${folder.path}/bin:${process.env.PATH}` } });
    expect(second.stderr).toContain("in the place of petit 1.0.0");
    expect(second.stderr).not.toContain("PATH");
    expect([installed(folder.path), kept(folder.path)]).toEqual(["petit 1.1.0\n", ["petit"]]);
  });

  test("installs the version that is asked for, also through a pipe", async () => {
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
        says: "has no line for",
      },
      "no checksums": {
        serve: () => ({ [`/latest/download/${TARGET}`]: bytes() }),
        says: "SHA256SUMS can't be downloaded",
      },
      "no archive": {
        serve: () => ({ "/latest/download/SHA256SUMS": textOf(sums(bytes())) }),
        says: "can't be downloaded whole",
      },
      "a download that is cut": {
        serve: () => ({ ...publish("/latest/download", bytes()), [`/latest/download/${TARGET}`]: { cut: bytes() } }),
        says: "can't be downloaded whole",
      },
      "an archive that is none": {
        serve: () => publish("/latest/download", textOf("no archive")),
        says: "can't be unpacked",
      },
      "a petit that can't run here": {
        serve: () => publish("/latest/download", archive("3.0.0", 127)),
        says: "can't run here",
      },
      "a server that is not there": {
        serve: () => ({}),
        says: "can't be downloaded",
        installing: { env: { PETIT_BASE_URL: "http://127.0.0.1:9" } },
      },
      "no address": { serve: () => ({}), says: "Set PETIT_BASE_URL", installing: { env: { PETIT_BASE_URL: "" } } },
      "what is no version": {
        serve: () => ({}),
        says: "'newest' is no version",
        installing: { args: ["--version", "newest"] },
        status: 2,
      },
      "a prefix that is nothing": {
        serve: () => ({}),
        says: "--prefix wants a folder",
        installing: { args: ["--prefix="] },
        status: 2,
      },
      "a prefix from a variable that isn't set": {
        serve: () => ({}),
        says: "--prefix wants a folder",
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
    test(`refuses ${what}, and leaves what was installed before`, async () => {
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

  test("keeps an empty folder that was there before a failed install", async () => {
    using folder = tempFolder();
    mkdirSync(join(folder.path, "bin"));
    files = {};
    expect(await install(folder.path)).toMatchObject({ status: 1 });
    expect(readdirSync(folder.path)).toEqual(["bin"]);
  });

  test("takes a folder from where it is called, and an address with a slash at its end", async () => {
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

  test("refuses a place that a folder has, which would swallow it", async () => {
    using folder = tempFolder();
    folder.write("bin/petit/kept", "");
    files = publish("/latest/download", archive("1.0.0"));
    expect(await install(folder.path)).toEqual({ status: 1, stderr: expect.stringContaining("is a folder") });
    expect(readdirSync(join(folder.path, "bin/petit"))).toEqual(["kept"]);
  });

  test("refuses a folder that can't be written to, before anything is downloaded", async () => {
    files = {};
    const refused = await install("/proc/petit");
    expect(refused).toEqual({ status: 1, stderr: expect.stringMatching(/can't be made|can't be written to/) });
    expect(refused.stderr).not.toContain("downloading");
  });

  // A busybox may take its own uname, whatever PATH says.
  test.skipIf(shell.startsWith("busybox")).each([
    ["Linux", "riscv64", "no petit for processors of the kind 'riscv64'"],
    ["SunOS", "x86_64", "no petit for 'SunOS'"],
    ["MINGW64_NT-10.0", "x86_64", "petit-windows-x64.zip"],
    ["Darwin", "arm64", "/petit-darwin-arm64.tar.gz"],
    ["Linux", "aarch64", "/petit-linux-arm64"],
  ])("knows what there is for %s on %s", async (system, machine, says) => {
    using folder = tempFolder();
    folder.write("fake/uname", `#!/bin/sh\n[ "$1" = -m ] && echo ${machine} || echo ${system}\n`);
    chmodSync(join(folder.path, "fake/uname"), 0o755);
    files = {};
    const refused = await install(folder.path, { env: { PATH: `${folder.path}/fake:${process.env.PATH}` } });
    expect(refused).toEqual({ status: 1, stderr: expect.stringContaining(says) });
  });

  test("does nothing where it arrives cut itself", async () => {
    using folder = tempFolder();
    const text = readFileSync(SCRIPT, "utf8");
    for (const share of [0.3, 0.6, 0.9]) {
      await install(folder.path, { stdin: text.slice(0, text.length * share) });
      expect(readdirSync(folder.path)).toEqual([]);
    }
  });
});

/** Made when it is first asked for: there is no folder for it before. */
function archiveOnce(make: () => Bytes): () => Bytes {
  let made: Bytes | null = null;
  return () => {
    made ??= make();
    return made;
  };
}
