export const loadConfigFile = async (_: unknown) => null;
