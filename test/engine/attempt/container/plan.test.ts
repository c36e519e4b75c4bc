import { describe, expect, test } from "bun:test";
import { type ContainerOptions, planContainer } from "../../../../src/engine/attempt/container/plan.ts";
import { spoolOf } from "../../../../src/engine/output/spool.ts";

const NO_OPTIONS = {
  image: "image:1",
  engine: null,
  volumes: [],
  user: null,
  network: null,
  pull: null,
  memory: null,
  cpus: null,
  entrypoint: null,
} as const;

const plan = (options: Partial<ContainerOptions> = {}) =>
  planContainer({
    container: NO_OPTIONS,
    started: { engine: "/usr/bin/podman", name: "petit-7-abc", environment: { PATH: "/bin", PETIT_TEST: "own" } },
    spool: spoolOf("/spool", 7),
    runId: "run",
    argv: ["echo", "hi"],
    cwd: "/work",
    environment: {},
    secrets: new Set(),
    hasStdin: false,
    hasEvent: false,
    hasScript: false,
    file: null,
    folder: "/jobs",
    ownFolders: { state: [{ what: "spool", path: "/spool" }], jobs: "/jobs" },
    expand: (text) => text,
    limits: {},
    ...options,
  });

/** Returns the values of a flag. */
const valuesOf = (argv: readonly string[], flag: string): readonly string[] =>
  argv.flatMap((word, index) => (word === flag ? [argv[index + 1] ?? ""] : []));

const mounts = (argv: readonly string[]): readonly string[] => argv.filter((word) => word.startsWith("--mount="));

describe("the command of a container", () => {
  test("has the limits of the task, without swap, and for a process of the engine itself", () => {
    const { argv } = plan({ limits: { memoryBytes: 2 ** 26, cpus: 1.5, pids: 50 } });
    const flags = ["--memory", "--memory-swap", "--cpus", "--pids-limit"];
    expect(flags.map((flag) => valuesOf(argv, flag))).toEqual([["67108864b"], ["67108864b"], ["1.5"], ["51"]]);
    expect(flags.flatMap((flag) => valuesOf(plan().argv, flag))).toEqual([]);
  });

  test("names the values of variables without showing them", () => {
    const { argv, environment } = plan({
      environment: { KEY: "hidden", GOOGLE_API_KEY: "hidden", DOCKER_PASSWORD: "x" },
    });
    expect(valuesOf(argv, "--env").filter((each) => !each.startsWith("PETIT_"))).toEqual([
      "KEY",
      "GOOGLE_API_KEY",
      "DOCKER_PASSWORD",
    ]);
    expect(environment).toMatchObject({ KEY: "hidden", GOOGLE_API_KEY: "hidden", PATH: "/bin" });
  });

  test.each(["PATH", "HOME", "DOCKER_HOST", "CONTAINERS_CONF", "XDG_RUNTIME_DIR", "LD_PRELOAD", "https_proxy"])(
    "does not let the job's %s change the client",
    (name) => {
      const { argv, environment } = plan({ environment: { [name]: "given" } });
      expect(valuesOf(argv, "--env")).toContain(`${name}=given`);
      expect(environment[name]).not.toBe("given");
    },
  );

  test("shows no secret, even if the client reads that variable", () => {
    const { argv, environment } = plan({ environment: { HTTPS_PROXY: "hidden" }, secrets: new Set(["HTTPS_PROXY"]) });
    expect(argv.join(" ")).not.toContain("hidden");
    expect(environment.HTTPS_PROXY).toBe("hidden");
  });

  test("mounts the working directory, the script and the outputs", () => {
    expect(mounts(plan({ hasScript: true }).argv)).toEqual([
      "--mount=type=bind,source=/work,target=/work",
      "--mount=type=bind,source=/spool/7.script,target=/petit/script,readonly",
      "--mount=type=bind,source=/spool/7.outputs,target=/petit/output",
      "--mount=type=bind,source=/spool/7/artifacts,target=/petit/artifacts",
    ]);
  });

  test("mounts no folder of a task that names none", () => {
    const { argv } = plan({ cwd: null });
    expect(mounts(argv)).toEqual([
      "--mount=type=bind,source=/spool/7.outputs,target=/petit/output",
      "--mount=type=bind,source=/spool/7/artifacts,target=/petit/artifacts",
    ]);
    expect(argv).not.toContain("--workdir");
  });

  test.each([
    ["/work/a.py", false],
    ["/jobs/a.py", true],
    ["/workshop/a.py", true],
  ])("mounts the folder of the script file %s unless it is there already", (file, isMounted) => {
    const folder = file.slice(0, file.lastIndexOf("/"));
    const mount = `--mount=type=bind,source=${folder},target=${folder},readonly`;
    expect(mounts(plan({ file }).argv).includes(mount)).toBe(isMounted);
  });

  test("quotes paths with commas and quotes", () => {
    expect(mounts(plan({ cwd: '/a,"b"' }).argv)[0]).toBe('--mount=type=bind,"source=/a,""b""","target=/a,""b"""');
  });

  test.each([
    ["./data:/data", "/jobs/data:/data:ro"],
    [".data:/data:rw,z", "/jobs/.data:/data:z,ro"],
    ["..data:/data:O", "/jobs/..data:/data:O"],
    ["../up:/up:ro", "/up:/up:ro"],
    ["/data", "/data"],
    ["cache:/cache", "cache:/cache"],
    ["/srv:/srv", "/srv:/srv"],
  ])("resolves the volume %s to %s", (volume, expected) => {
    const base = plan().argv;
    const { argv } = plan({ container: { ...NO_OPTIONS, volumes: [volume] } });
    expect(valuesOf(argv, "--volume")).toEqual([expected]);
    expect(base).not.toContain("--volume");
  });

  test.each(["/", "..", "/spool/8", "/srv/../spool"])(
    "refuses the volume %s, which has to do with the spool",
    (path) => {
      const container = { ...NO_OPTIONS, volumes: [`${path}:/x:ro`] };
      expect(() => plan({ container })).toThrow(/^container\.volumes\[0\]: .* the folder of petit's spool/);
    },
  );

  test("refuses an overlay that podman would store in a folder of petit", () => {
    const refusal = (folder: string) => () =>
      plan({ container: { ...NO_OPTIONS, volumes: [`/srv:/srv:O,upperdir=${folder},workdir=/tmp`] } });
    expect(refusal("/spool/8")).toThrow("/spool/8 lies in the folder of petit's spool");
    expect(refusal("/jobs")).toThrow("/jobs is a folder of job files");
  });

  test("protects the job files in a folder that contains them, and the way to them", () => {
    const ownFolders = { state: [], jobs: "/srv/petit/jobs" };
    const { argv } = plan({ cwd: "/srv", ownFolders, container: { ...NO_OPTIONS, volumes: ["/srv/petit:/p"] } });
    expect(mounts(argv).filter((mount) => mount.includes("/srv"))).toEqual([
      "--mount=type=bind,source=/srv,target=/srv",
      "--mount=type=bind,source=/srv/petit,target=/srv/petit",
      "--mount=type=bind,source=/srv/petit/jobs,target=/srv/petit/jobs,readonly",
      "--mount=type=bind,source=/srv/petit/jobs,target=/p/jobs,readonly",
    ]);
  });

  test("mounts only the script file if its folder has to do with what petit stores", () => {
    const { argv } = plan({ cwd: null, file: "/spool/files/a.py" });
    expect(mounts(argv)).toContain("--mount=type=bind,source=/spool/files/a.py,target=/spool/files/a.py,readonly");
  });

  test.each(["", "-v/:/host", "a b"])("refuses the image '%s'", (image) => {
    expect(() => plan({ container: { ...NO_OPTIONS, image } })).toThrow(`image '${image}' must not be empty`);
  });
});
