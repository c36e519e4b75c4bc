import { PetitError } from "../domain/errors.ts";

type CountOptions = { readonly flag: string; readonly max: number };

/** Returns the number given with a flag, from 1 to `max`, or null if it isn't given. Throws `invalid_request` for other values. */
export const readCount = (text: string | undefined, { flag, max }: CountOptions): number | null => {
  if (text === undefined) return null;
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new PetitError("invalid_request", `${flag} is '${text}'; expected a whole number from 1 to ${max}`);
};
