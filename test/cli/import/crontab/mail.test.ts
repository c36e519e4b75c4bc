import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { petit, tempFolder } from "../../../support/cli.ts";

const importText = async (text: string, flags: readonly string[], config = "") => {
  using folder = tempFolder();
  folder.write("mycron", text);
  folder.write("config.yaml", config);
  const args = ["import", "crontab", "mycron", "--json", "--config", join(folder.path, "config.yaml"), ...flags];
  const { status, stdout, stderr } = await petit(args, { cwd: folder.path });
  if (status !== 0) return { status, stderr, jobs: [], lines: [] };
  const { files, lines } = JSON.parse(stdout);
  return { status, stderr, lines, jobs: files.map((file: { text: string }) => parse(file.text)) };
};

describe("MAILTO", () => {
  test("becomes `notify` with --smtp, for the lines below it", async () => {
    const text = `@daily a
MAILTO=ops@example.com, root
@daily b
@daily -n c
MAILFROM=cron@example.com
@daily d
MAILTO=""
@daily e
MAILTO=no(body
@daily f
`;
    const { jobs, lines } = await importText(text, ["--smtp", "localhost:2525"]);
    const server = { type: "email", host: "localhost", port: 2525, tls: "none" };
    const to = ["ops@example.com", "root@localhost"];
    expect(jobs.map(({ notify }: { notify?: unknown }) => notify)).toEqual([
      undefined,
      [{ ...server, from: expect.stringContaining("@localhost"), to, on: ["output"] }],
      [{ ...server, from: expect.stringContaining("@localhost"), to, on: ["failure"] }],
      [{ ...server, from: "cron@example.com", to, on: ["output"] }],
      undefined,
      [{ ...server, from: "cron@example.com", to: ["no(body@localhost"], on: ["output"] }],
    ]);
    expect(lines[1].notes).toEqual([
      "MAILTO: `notify` mails the output of the commands below to ops@example.com, root@localhost",
    ]);
  });

  test.each(["$USER", "${ADMIN}@example.com", "-oQ/tmp", "|/bin/mail", "/var/mail/x", "ops, -f"])(
    "%j names nobody, as for cron",
    async (value) => {
      const { jobs, lines } = await importText(`MAILTO=${value}\n@daily a\n`, ["--smtp", "localhost"]);
      expect(jobs[0].notify).toBeUndefined();
      expect(lines[0].notes).toEqual([`MAILTO: '${value}' is not a list of addresses; the output is not mailed`]);
    },
  );

  test("uses the mail server of the configuration file, with its login", async () => {
    const config = `notify:
  - { type: ntfy, url: https://ntfy.sh/topic }
  - type: email
    host: smtp.example.com
    user: petit
    password: { env: PETIT_SMTP_PASSWORD }
    from: petit@example.com
    to: admin@example.com
`;
    const { jobs, lines } = await importText("MAILTO=ops\n@daily a\n", [], config);
    expect(lines[0].notes).toEqual([
      expect.stringContaining("the `notify` of the configuration file, such as of failures, does not apply to them"),
    ]);
    expect(jobs[0].notify).toEqual([
      {
        type: "email",
        host: "smtp.example.com",
        port: 587,
        tls: "starttls",
        user: "petit",
        password: { env: "PETIT_SMTP_PASSWORD" },
        from: "petit@example.com",
        to: [`ops@${hostname()}`],
        on: ["output"],
      },
    ]);
  });

  test("stays a comment without a mail server, and a wrong one is refused", async () => {
    expect((await importText("MAILTO=ops@example.com\n@daily a\n", [])).jobs[0].notify).toBeUndefined();
    const refused = await importText("@daily a\n", ["--smtp", "smtp://x"]);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("expected HOST or HOST:PORT") });
  });
});
