/** Why the index for searches can't be written. */
export const INDEX_FAULTS = ["disk_full", "unwritable"] as const;
export type IndexFault = (typeof INDEX_FAULTS)[number];

/** What a person can do about it. */
export const INDEX_ADVICE: Readonly<Record<IndexFault, string>> = {
  disk_full: "free space, or set a lower search_limit",
  unwritable: "see to it that petit can write the file, or delete it; petit makes another one",
};
