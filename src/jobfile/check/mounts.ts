import type { Declaration } from "../declaration.ts";
import { judgeMount, type OwnFolders } from "../mount.ts";
import type { Conflict } from "../problem.ts";

/** Reports containers that mount what petit stores. */
export const checkMounts = (declarations: readonly Declaration[], folders: OwnFolders): readonly Conflict[] =>
  declarations.flatMap(({ file, mounts }) =>
    mounts.flatMap(({ source, path, position }) => {
      const mount = judgeMount(source, folders);
      if (!("problem" in mount)) return [];
      return [{ problem: { file, ...position, path, message: mount.problem }, files: [file] }];
    }),
  );
