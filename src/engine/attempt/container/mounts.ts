import { dirname, join, relative, resolve } from "node:path";
import { isWithin, judgeMount, type OwnFolders } from "../../../jobfile/mount.ts";
import { splitVolume } from "../../../jobfile/volume.ts";
import { SpawnError } from "../spawn-error.ts";

export type MountOptions = {
  /** The folder on this machine that the program runs in; null if the task names none. */
  readonly cwd: string | null;
  /** Path of the script that the job file contains, if it does. */
  readonly script: string | null;
  /** The file with the event that started the run, and where the container has it; null if there is none. */
  readonly event: readonly [source: string, target: string] | null;
  /** Path of the script file that the job file names, if it does. */
  readonly file: string | null;
  /** Other files and folders of the attempt, and where the container has them. */
  readonly own: readonly (readonly [source: string, target: string])[];
  /** The volumes of the task, without templates. */
  readonly volumes: readonly string[];
  /** Folder of the job file, to which the paths of volumes are relative. */
  readonly folder: string;
  readonly ownFolders: OwnFolders;
};

/** Where a container has the script that the job file contains. */
export const SCRIPT_IN_CONTAINER = "/petit/script";

/**
 * Returns the arguments that mount what the task names and the files of its attempt, and nothing else. JOBS_DIR is read-only
 * wherever it is mounted. Throws SpawnError if the task names what petit stores.
 */
export const mountArguments = (options: MountOptions): readonly string[] => {
  const { cwd, script, event, file, own, ownFolders } = options;
  const workdir = cwd === null ? [] : bindNamed("working_dir", { source: cwd, target: cwd, ownFolders });
  const volumes = options.volumes.map((volume, index) => volumeOf(volume, `container.volumes[${index}]`, options));
  const named = new Set([...(cwd === null ? [] : [cwd]), ...volumes.map(({ target }) => target)]);
  const inner = new Map(
    [...workdir.slice(1), ...volumes.flatMap((each) => each.inner)].map((each) => [each.target, each]),
  );
  const others = [
    ...[...inner.values()].filter(({ target }) => !named.has(target)),
    ...(file === null ? [] : scriptOf(file, ownFolders)).filter(
      ({ target }) => !named.has(target) && !inner.has(target) && (cwd === null || !isWithin(target, cwd)),
    ),
  ];
  return [
    ...workdir.slice(0, 1).map(bindArgument),
    ...(script === null ? [] : [{ source: script, target: SCRIPT_IN_CONTAINER, isReadOnly: true }]).map(bindArgument),
    ...(event === null ? [] : [{ source: event[0], target: event[1], isReadOnly: true }]).map(bindArgument),
    ...own.map(([source, target]) => bindArgument({ source, target, isReadOnly: false })),
    ...volumes.flatMap(({ text }) => ["--volume", text]),
    ...others.map(bindArgument),
  ];
};

type Bind = { readonly source: string; readonly target: string; readonly isReadOnly: boolean };

type NamedBind = { readonly source: string; readonly target: string; readonly ownFolders: OwnFolders };

/** Returns the mount of a path that the task names, and then those of folders below it. */
const bindNamed = (field: string, { source, target, ownFolders }: NamedBind): readonly Bind[] => {
  const mount = judgeMount(source, ownFolders);
  if ("problem" in mount) throw new SpawnError("EINVAL", `${field}: ${mount.problem}`);
  return [
    { source: mount.source, target, isReadOnly: mount.isReadOnly },
    ...mount.inner.map(({ path, isReadOnly }) => ({
      source: path,
      target: join(target, relative(mount.source, path)),
      isReadOnly,
    })),
  ];
};

type Volume = {
  /** The value of `--volume`. */
  readonly text: string;
  readonly target: string;
  readonly inner: readonly Bind[];
};

const volumeOf = (volume: string, field: string, { folder, ownFolders }: MountOptions): Volume => {
  const { source, target, options } = splitVolume(volume);
  if (source === null) return { text: volume, target: resolve("/", target), inner: [] };
  const [outer, ...inner] = bindNamed(field, { source: resolve(folder, source), target, ownFolders });
  if (outer === undefined) throw new Error("a volume without a mount");
  for (const other of overlayFolders(options)) {
    const [layer] = bindNamed(field, { source: resolve(folder, other), target, ownFolders });
    if (layer?.isReadOnly !== false)
      throw new SpawnError("EINVAL", `${field}: ${other} is a folder of job files, which a container must not change`);
  }
  const isReadOnly = outer.isReadOnly && !options.includes("O");
  const others = isReadOnly ? [...options.filter((option) => option !== "rw" && option !== "ro"), "ro"] : options;
  const text = [outer.source, target, ...(others.length === 0 ? [] : [others.join(",")])].join(":");
  return { text, target: resolve("/", target), inner: options.some((each) => READ_ONLY.has(each)) ? [] : inner };
};

/** Options of a volume with which the container does not change its source: the last is podman's overlay. */
const READ_ONLY: ReadonlySet<string> = new Set(["ro", "readonly", "O"]);

/** Returns the folders in which podman stores what a container changes in an overlay. */
const overlayFolders = (options: readonly string[]): readonly string[] =>
  options.flatMap((option) => /^(?:upperdir|workdir)=(.*)$/.exec(option)?.[1] ?? []);

/**
 * Returns the mount of a script file: its folder, whose modules it may import, and only the file if the folder has to do with what
 * petit stores.
 */
const scriptOf = (file: string, ownFolders: OwnFolders): readonly Bind[] => {
  const folder = dirname(file);
  const mount = judgeMount(folder, ownFolders);
  const path = "problem" in mount ? file : folder;
  return [{ source: path, target: path, isReadOnly: true }];
};

/** Returns the flag that mounts a path. The engines read it as a line of CSV. */
const bindArgument = ({ source, target, isReadOnly }: Bind): string =>
  `--mount=${["type=bind", `source=${source}`, `target=${target}`, ...(isReadOnly ? ["readonly"] : [])].map(csvField).join(",")}`;

const csvField = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
