/** What petit uses of Deno's own API. https://docs.deno.com/api/deno/ */
declare namespace Deno {
  const version: { readonly deno: string };

  function execPath(): string;

  const permissions: {
    querySync(descriptor: PermissionDescriptor): { readonly state: "granted" | "denied" | "prompt" };
  };

  type PermissionDescriptor = { readonly name: "ffi" };

  function serve(
    options: {
      readonly hostname: string;
      readonly port: number;
      readonly signal: AbortSignal;
      readonly onListen: () => void;
    },
    handler: (
      request: Request,
      info: { readonly remoteAddr: { readonly hostname: string } },
    ) => Response | Promise<Response>,
  ): {
    readonly addr: { readonly hostname: string; readonly port: number };
    shutdown(): Promise<void>;
  };

  type NativeTypes = { i32: number; i64: bigint; pointer: null; buffer: NodeJS.TypedArray };
  type NativeFunction = {
    readonly parameters: readonly (keyof NativeTypes)[];
    readonly result: "i32";
  };

  function dlopen<const Symbols extends Record<string, NativeFunction>>(
    library: string,
    symbols: Symbols,
  ): {
    readonly symbols: {
      readonly [Name in keyof Symbols]: (
        ...args: {
          -readonly [At in keyof Symbols[Name]["parameters"]]: NativeTypes[Symbols[Name]["parameters"][At]];
        }
      ) => number;
    };
  };
}
