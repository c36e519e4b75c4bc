/** Constants of Linux. */
export const AF_UNIX = 1;
export const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
export const MSG_NOSIGNAL = 0x4000;

/** Bytes that the name of a socket may have. */
const MAX_NAME_BYTES = 107;

/**
 * The `sockaddr_un` of unix(7), as the system's C library takes it: the family, then the name, which is an absolute path, or
 * begins with `@` where it is abstract. Null where it is neither, or has more than 107 bytes.
 */
export const socketAddress = (name: string): Buffer | null => {
  const bytes = Buffer.from(name);
  if (!/^[@/]/.test(name) || name.includes("\0") || bytes.length > MAX_NAME_BYTES) return null;
  // A path ends with a zero byte; what is abstract begins with one, and is as long as the address says.
  const address = Buffer.alloc(2 + bytes.length + (name.startsWith("@") ? 0 : 1));
  address[0] = AF_UNIX;
  bytes.copy(address, 2);
  if (name.startsWith("@")) address[2] = 0;
  return address;
};
