/** The first argument of petit for the process that writes the index, and for the one that searches. They are not for people. */
export const SEARCH_COMMAND = "search-process";
