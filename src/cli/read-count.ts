import { PetitError } from "../domain/errors.ts";

type Bounds = { readonly flag: string; readonly max: number };

/** How many a flag asks for, at least 1; null where it isn't given. Throws `invalid_request` with the bounds. */
export const readCount = (text: string | undefined, { flag, max }: Bounds): number | null => {
  if (text === undefined) return null;
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new PetitError("invalid_request", `${flag} is '${text}'; expected a whole number from 1 to ${max}`);
};
