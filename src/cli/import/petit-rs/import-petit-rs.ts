import { EXIT } from "../../exit.ts";
import { Failure } from "../../failure.ts";
import type { Importer } from "../imported.ts";

export const importPetitRs: Importer = async () => {
  throw new Failure(EXIT.FAILED, "'petit import petit-rs' is not implemented yet");
};
