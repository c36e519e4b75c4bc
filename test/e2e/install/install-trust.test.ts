import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tempFolder } from "../../support/cli.ts";

const ROOT = join(import.meta.dir, "../../..");
const SCRIPT = join(ROOT, "scripts/install.sh");
const SIGN = join(ROOT, "scripts/packaging/sign");
const ARCHIVE = `petit-linux-${process.arch}.tar.gz`;

/** Files by path. A string redirects the request to that URL. */
type Files = Record<string, Buffer | string>;

let files: Files = {};
const servers: Server[] = [];
let [work, http, https] = ["", "", ""];

const answer: Parameters<typeof createServer>[1] = ({ url = "" }, response) => {
  const file = files[url];
  if (file === undefined) response.writeHead(404).end();
  else if (typeof file === "string") response.writeHead(302, { location: file }).end();
  else response.end(file);
};

const listen = async (server: Server): Promise<number> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};

const run = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): string => {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv], { env: { PATH: process.env.PATH ?? "", ...env } });
  if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
  return stdout.toString();
};

/** Creates a minisign key pair. Returns the path of the secret key, and the public key as text. */
const makeKey = (name: string): { readonly secret: string; readonly public: string } => {
  const [secret, pub] = [join(work, `${name}.key`), join(work, `${name}.pub`)];
  run(["minisign", "-G", "-W", "-s", secret, "-p", pub]);
  return { secret, public: readFileSync(pub, "utf8").split("\n")[1] ?? "" };
};

/** Returns the files of a release. Its checksums are signed with the key, unless it is null. */
const release = (version: string, secret: string | null): Files => {
  const folder = mkdtempSync(join(work, "release-"));
  mkdirSync(join(folder, `petit-${version}`));
  writeFileSync(join(folder, `petit-${version}/petit`), `#!/bin/sh\necho petit ${version}\n`);
  chmodSync(join(folder, `petit-${version}/petit`), 0o755);
  run(["tar", "-C", folder, "-czf", join(folder, ARCHIVE), `petit-${version}`]);
  const archive = readFileSync(join(folder, ARCHIVE));
  const sums = join(folder, "SHA256SUMS");
  writeFileSync(sums, `${createHash("sha256").update(archive).digest("hex")}  ${ARCHIVE}\n`);
  if (secret !== null) run([SIGN, sums, `petit ${version}`], { PETIT_SIGNING_KEY: secret });
  const names = [ARCHIVE, "SHA256SUMS", ...(secret === null ? [] : ["SHA256SUMS.minisig"])];
  return Object.fromEntries(names.map((name) => [`/latest/download/${name}`, readFileSync(join(folder, name))]));
};

/** Creates a folder with links to all programs of this machine except the hidden ones. Returns its path. */
const programsWithout = (hidden: readonly string[]): string => {
  const folder = mkdtempSync(join(work, "bin-"));
  for (const dir of ["/usr/bin", "/bin"])
    for (const name of readdirSync(dir))
      if (!hidden.includes(name) && !existsSync(join(folder, name))) symlinkSync(join(dir, name), join(folder, name));
  return folder;
};

type Installing = { readonly base?: string; readonly key?: string; readonly hidden?: readonly string[] };

const install = async (prefix: string, { base = http, key = "", hidden = [] }: Installing) => {
  writeFileSync(join(prefix, ".wgetrc"), `ca_certificate = ${join(work, "tls.crt")}\n`);
  const child = Bun.spawn(["sh", SCRIPT, "--prefix", prefix], {
    env: {
      PATH: hidden.length === 0 ? (process.env.PATH ?? "") : programsWithout(hidden),
      HOME: prefix,
      PETIT_BASE_URL: base,
      PETIT_PUBLIC_KEY: key,
      CURL_CA_BUNDLE: join(work, "tls.crt"),
    },
    stdout: "ignore",
    stderr: "pipe",
  });
  const [stderr, status] = [await new Response(child.stderr).text(), await child.exited];
  return { status, stderr, installed: existsSync(join(prefix, "bin/petit")) };
};

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), "petit-trust-"));
  const [key, cert] = [join(work, "tls.key"), join(work, "tls.crt")];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  run([
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "2",
    "-keyout",
    key,
    "-out",
    cert,
    ...subject,
  ]);
  http = `http://127.0.0.1:${await listen(createServer(answer))}`;
  const tls = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer);
  https = `https://127.0.0.1:${await listen(tls)}`;
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(work, { recursive: true });
});

const DOWNLOADERS = [
  ["curl", []],
  ["wget", ["curl"]],
] as const;

describe.each(DOWNLOADERS.filter(([name]) => Bun.which(name) !== null))("install.sh with %s", (_, hidden) => {
  const redirected = (from: string): Files =>
    Object.fromEntries(
      Object.entries(release("1.0.0", null)).flatMap(([path, file]): [string, Buffer | string][] => [
        [path, `${from}/real${path}`],
        [`/real${path}`, file],
      ]),
    );

  test("follows a redirect from https to https", async () => {
    using folder = tempFolder();
    files = redirected(https);
    expect(await install(folder.path, { base: https, hidden })).toMatchObject({ status: 0, installed: true });
  });

  test("refuses a redirect from https to http", async () => {
    using folder = tempFolder();
    files = redirected(http);
    expect(await install(folder.path, { base: https, hidden })).toMatchObject({ status: 1, installed: false });
  });

  test("follows a redirect from http to http and https", async () => {
    for (const to of [http, https]) {
      using folder = tempFolder();
      files = redirected(to);
      expect(await install(folder.path, { hidden })).toMatchObject({ status: 0, installed: true });
    }
  });
});

const VERIFIERS = [
  ["minisign", []],
  ["openssl", ["minisign"]],
] as const;

describe.skipIf(Bun.which("minisign") === null).each(VERIFIERS)("install.sh with %s", (_, hidden) => {
  test("installs a release that is signed with the key it knows", async () => {
    using folder = tempFolder();
    const { secret, public: key } = makeKey(folder.path.slice(-6));
    files = release("1.0.0", secret);
    expect(await install(folder.path, { key, hidden })).toMatchObject({ status: 0, installed: true });
  });

  test.each(["another key", "no key", "a key for other checksums", "a signature of the legacy format"])(
    "refuses a release with %s",
    async (what) => {
      using folder = tempFolder();
      const { secret, public: key } = makeKey(folder.path.slice(-6));
      const other = makeKey(`other-${folder.path.slice(-6)}`);
      const signedWith = what === "another key" ? other.secret : secret;
      files = release("1.0.0", what === "no key" ? null : signedWith);
      if (what === "a key for other checksums")
        files["/latest/download/SHA256SUMS"] = Buffer.from(`${files["/latest/download/SHA256SUMS"]}\n`);
      if (what === "a signature of the legacy format") {
        writeFileSync(folder.write("sums", ""), files["/latest/download/SHA256SUMS"] ?? "");
        run(["minisign", "-S", "-l", "-s", secret, "-m", join(folder.path, "sums")]);
        files["/latest/download/SHA256SUMS.minisig"] = readFileSync(join(folder.path, "sums.minisig"));
      }
      const refused = await install(folder.path, { key, hidden });
      expect(refused).toMatchObject({ status: 1, installed: false });
      expect(refused.stderr).toMatch(what === "no key" ? "is not signed" : "the signature is wrong");
    },
  );
});

describe.skipIf(Bun.which("minisign") === null)("scripts/packaging/sign", () => {
  test("creates reproducible signatures that minisign verifies with the printed public key", () => {
    using folder = tempFolder();
    const { secret, public: key } = makeKey(folder.path.slice(-6));
    const env = { PETIT_SIGNING_KEY: secret };
    expect(run([SIGN, "--public-key"], env)).toBe(`${key}\n`);
    const [first, second] = ["a", "b"].map((name) => {
      const file = folder.write(`${name}/SHA256SUMS`, "sums\n");
      run([SIGN, file, "petit 1.0.0"], env);
      return readFileSync(`${file}.minisig`, "utf8");
    });
    expect(first).toBe(second ?? "");
    const sums = join(folder.path, "a/SHA256SUMS");
    expect(run(["minisign", "-V", "-H", "-P", key, "-m", sums])).toContain("petit 1.0.0");
    copyFileSync(join(folder.path, "a/SHA256SUMS.minisig"), join(folder.path, "b/SHA256SUMS.minisig"));
    writeFileSync(join(folder.path, "b/SHA256SUMS"), "other sums\n");
    expect(() => run(["minisign", "-V", "-P", key, "-m", join(folder.path, "b/SHA256SUMS")])).toThrow();
  });

  test("does nothing without a key", () => {
    using folder = tempFolder();
    run([SIGN, folder.write("SHA256SUMS", "sums\n"), "petit 1.0.0"]);
    expect(readdirSync(folder.path)).toEqual(["SHA256SUMS"]);
    expect(run([SIGN, "--public-key"])).toBe("");
  });
});
