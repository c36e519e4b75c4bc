/** The part of Deno's API that petit uses. https://docs.deno.com/api/deno/ */
declare namespace Deno {
  const version: { readonly deno: string };

  function execPath(): string;

  const permissions: {
    /** `partial` means granted with exceptions. */
    querySync(descriptor: PermissionDescriptor): {
      readonly state: "granted" | "denied" | "prompt";
      readonly partial: boolean;
    };
  };

  type PermissionDescriptor = {
    readonly name: "read" | "write" | "net" | "env" | "sys" | "run" | "ffi" | "import";
  };

  /** Registers a test of `deno test`. */
  function test(options: {
    readonly name: string;
    readonly ignore: boolean;
    /** In ms. */
    readonly timeout: number;
    readonly fn: () => Promise<void>;
  }): void;

  function serve(
    options: {
      readonly hostname: string;
      readonly port: number;
      readonly signal: AbortSignal;
      readonly onListen: () => void;
    },
    handler: (
      request: Request,
      info: {
        readonly remoteAddr: { readonly hostname: string; readonly port: number };
        readonly completed: Promise<void>;
      },
    ) => Response | Promise<Response>,
  ): {
    readonly addr: { readonly hostname: string; readonly port: number };
    /** Rejects if the server ends because of an error. */
    readonly finished: Promise<void>;
    shutdown(): Promise<void>;
  };

  /** A client for `fetch`. */
  function createHttpClient(options: { readonly caCerts: readonly string[] }): object;

  type NativeTypes = { i32: number; u32: number; i64: bigint; pointer: null; buffer: NodeJS.TypedArray };
  type NativeFunction = {
    readonly parameters: readonly (keyof NativeTypes)[];
    readonly result: "i32";
    /** The symbol is null if the library does not have it. */
    readonly optional?: true;
  };

  type Call<Parameters extends readonly (keyof NativeTypes)[]> = (
    ...args: { -readonly [At in keyof Parameters]: NativeTypes[Parameters[At]] }
  ) => number;

  function dlopen<const Symbols extends Record<string, NativeFunction>>(
    library: string,
    symbols: Symbols,
  ): {
    readonly symbols: {
      readonly [Name in keyof Symbols]:
        | Call<Symbols[Name]["parameters"]>
        | (Symbols[Name] extends { readonly optional: true } ? null : never);
    };
  };
}
