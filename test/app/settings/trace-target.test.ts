import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { traceTargetOf } from "../../../src/app/settings/trace-target.ts";
import { PetitError } from "../../../src/domain/errors.ts";
import { tempDir } from "../../support/temp-dir.ts";

const target = (endpoint: string | null, headers?: string, file: string | null = null) =>
  traceTargetOf({
    settings: { otlpEndpoint: endpoint, otlpHeadersFile: file },
    environment: headers === undefined ? {} : { OTEL_EXPORTER_OTLP_HEADERS: headers },
    version: "1.2.3",
  });

test("nothing is sent without the setting, whatever the environment of tasks says", () => {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_EXPORTER_OTLP_HEADERS: "===" };
  expect(
    traceTargetOf({ settings: { otlpEndpoint: null, otlpHeadersFile: "/nowhere" }, environment, version: "1" }),
  ).toBeNull();
});

test.each([
  ["http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"],
  ["http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"],
  ["https://api.example.com/otlp", "https://api.example.com/otlp/v1/traces"],
  ["https://api.example.com/otlp/v1/traces", "https://api.example.com/otlp/v1/traces"],
  ["https://api.example.com/otlp/v1/traces/", "https://api.example.com/otlp/v1/traces"],
])("traces for %s are sent to %s", (endpoint, url) => {
  expect(target(endpoint)).toEqual({
    url,
    headers: {},
    source: {
      version: "1.2.3",
      attributes: { "service.name": "petit", "service.version": "1.2.3", "host.name": hostname() },
    },
  });
});

test("the headers are those of the variable of the standard, decoded", () => {
  expect(target("http://x", " api-key=a%3Db%2C c , Authorization=Basic%20eA==,,empty=")?.headers).toEqual({
    "api-key": "a=b, c",
    Authorization: "Basic eA==",
    empty: "",
  });
});

test.each(["s3cret", "=s3cret", "a b=s3cret", "a=s3cret%", "a=s3cret%0Ax"])(
  "headers that are none are refused without their values: %s",
  (headers) => {
    const refused = (): unknown => target("http://x", `first=1,${headers}`);
    expect(refused).toThrow(PetitError);
    expect(refused).toThrow("OTEL_EXPORTER_OTLP_HEADERS: part 2 is not a header; expected NAME=VALUE,NAME=VALUE");
    expect(refused).not.toThrow("s3cret");
  },
);

test("the headers of a file are added, and replace those of the variable", () => {
  using dir = tempDir();
  writeFileSync(dir.file("headers"), "# for the receiver\r\n\nAuthorization:  Bearer a=b:c%20d \nb:\n");
  expect(target("http://x", "a=1,b=2", dir.file("headers"))?.headers).toEqual({
    a: "1",
    b: "",
    Authorization: "Bearer a=b:c%20d",
  });
});

test("a file that can't be read, or is none of headers, is refused with the place and without its content", () => {
  using dir = tempDir();
  expect(() => target("http://x", undefined, dir.file("none"))).toThrow(
    /^the file of otlp_headers_file can't be read: .*ENOENT.*none/,
  );
  writeFileSync(dir.file("headers"), "a: 1\ns3cret\n");
  const refused = (): unknown => target("http://x", undefined, dir.file("headers"));
  expect(refused).toThrow(`${dir.file("headers")}:2: this is not a header; expected NAME: VALUE`);
  expect(refused).not.toThrow("s3cret");
  writeFileSync(dir.file("headers"), "a: é\n");
  expect(refused).toThrow(":1: this is not a header");
});
