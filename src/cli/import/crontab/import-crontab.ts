import { EXIT } from "../../exit.ts";
import { Failure } from "../../failure.ts";
import type { Importer } from "../imported.ts";

export const importCrontab: Importer = async () => {
  throw new Failure(EXIT.FAILED, "'petit import crontab' is not implemented yet");
};
