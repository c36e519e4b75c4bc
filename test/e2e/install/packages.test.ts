import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TempFolder, tempFolder } from "../../support/cli.ts";

// On a busy machine: nfpm is built first, if it is missing.
setDefaultTimeout(300_000);

const ROOT = join(import.meta.dir, "../../..");
const LINUX = join(ROOT, "scripts/packaging/linux");
const EXECUTABLE = join(ROOT, "dist/petit");

/** Packages contain the executable, and nfpm is built with Go. */
const isPossible =
  process.env.PETIT_TEST_TARGET === "executable" &&
  process.arch === "x64" &&
  ["go", "dpkg-deb", "lintian", "apt-ftparchive", "gpg"].every((program) => Bun.which(program) !== null);

describe.skipIf(!isPossible)("the packages", () => {
  let folder: TempFolder;
  let deb: string;
  let rpm: string;

  const run = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): string => {
    const all = { ...process.env, TMPDIR: folder.path, SOURCE_DATE_EPOCH: "1767225600", ...env };
    const { stdout, stderr, exitCode } = Bun.spawnSync([...argv], { cwd: folder.path, env: all });
    if (exitCode !== 0) throw new Error(`${argv.join(" ")} exited with ${exitCode}:\n${stdout}${stderr}`);
    return stdout.toString();
  };
  const build = (out: string, version = "1.2.3"): void => {
    run([join(LINUX, "package"), join(folder.path, "release"), "x64", join(folder.path, out), version]);
  };
  const fileIn = (path: string): string =>
    run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -xO "./$2"', "sh", deb, path]);

  beforeAll(() => {
    folder = tempFolder();
    run(
      [join(ROOT, "scripts/packaging/shared"), "release", "1.2.3", "2026-01-01T00:00:00Z"].map((word) =>
        word === "release" ? join(folder.path, word) : word,
      ),
    );
    cpSync(EXECUTABLE, join(folder.path, "release/petit"));
    build("out");
    deb = join(folder.path, "out/petit_1.2.3-1_amd64.deb");
    rpm = join(folder.path, "out/petit-1.2.3-1.x86_64.rpm");
  });
  afterAll(() => folder[Symbol.dispose]());

  test("have no fault that lintian finds", () => {
    const lintian = [
      "lintian",
      "--allow-root",
      "--no-cfg",
      "--display-info",
      "--pedantic",
      "--fail-on",
      "error,warning,info,pedantic",
    ];
    expect(run([...lintian, "--tag-display-limit", "0", deb])).toBe("");
  });

  test("are the same bytes each time", () => {
    const digests = (out: string) => {
      const files = globSync("*", { cwd: join(folder.path, out) }).toSorted();
      return files.map((file) => [
        file,
        createHash("sha256")
          .update(readFileSync(join(folder.path, out, file)))
          .digest("hex"),
      ]);
    };
    build("again");
    expect(digests("again")).toEqual(digests("out"));
  });

  test("have the configuration as conffiles, and a service that nothing starts or enables", () => {
    expect(run(["dpkg-deb", "--info", deb, "conffiles"])).toBe(
      "/etc/petit/config.yaml\n/etc/petit/jobs/hello.yaml.example\n",
    );
    const unit = fileIn("usr/lib/systemd/system/petit.service");
    expect(unit).toContain("ExecStart=/usr/bin/petit run ");
    expect(unit).toContain(" --on-shutdown=leave\n");
    // An absolute path: systemd before 252 would start petit without the token.
    expect(unit).toContain("\nLoadCredential=petit-token:/etc/credstore/petit-token\n");
    expect(unit).not.toContain("petit-unit sha256");
    expect(run(["dpkg-deb", "--info", deb, "postinst"])).not.toMatch(/enable|\bstart\b/);
    const purge = run(["dpkg-deb", "--info", deb, "postrm"]);
    expect(purge).not.toMatch(/rm -r|userdel/);
  });

  test.each(["ada", "ada@example.org", "Ada <example.org>", "Ada <ada@example.org>\nDepends: other"])(
    "are not built for a maintainer that dpkg can't read: %p",
    (maintainer) => {
      const argv = [join(LINUX, "package"), join(folder.path, "release"), "x64", join(folder.path, "refused"), "1.2.3"];
      expect(() => run(argv, { PETIT_MAINTAINER: maintainer })).toThrow(
        `package: PETIT_MAINTAINER is '${maintainer}'; expected a name and an address, such as Ada Lovelace <ada@example.org>\n`,
      );
      expect(globSync("refused/*", { cwd: folder.path })).toEqual([]);
    },
  );

  test("have a configuration that petit accepts, and a first job", async () => {
    mkdirSync(join(folder.path, "jobs"));
    await Bun.write(join(folder.path, "config.yaml"), fileIn("etc/petit/config.yaml"));
    await Bun.write(join(folder.path, "jobs/hello.yaml"), fileIn("etc/petit/jobs/hello.yaml.example"));
    expect(run([EXECUTABLE, "validate", "jobs", "--config", "config.yaml", "--no-color"])).toStartWith("valid: 1 job");
  });

  test.skipIf(Bun.which("rpm") === null)("have the same files as .rpm", () => {
    const paths = run(["rpm", "--query", "--list", "--package", rpm]).split("\n");
    expect(paths).toContain("/usr/bin/petit");
    expect(paths).toContain("/usr/share/man/man1/petit-run.1.gz");
    expect(run(["rpm", "--query", "--configfiles", "--package", rpm])).toBe(
      "/etc/petit/config.yaml\n/etc/petit/jobs/hello.yaml.example\n",
    );
  });

  test("are in a repository that apt trusts by its key alone, and that keeps older versions", () => {
    const home = join(folder.path, "gpg");
    mkdirSync(home, { mode: 0o700 });
    const key = { GNUPGHOME: home, PETIT_GPG_KEY: "packages@petit.test" };
    const site = join(folder.path, "site");
    const add = (file: string) => run([join(LINUX, "repository"), "site", file], key);
    try {
      const generate = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key"];
      run([...generate, key.PETIT_GPG_KEY, "ed25519", "sign", "never"], key);
      add(tiny("1.2.3-1", "first"));
      const before = releaseOf(site);
      add(tiny("1.3.0-1", "second"));
      // A client that has fetched the Release file from before finds the indices that it names.
      expect(missingByHash(site, before)).toEqual([]);
      expect(missingByHash(site, releaseOf(site))).toEqual([]);
      expect(() => add(tiny("1.2.3-1", "changed"))).toThrow(
        "petit_1.2.3-1_amd64.deb is already there, with other content",
      );
    } finally {
      run(["gpgconf", "--kill", "all"], key);
    }
    const apt = apted(site);
    const update = ["apt-get", ...apt, "-o", "APT::Update::Error-Mode=any", "update"];
    run(update);
    expect(run(["apt-cache", ...apt, "madison", "petit"]).match(/ [\d.]+-1 /g)).toEqual([" 1.3.0-1 ", " 1.2.3-1 "]);
    run(["sed", "-i", "s/^Suite: stable/Suite: forged/", join(site, "dists/stable/InRelease")]);
    expect(() => run(update)).toThrow("BADSIG");
  });

  const releaseOf = (site: string): string => readFileSync(join(site, "dists/stable/Release"), "utf8");

  /** Returns the indices that a Release file names and that are not in `by-hash`. apt asks there for the strongest digest that it names. */
  const missingByHash = (site: string, release: string): readonly string[] => {
    let algorithm = "";
    const missing: string[] = [];
    for (const line of release.split("\n")) {
      algorithm = /^(MD5Sum|SHA\d+):$/.exec(line)?.[1] ?? algorithm;
      const [, digest, path] = /^ (\w+) +\d+ (\S+)$/.exec(line) ?? [];
      if (digest === undefined || path === undefined) continue;
      const file = join(dirname(path), "by-hash", algorithm, digest);
      if (!existsSync(join(site, "dists/stable", file))) missing.push(file);
    }
    expect(algorithm).toMatch(/^SHA/);
    return missing;
  };

  /** Builds a package with one small file. */
  const tiny = (version: string, text: string): string => {
    const root = join(folder.path, `tiny-${text}`);
    folder.write(`tiny-${text}/usr/share/petit`, text);
    const control = {
      Package: "petit",
      Version: version,
      Architecture: "amd64",
      Maintainer: "p <p@p.test>",
      Description: "p",
    };
    folder.write(
      `tiny-${text}/DEBIAN/control`,
      Object.entries(control)
        .map((field) => `${field.join(": ")}\n`)
        .join(""),
    );
    run(["dpkg-deb", "--root-owner-group", "--build", root, `${root}.deb`]);
    return `${root}.deb`;
  };

  /** Returns options with which apt uses this repository alone, and none of this machine's files. */
  const apted = (site: string): readonly string[] => {
    for (const name of ["state/lists/partial", "cache/archives/partial", "parts"])
      mkdirSync(join(folder.path, "apt", name), { recursive: true });
    const options = {
      "Dir::State": join(folder.path, "apt/state"),
      "Dir::State::status": "/dev/null",
      "Dir::Cache": join(folder.path, "apt/cache"),
      "Dir::Etc::SourceList": join(folder.path, "apt/sources.list"),
      "Dir::Etc::SourceParts": join(folder.path, "apt/parts"),
      "Dir::Etc::Preferences": "/dev/null",
      "Dir::Etc::PreferencesParts": join(folder.path, "apt/parts"),
      "APT::Sandbox::User": "root",
      "APT::Architecture": "amd64",
      "APT::Architectures": "amd64",
      "Acquire::Languages": "none",
    };
    run(["sh", "-c", 'echo "deb [signed-by=$1/petit.gpg] file:$1 stable main" > apt/sources.list', "sh", site]);
    return Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  };
});
