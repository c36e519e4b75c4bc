import { expect, test } from "bun:test";
import { ask, runToEnd, start } from "../support/petit/api.ts";
import { endOf, eventually } from "../support/torture/run.ts";
import { PETIT, readyService, SLOW, SLOW_MS, sharedMachine, UNIT, writing } from "../support/vm/service.ts";
import type { VirtualMachine } from "../support/vm/vm.ts";

/** What scripts/packaging/linux/vm-repository has built. */
const REPOSITORY = "/opt/petit/repository";

/** The machine has no rpm of its own. */
const RPM = `${REPOSITORY}/rpm/rpm`;

/** Serves the repository, with the indices of the version that /run/offered names. */
const SERVER = `
  const root = ${JSON.stringify(REPOSITORY)};
  Bun.serve({ hostname: "127.0.0.1", port: 8080, fetch: async (request) => {
    const { pathname } = new URL(request.url);
    const offered = (await Bun.file("/run/offered").text()).trim();
    const file = Bun.file(pathname.startsWith("/pool/") ? root + pathname : root + "/" + offered + pathname);
    return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
  } });`;

/** As docs/packages.md has it. */
const SOURCES = `Types: deb
URIs: http://127.0.0.1:8080
Suites: stable
Components: main
Signed-By: /etc/apt/keyrings/petit.gpg
`;

/** Returns a job whose tasks wait for a writer of a FIFO, because twenty that poll would take the processor from the upgrade. */
const longWith = (tasks: number): string => `id: long
tasks:
${Array.from({ length: tasks }, (_, index) => `  - {id: t${index}, type: shell, script: 'touch begun-$PETIT_TASK_ID; cat go'}`).join("\n")}
`;

/** Other than that of the package. */
const CONFIG = "api_host: 0.0.0.0\nmax_tasks: 20\n";

/** It took 9 min on a machine that was busy with other work. */
const LIMIT_MS = 1_200_000;

/** How long apt may take. */
const APT_MS = 900_000;

const APT = "DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -y";

/** Makes the machine one that has never had a petit. */
const forget = async (machine: VirtualMachine): Promise<void> => {
  await machine.must(`
    [ ! -e ${UNIT} ] || ${PETIT} service uninstall
    rm -rf /var/lib/petit /etc/petit ${UNIT}.d /etc/credstore/petit-token`);
};

/** Serves version 0.0.1 of the package. */
const serve = async (machine: VirtualMachine): Promise<void> => {
  await machine.must(`
    echo 0.0.1 > /run/offered
    ${writing("/run/server.ts", SERVER)}
    systemctl is-active --quiet repository || systemd-run --quiet --unit=repository -E BUN_BE_BUN=1 ${PETIT} /run/server.ts
    mkdir -p /etc/apt/keyrings
    cp ${REPOSITORY}/0.0.1/petit.gpg /etc/apt/keyrings/petit.gpg
    rm -rf /etc/apt/sources.list /etc/apt/sources.list.d
    mkdir /etc/apt/sources.list.d
    ${writing("/etc/apt/sources.list.d/petit.sources", SOURCES)}`);
  const isServed = async (): Promise<true | null> =>
    (await machine.run("bash -c 'exec 3<> /dev/tcp/127.0.0.1/8080'")).status === 0 ? true : null;
  await eventually("the repository is served", isServed, SLOW_MS);
};

test(
  "the package is installed, upgraded beside 20 running tasks, removed and purged by apt",
  async () => {
    const machine = await sharedMachine();
    await forget(machine);
    await serve(machine);
    const seconds: Record<string, number> = {};
    const timed = async <T>(what: string, step: () => Promise<T>): Promise<T> => {
      const from = performance.now();
      const result = await step();
      seconds[what] = Math.round((performance.now() - from) / 100) / 10;
      return result;
    };
    const version = (): Promise<string> =>
      machine.must("dpkg-query --show --showformat='${Version} ${db:Status-Status}' petit");

    const from = performance.now();
    await timed("install", () => machine.must(`${APT} update; ${APT} install petit`, APT_MS));
    expect(await version()).toBe("0.0.1-1 installed");
    expect((await machine.run("systemctl is-enabled petit; systemctl is-active petit")).stdout).toBe(
      "disabled\ninactive\n",
    );
    expect(await machine.must("stat -c '%U %G %a' /var/lib/petit /etc/petit/jobs /etc/credstore/petit-token")).toBe(
      "petit petit 750\nroot root 755\nroot root 600\n",
    );

    const petit = await timed("start", async () => {
      await machine.must(`
      ${writing("/etc/petit/config.yaml", CONFIG)}
      cp /etc/petit/jobs/hello.yaml.example /etc/petit/jobs/hello.yaml
      ${writing("/etc/petit/jobs/long.yaml", longWith(20))}
      mkdir -p ${UNIT}.d
      ${writing(`${UNIT}.d/test.conf`, SLOW)}
      systemctl daemon-reload
      systemctl enable --quiet --now petit`);
      return await readyService(machine);
    });
    const first = await timed("first run", () => runToEnd(petit, "hello"));
    expect(first).toMatchObject({ status: "completed" });
    seconds["install to the end of the first run"] = Math.round((performance.now() - from) / 100) / 10;
    // Commands of root find the token.
    expect(await machine.must("petit runs --json")).toContain(first.id);

    await machine.must("mkfifo -m 666 /var/lib/petit/go");
    const long = await start(petit, "long");
    const begun = async (): Promise<true | null> =>
      (await machine.run("ls /var/lib/petit/begun-* | wc -l")).stdout === "20\n" ? true : null;
    await eventually("all tasks have begun", begun, SLOW_MS);
    const pid = await machine.must("systemctl show --property=MainPID --value petit");

    const upgraded = await timed("upgrade with 20 running tasks", async () => {
      await machine.must(`echo 0.0.2 > /run/offered; ${APT} update; ${APT} upgrade`, APT_MS);
      return await readyService(machine);
    });
    expect(await version()).toBe("0.0.2-1 installed");
    expect(await machine.must("systemctl show --property=MainPID --value petit")).not.toBe(pid);
    expect(await machine.must("cat /etc/petit/config.yaml")).toBe(CONFIG);
    await machine.must("echo > /var/lib/petit/go");
    const ended = await endOf(upgraded, long, SLOW_MS);
    expect(ended.status).toBe("completed");
    expect(ended.tasks.map(({ status, attempts }: { status: string; attempts: number }) => [status, attempts])).toEqual(
      Array.from({ length: 20 }, () => ["completed", 1]),
    );

    await timed("remove", () => machine.must(`${APT} remove petit`, APT_MS));
    expect(await version()).toBe("0.0.2-1 config-files");
    expect((await machine.run("systemctl is-active petit")).stdout).toBe("inactive\n");
    expect(await machine.must("ls /etc/petit /etc/petit/jobs /usr/bin/petit 2>/dev/null || :")).toBe(
      "/etc/petit:\nconfig.yaml\njobs\n\n/etc/petit/jobs:\nhello.yaml\nhello.yaml.example\nlong.yaml\n",
    );

    await timed("install again", async () => {
      await machine.must(`${APT} install petit; systemctl start petit`, APT_MS);
      return await readyService(machine);
    });
    const { body } = await ask(petit, "/api/runs?limit=10");
    expect(body.runs.map(({ id }: { id: string }) => id).toSorted()).toEqual([first.id, long].toSorted());

    await timed("purge", () => machine.must(`${APT} purge petit`, APT_MS));
    expect(await machine.must("dpkg-query --show petit 2>&1 || :")).toContain("no packages found");
    expect(await machine.must("ls /var/lib/petit/petit.db /etc/petit/jobs")).toBe(
      "/var/lib/petit/petit.db\n\n/etc/petit/jobs:\nhello.yaml\nlong.yaml\n",
    );
    expect(
      (
        await machine.run(
          "ls /etc/petit/config.yaml /etc/credstore/petit-token /etc/systemd/system/multi-user.target.wants/petit.service",
        )
      ).stdout,
    ).toBe("");
    await machine.must(`${PETIT} backup /root/copy.db --db /var/lib/petit/petit.db`);
    console.log("seconds in the emulated machine:", seconds);
  },
  LIMIT_MS,
);

/** How the package managers do the same. The small packages have a script that calls PETIT in the place of the executable. */
const MANAGERS = {
  deb: {
    install: (version: string) => `dpkg --install ${REPOSITORY}/small/petit_${version}-1_*.deb`,
    remove: "dpkg --remove petit",
    purge: "dpkg --purge petit",
  },
  rpm: {
    install: (version: string) => `${RPM} --upgrade --nodeps --oldpackage ${REPOSITORY}/small/petit-${version}-1.*.rpm`,
    remove: `${RPM} --erase --nodeps petit`,
    purge: "true",
  },
};

test.each(Object.entries(MANAGERS))(
  "the scripts of a .%s keep tasks, history, and a service that is not the package's",
  async (_format, { install, remove, purge }) => {
    const machine = await sharedMachine();
    await forget(machine);
    const stateOf = (): Promise<string> =>
      machine.must("echo $(systemctl is-active petit) $(systemctl show --property=MainPID --value petit)");

    await machine.must(`
      ${install("0.0.1")}
      ! systemctl --quiet is-enabled petit
      ! systemctl --quiet is-active petit`);
    expect(await machine.must("stat -c '%U %G %a' /var/lib/petit /etc/petit/jobs /etc/credstore/petit-token")).toBe(
      "petit petit 750\nroot root 755\nroot root 600\n",
    );

    await machine.must(`
      ${writing("/etc/petit/config.yaml", CONFIG)}
      ${writing("/etc/petit/jobs/long.yaml", longWith(2))}
      mkdir -p ${UNIT}.d
      ${writing(`${UNIT}.d/test.conf`, SLOW)}
      systemctl daemon-reload
      mkfifo -m 666 /var/lib/petit/go
      systemctl start petit`);
    const petit = await readyService(machine);
    const long = await start(petit, "long");
    const begun = async (): Promise<true | null> =>
      (await machine.run("ls /var/lib/petit/begun-* | wc -l")).stdout === "2\n" ? true : null;
    await eventually("all tasks have begun", begun, SLOW_MS);
    const before = await stateOf();

    // A configuration with which the new version would not start.
    const refused = await machine.run(`
      echo 'max_jobs: many' > /etc/petit/config.yaml
      ${install("0.0.2")}`);
    expect(refused.status).toBe(0);
    expect(refused.stderr).toContain("/etc/petit/config.yaml:1:1: max_jobs is 'many'");
    expect(refused.stderr).toContain("petit was not restarted");
    expect(await stateOf()).toBe(before);

    await machine.must(`
      ${writing("/etc/petit/config.yaml", CONFIG)}
      ${install("0.0.1")}`);
    const restarted = await readyService(machine);
    expect(await stateOf()).toMatch(/^active \d+\n$/);
    expect(await stateOf()).not.toBe(before);
    await machine.must("echo > /var/lib/petit/go");
    const ended = await endOf(restarted, long, SLOW_MS);
    expect(ended.tasks.map(({ status, attempts }: { status: string; attempts: number }) => [status, attempts])).toEqual(
      Array.from({ length: 2 }, () => ["completed", 1]),
    );

    await machine.must(remove);
    expect(await stateOf()).toBe("inactive 0\n");
    expect(await machine.must("ls /etc/petit/jobs")).toContain("long.yaml\n");

    // As after `userdel petit`, or on another machine.
    await machine.must(`
      chown -R 4242:4242 /var/lib/petit
      ${install("0.0.2")}
      ${writing("/etc/petit/config.yaml", CONFIG)}
      systemctl start petit`);
    const { body } = await ask(await readyService(machine), "/api/runs?limit=10");
    expect(body.runs.map(({ id }: { id: string }) => id)).toEqual([long]);
    await machine.must(remove);

    await machine.must(`${PETIT} service install --api-host 0.0.0.0 --token`);
    const own = await stateOf();
    await machine.must(`
      ${install("0.0.1")}
      ${install("0.0.2")}
      ${remove}
      ${purge}`);
    expect(await stateOf()).toBe(own);
    await machine.must("[ -e /etc/credstore/petit-token ]");
  },
  LIMIT_MS,
);
