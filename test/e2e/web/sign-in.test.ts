import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { BrowserContext, Page } from "playwright-core";
import { tempFolder } from "../../support/cli.ts";
import { type RealProvider, startRealProvider } from "../../support/oidc/real-provider.ts";
import { type Petit, startPetit } from "../../support/petit/petit.ts";
import { CHROMIUM, openTrustingProfile } from "../../support/web/browser.ts";
import { startTlsProxy, type TlsProxy } from "../../support/web/tls-proxy.ts";

const CLIENT_SECRET = "secret-of-the-client-of-the-provider";
const PROXY_SECRET = "secret-of-the-proxy";
const JOBS = { "jobs.yaml": 'id: hello\nname: Hello\ntasks: [{id: only, type: command, command: "true"}]\n' };

describe.skipIf(CHROMIUM === null)("people in a browser, through a proxy with TLS", () => {
  const folder = tempFolder();
  let proxy: TlsProxy;
  let provider: RealProvider;
  let petit: Petit;
  let ports = 0;

  const startProvider = async (): Promise<RealProvider> => {
    const started = await startRealProvider({
      clientSecret: CLIENT_SECRET,
      redirectUri: `${proxy.url}/api/session/callback`,
      port: ports,
    });
    ports = Number(new URL(started.issuer).port);
    for (const [name, groups] of [
      ["ada", ["ops"]],
      ["vera", ["staff"]],
      ["eve", []],
    ] as const)
      started.groups.set(name, groups);
    return started;
  };

  beforeAll(async () => {
    proxy = await startTlsProxy();
    provider = await startProvider();
    folder.write("client.secret", CLIENT_SECRET);
    folder.write("proxy.secret", PROXY_SECRET);
    const config = folder.write(
      "config.yaml",
      `public_url: ${proxy.url}
auth:
  proxy: {from: [127.0.0.1], secret: {file: proxy.secret}, user: Remote-User, groups: Remote-Groups, roles: {operator: [dev]}}
  oidc:
    issuer: ${provider.issuer}
    client_id: petit
    client_secret: {file: client.secret}
    scopes: [openid, email, groups]
    roles: {admin: [ops], viewer: [staff]}
  contact: ops@example.com
`,
    );
    petit = await startPetit({ jobs: JOBS, env: { PETIT_CONFIG: config } });
    proxy.target = petit.url;
  }, 60_000);
  afterAll(async () => {
    await petit[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const logIn = async (page: Page, name: string): Promise<void> => {
    await page.getByRole("link", { name: `Sign in with ${new URL(provider.issuer).host}` }).click();
    await page.getByPlaceholder("Enter any login").fill(name);
    await page.getByPlaceholder("and password").fill("any");
    await page.getByRole("button", { name: "Sign-in" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
  };

  const cookiesOf = (context: BrowserContext) => context.cookies(proxy.url);

  test("log in at the provider, come back to where they were, and log out", async () => {
    await using browser = await openTrustingProfile();
    const page = await browser.context.newPage();
    await page.goto(`${proxy.url}/jobs?q=hel#top`);
    await logIn(page, "ada");
    await page.getByRole("link", { name: "Hello" }).first().waitFor();
    expect(page.url()).toBe(`${proxy.url}/jobs?q=hel#top`);
    await page.getByRole("button", { name: "You: ada@example.com" }).click();
    await page.getByText("by a login at an OpenID provider").waitFor();
    const cookies = await cookiesOf(browser.context);
    expect(cookies.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite }))).toEqual([
      { name: "__Host-petit_session", httpOnly: true, secure: true, sameSite: "Strict" },
    ]);
    const stolen = `__Host-petit_session=${cookies[0]?.value}`;
    expect((await petit.fetch("/api/jobs", { headers: { cookie: stolen } })).status).toBe(200);
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("link", { name: /^Sign in with/ }).waitFor();
    expect(await cookiesOf(browser.context)).toEqual([]);
    expect((await petit.fetch("/api/jobs", { headers: { cookie: stolen } })).status).toBe(401);
  }, 60_000);

  test("are told why not, if they have no role or refuse", async () => {
    await using browser = await openTrustingProfile();
    const page = await browser.context.newPage();
    await page.goto(`${proxy.url}/jobs`);
    await logIn(page, "eve");
    await page.getByRole("alert").getByText("have no role here; ask ops@example.com for one").waitFor();
    expect(page.url()).toBe(`${proxy.url}/jobs`);
    await page.reload();
    await page.getByRole("link", { name: /^Sign in with/ }).waitFor();
    expect(await page.getByRole("dialog").getByRole("alert").count()).toBe(0);
    expect(await cookiesOf(browser.context)).toEqual([]);
    await page.goto(`${proxy.url}/?sign_in=denied`);
    await page.getByRole("alert").getByText("did not log you in: you or it refused").waitFor();
    await page.goto(`${proxy.url}/?sign_in=%3Cb%3Enonsense`);
    await page.getByRole("link", { name: /^Sign in with/ }).waitFor();
    expect(await page.getByRole("dialog").getByRole("alert").count()).toBe(0);
  }, 60_000);

  test("are told that the provider is away, and log in when it is back", async () => {
    await provider[Symbol.asyncDispose]();
    await using other = await startPetit({ jobs: JOBS, env: { PETIT_CONFIG: `${folder.path}/config.yaml` } });
    proxy.target = other.url;
    await using browser = await openTrustingProfile();
    const page = await browser.context.newPage();
    await page.goto(`${proxy.url}/jobs`);
    await page.getByRole("link", { name: /^Sign in with/ }).click();
    await page.getByRole("alert").getByText("does not answer. Try again in a moment.").waitFor();
    await page.getByText("can't be used at the moment: ").waitFor();
    provider = await startProvider();
    await logIn(page, "vera");
    await page.getByRole("button", { name: "You: vera@example.com" }).waitFor();
    proxy.target = petit.url;
  }, 60_000);

  test("come in through the proxy that knows them, and change something", async () => {
    proxy.change = (headers) => ({
      ...headers,
      "remote-user": "dora",
      "remote-groups": "dev",
      "x-petit-proxy-secret": PROXY_SECRET,
    });
    await using browser = await openTrustingProfile();
    const page = await browser.context.newPage();
    await page.goto(`${proxy.url}/jobs/hello`);
    await page.getByRole("button", { name: "You: dora" }).waitFor();
    const answer = await page.evaluate("fetch('/api/jobs/hello/trigger', {method: 'POST'}).then(({status}) => status)");
    expect(answer).toBe(200);
    proxy.change = (headers) => ({ ...headers, "remote-user": "eve", "x-petit-proxy-secret": PROXY_SECRET });
    await page.reload();
    await page.getByRole("heading", { name: "No role" }).waitFor();
    await page.getByText("'eve' is logged in, but has no role here; ask ops@example.com for one").waitFor();
    proxy.change = (headers) => headers;
  }, 60_000);
});
