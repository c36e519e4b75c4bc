/** Constants of Linux. */
export const AF_UNIX = 1;
export const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
export const MSG_NOSIGNAL = 0x4000;

/** Maximum length of the name of a socket, in bytes. */
const MAX_NAME_BYTES = 107;

/**
 * Encodes a `sockaddr_un` of unix(7): the family, then the name, which is an absolute path, or begins with `@` if it is
 * abstract. Returns null for any other name, and for more than 107 bytes.
 */
export const encodeSocketAddress = (name: string): Buffer | null => {
  const bytes = Buffer.from(name);
  if (!/^[@/]/.test(name) || name.includes("\0") || bytes.length > MAX_NAME_BYTES) return null;
  // A path ends with a zero byte. An abstract name begins with one, and has the length of the address.
  const address = Buffer.alloc(2 + bytes.length + (name.startsWith("@") ? 0 : 1));
  address[0] = AF_UNIX;
  bytes.copy(address, 2);
  if (name.startsWith("@")) address[2] = 0;
  return address;
};
